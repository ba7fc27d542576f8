// mkdir(2), unlink(2), rename(2), link(2), getdents64(2), chdir(2), mount(2): names and
// directories.
#include <algorithm>
#include <cstring>

#include "abi/linux/capability.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"

namespace exo::posix {

namespace {

Result<long> make(Task& task, DirFd at, UserPath path, FileType type, ModeBits mode,
                  DeviceNumber device) {
    const Path name = TRY(path.read());
    const WalkStart start = TRY(start_of(task, at, name.text()));
    Process& process = task.process();
    const auto bits = static_cast<Mode>(mode.value & 07777 & ~process.places().umask());
    TRY(make_node(start, name.text(), type, bits, device, *process.credentials()));
    return 0;
}

}  // namespace

Result<long> sys_mkdirat(Task& task, DirFd at, UserPath path, ModeBits mode) {
    return make(task, at, path, FileType::kDirectory, mode, {});
}
Result<long> sys_mkdir(Task& task, UserPath path, ModeBits mode) {
    return sys_mkdirat(task, DirFd{}, path, mode);
}

Result<long> sys_mknodat(Task& task, DirFd at, UserPath path, ModeBits mode, std::uint64_t device) {
    const auto type = static_cast<FileType>((mode.value & abi::kIfMask) >> 12);
    const DeviceNumber number = {
        static_cast<std::uint32_t>(device >> 8 & 0xfff),
        static_cast<std::uint32_t>((device & 0xff) | (device >> 12 & ~0xffu))};
    switch (type) {
        case FileType::kUnknown:
            return make(task, at, path, FileType::kRegular, mode, {});
        case FileType::kRegular:
        case FileType::kFifo:
        case FileType::kSocket:
        case FileType::kCharacterDevice:
        case FileType::kBlockDevice:
            return make(task, at, path, type, mode, number);
        case FileType::kDirectory:
            return Errno::PERM;
        default:
            return Errno::INVAL;
    }
}
Result<long> sys_mknod(Task& task, UserPath path, ModeBits mode, std::uint64_t device) {
    return sys_mknodat(task, DirFd{}, path, mode, device);
}

Result<long> sys_unlinkat(Task& task, DirFd at, UserPath path, Flags flags) {
    if (!flags.only(abi::kAtRemoveDir)) return Errno::INVAL;
    const Path name = TRY(path.read());
    const WalkStart start = TRY(start_of(task, at, name.text()));
    const Remove what = flags.has(abi::kAtRemoveDir) ? Remove::kDirectory : Remove::kFile;
    TRY(remove_path(start, name.text(), what, *task.process().credentials()));
    return 0;
}
Result<long> sys_unlink(Task& task, UserPath path) {
    return sys_unlinkat(task, DirFd{}, path, Flags{});
}
Result<long> sys_rmdir(Task& task, UserPath path) {
    return sys_unlinkat(task, DirFd{}, path, Flags{abi::kAtRemoveDir});
}

Result<long> sys_renameat2(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to,
                           Flags flags) {
    constexpr std::uint32_t kNoReplace = 1, kExchange = 2;
    if (!flags.only(kNoReplace | kExchange)) return Errno::INVAL;
    if (flags.has(kNoReplace) && flags.has(kExchange)) return Errno::INVAL;
    const Path from_name = TRY(from.read());
    const Path to_name = TRY(to.read());
    const WalkStart from_start = TRY(start_of(task, from_at, from_name.text()));
    const WalkStart to_start = TRY(start_of(task, to_at, to_name.text()));
    const RenameMode mode = flags.has(kNoReplace)  ? RenameMode::kNoReplace
                            : flags.has(kExchange) ? RenameMode::kExchange
                                                   : RenameMode::kReplace;
    TRY(rename_path(from_start, from_name.text(), to_start, to_name.text(), mode,
                    *task.process().credentials()));
    return 0;
}
Result<long> sys_renameat(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to) {
    return sys_renameat2(task, from_at, from, to_at, to, Flags{});
}
Result<long> sys_rename(Task& task, UserPath from, UserPath to) {
    return sys_renameat2(task, DirFd{}, from, DirFd{}, to, Flags{});
}

Result<long> sys_linkat(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to,
                        Flags flags) {
    if (!flags.only(abi::kAtSymlinkFollow | abi::kAtEmptyPath)) return Errno::INVAL;
    Flags resolving{flags.bits & abi::kAtEmptyPath};
    if (!flags.has(abi::kAtSymlinkFollow)) resolving.bits |= abi::kAtSymlinkNoFollow;
    const auto what = TRY(resolve(task, from_at, from, resolving));
    const Path name = TRY(to.read());
    const WalkStart start = TRY(start_of(task, to_at, name.text()));
    TRY(make_link(*what, start, name.text(), *task.process().credentials()));
    return 0;
}
Result<long> sys_link(Task& task, UserPath from, UserPath to) {
    return sys_linkat(task, DirFd{}, from, DirFd{}, to, Flags{});
}

Result<long> sys_symlinkat(Task& task, UserPath target, DirFd at, UserPath path) {
    const Path text = TRY(target.read());
    if (text.empty()) return Errno::NOENT;
    const Path name = TRY(path.read());
    const WalkStart start = TRY(start_of(task, at, name.text()));
    TRY(make_symlink(start, name.text(), text.text(), *task.process().credentials()));
    return 0;
}
Result<long> sys_symlink(Task& task, UserPath target, UserPath path) {
    return sys_symlinkat(task, target, DirFd{}, path);
}

Result<long> sys_readlinkat(Task& task, DirFd at, UserPath path, UserAddr out,
                            std::int32_t capacity) {
    if (capacity <= 0) return Errno::INVAL;
    const auto dentry =
        TRY(resolve(task, at, path, Flags{abi::kAtSymlinkNoFollow | abi::kAtEmptyPath}));
    const auto inode = TRY(inode_of(*dentry));
    if (inode->type() != FileType::kSymlink) {
        return TRY(path.read()).empty() ? Errno::NOENT : Errno::INVAL;
    }
    struct Target {
        char text[kPathMax];
    };
    const auto target = TRY(Box<Target>::create());
    const std::size_t length = TRY(inode->read_link(target->text, kPathMax));
    const std::size_t bytes = std::min<std::size_t>(length, static_cast<std::size_t>(capacity));
    TRY(write_user(out, target->text, bytes));
    return static_cast<long>(bytes);
}
Result<long> sys_readlink(Task& task, UserPath path, UserAddr out, std::int32_t capacity) {
    return sys_readlinkat(task, DirFd{}, path, out, capacity);
}

namespace {

/// Of an entry, with its NUL, up to where the next begins.
constexpr std::size_t record_bytes(std::size_t name_bytes) {
    return (abi::kDirentName + name_bytes + 1 + 7) & ~std::size_t{7};
}

/// Entries as getdents64(2) lays them out, put into the program's memory one by one: what does not
/// get there is not counted as read by the file either.
class DirentWriter final : public DirectorySink {
  public:
    explicit DirentWriter(UserSpan out) : out_(out) {}

