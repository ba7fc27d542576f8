#include "posix_x/calls/files.h"

#include <algorithm>

namespace exo::posix {

Result<FileHandle> counted_file_handle_of(HandleTable& handles, Fd fd, Rights wanted) {
    Handle handle = TRY(handles.get(fd, wanted));
    if (!File::is(*handle.object)) return Errno::BADF;
    auto& file = static_cast<File&>(handle.object.release());
    return FileHandle{FileUse::counted(Ref<File>::adopt(file)), handle.rights};
}

Result<WalkStart> start_of(Task& task, DirFd at, std::string_view path) {
    if (path.empty()) return Errno::NOENT;
    WalkStart start = task.process().places().walk_start();
    if (at.is_cwd() || path.starts_with('/')) return start;
    const auto file = TRY(file_of(task, at.fd()));
    const RefPtr<Dentry> dentry = file->dentry();
    const RefPtr<Inode> inode = dentry ? dentry->inode() : RefPtr<Inode>();
    if (!inode || inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    start.at = dentry.to_ref();
    return start;
}

Result<Ref<Dentry>> resolve(Task& task, DirFd at, UserPath path, Flags flags) {
    const Path name = TRY(path.read());
    if (name.empty() && flags.has(abi::kAtEmptyPath)) {
        if (at.is_cwd()) return task.process().places().walk_start().at;
        const auto file = TRY(file_of(task, at.fd()));
        const RefPtr<Dentry> dentry = file->dentry();
        if (!dentry) return Errno::NOMEM;
        return dentry.to_ref();
    }
    const WalkStart start = TRY(start_of(task, at, name.text()));
    const LastLink last = flags.has(abi::kAtSymlinkNoFollow) ? LastLink::kKeep : LastLink::kFollow;
    return walk(start, name.text(), last, *task.process().credentials());
}

Result<Ref<Inode>> inode_of(const Dentry& dentry) {
    const RefPtr<Inode> inode = dentry.inode();
    if (!inode) return Errno::NOENT;
    return inode.to_ref();
}

Result<Ref<Inode>> inode_of(Task& task, Fd fd) {
    return TRY(opened_file_of(task, fd))->inode().to_ref();
}

std::uint32_t file_limit(Task& task) {
    const std::uint64_t limit = task.process().limits.soft(abi::Limit::kFiles);
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(limit, HandleTable::kMaxHandles));
}

Result<long> install(Task& task, Ref<File> file, std::uint32_t access, CloseOnExec close_on_exec) {
    Rights rights =
        Rights::kMap | Rights::kDuplicate | Rights::kTransfer | Rights::kControl | Rights::kExecute;
    if (has(file->flags(), FileFlags::kPathOnly)) {
        rights = Rights::kDuplicate | Rights::kTransfer | Rights::kExecute;
    } else {
        if (access != abi::kOWriteOnly) rights = rights | Rights::kRead;
        if (access != abi::kOReadOnly) rights = rights | Rights::kWrite;
    }
    auto reservation = TRY(task.process().handles->reserve(file_limit(task)));
    return static_cast<long>(reservation.commit({std::move(file), rights}, close_on_exec));
}

namespace {
struct FlagPair {
    std::uint32_t open;
    FileFlags file;
};
constexpr FlagPair kFlagPairs[] = {
    {abi::kOAppend, FileFlags::kAppend},        {abi::kONonBlock, FileFlags::kNonBlocking},
    {abi::kODataSync, FileFlags::kSync},        {abi::kODirect, FileFlags::kDirect},
    {abi::kONoAtime, FileFlags::kNoAccessTime}, {abi::kOPath, FileFlags::kPathOnly},
    {abi::kOLargeFile, FileFlags::kLargeFile},
};
}  // namespace

FileFlags file_flags_of(std::uint32_t open_flags) {
    FileFlags flags = FileFlags::kNone;
    for (const auto& [open, file] : kFlagPairs)
        if ((open_flags & open) != 0) flags = flags | file;
    return flags;
}

std::uint32_t open_flags_of(FileFlags flags, Rights rights) {
    std::uint32_t open_flags = 0;
    for (const auto& [open, file] : kFlagPairs)
        if (has(flags, file)) open_flags |= open;
    const bool readable = includes(rights, Rights::kRead);
    if (includes(rights, Rights::kWrite))
        open_flags |= readable ? abi::kOReadWrite : abi::kOWriteOnly;
    return open_flags;
}

}  // namespace exo::posix