    bool entry(std::string_view name, std::uint64_t inode, FileType type,
               std::uint64_t next_offset) override {
        std::byte record[record_bytes(kNameMax)] = {};
        const std::size_t bytes = record_bytes(name.size());
        EXO_CHECK(bytes <= sizeof record, "a name longer than names are");
        if (bytes > out_.bytes - used_) {
            stopped_by_ = Errno::INVAL;
            return false;
        }
        const auto put = [&](std::size_t offset, const auto& value) {
            std::memcpy(record + offset, &value, sizeof value);
        };
        put(0, inode);
        put(8, next_offset);
        put(16, static_cast<std::uint16_t>(bytes));
        put(18, static_cast<std::uint8_t>(type));
        std::memcpy(record + abi::kDirentName, name.data(), name.size());
        if (const auto written = write_user(out_.at + used_, record, bytes); !written) {
            stopped_by_ = written.error();
            return false;
        }
        used_ += bytes;
        return true;
    }

    /// The bytes written; an error only stands for nothing: no room for the first, or a fault.
    [[nodiscard]] Result<long> result() const {
        if (used_ == 0 && stopped_by_ != Errno{}) return stopped_by_;
        return static_cast<long>(used_);
    }

  private:
    UserSpan out_;
    std::size_t used_ = 0;
    Errno stopped_by_{};
};

}  // namespace

Result<long> sys_getdents64(Task& task, Fd fd, UserAddr out, std::uint32_t capacity) {
    const auto file = TRY(file_of(task, fd, Rights::kRead));
    DirentWriter writer({out, capacity});
    TRY(file->read_directory(writer));
    return writer.result();
}

namespace {

Result<void> enter_directory(Task& task, Ref<Dentry> dentry) {
    const auto inode = TRY(inode_of(*dentry));
    const InodeStat stat = inode->stat();
    if (stat.type != FileType::kDirectory) return Errno::NOTDIR;
    TRY(check_permission(stat, Permission::kExecute, *task.process().credentials()));
    task.process().places().set_directory(std::move(dentry));
    return {};
}

}  // namespace

Result<long> sys_chdir(Task& task, UserPath path) {
    auto dentry = TRY(resolve(task, DirFd{}, path, Flags{}));
    TRY(enter_directory(task, std::move(dentry)));
    return 0;
}

Result<long> sys_fchdir(Task& task, Fd fd) {
    const auto file = TRY(file_of(task, fd));
    const RefPtr<Dentry> dentry = file->dentry();
    if (!dentry) return Errno::NOMEM;
    TRY(enter_directory(task, dentry.to_ref()));
    return 0;
}

Result<long> sys_chroot(Task& task, UserPath path) {
    auto dentry = TRY(resolve(task, DirFd{}, path, Flags{}));
    const auto inode = TRY(inode_of(*dentry));
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    if (!task.process().credentials()->capable(abi::kCapSysChroot)) return Errno::PERM;
    task.process().places().set_root(std::move(dentry));
    return 0;
}

Result<long> sys_getcwd(Task& task, UserAddr out, std::uint64_t capacity) {
    struct Text {
        char text[kPathMax];
    };
    const auto text = TRY(Box<Text>::create());
    const WalkStart start = task.process().places().walk_start();
    if (start.at->is_deleted()) return Errno::NOENT;
    const auto path = start.at->path(*start.root, text->text, kPathMax - 1);
    // glibc's getcwd(3) then finds it out by itself.
    if (!path) return path.error() == Errno::RANGE ? Errno::NAMETOOLONG : path.error();
    const std::size_t length = *path;
    text->text[length] = '\0';
    if (length + 1 > capacity) return Errno::RANGE;
    TRY(write_user(out, text->text, length + 1));
    return static_cast<long>(length + 1);
}

}  // namespace exo::posix
