// inotify_init1(2), inotify_add_watch(2), inotify_rm_watch(2).
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/inotify_file.h"

namespace exo::posix {

Result<long> sys_inotify_init(Task& task) {
    return sys_inotify_init1(task, Flags{});
}

Result<long> sys_inotify_init1(Task& task, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec | abi::kONonBlock)) return Errno::INVAL;
    const Uid user = task.process().credentials()->effective_uid;
    auto made = TRY(InotifyFile::create(user, file_flags_of(flags.bits & abi::kONonBlock)));
    return install(task, std::move(made), abi::kOReadOnly, close_on_exec_of(flags));
}

Result<long> sys_inotify_add_watch(Task& task, Fd fd, UserPath path, Flags mask) {
    if (!mask.only(abi::kInAll) || mask.bits == 0) return Errno::INVAL;
    const auto inotify = TRY(file_as<InotifyFile>(task, fd, ObjectType::kInotify));
    if (mask.has(abi::kInMaskAdd) && mask.has(abi::kInMaskCreate)) return Errno::INVAL;
    Flags resolving;
    if (mask.has(abi::kInDoNotFollow)) resolving.bits = abi::kAtSymlinkNoFollow;
    const auto dentry = TRY(resolve(task, DirFd{}, path, resolving));
    const auto inode = TRY(inode_of(*dentry));
    if (mask.has(abi::kInOnlyDirectory) && inode->type() != FileType::kDirectory)
        return Errno::NOTDIR;
    TRY(check_permission(inode->stat(), Permission::kRead, *task.process().credentials()));
    return TRY(inotify->add(*inode, mask.bits));
}

Result<long> sys_inotify_rm_watch(Task& task, Fd fd, std::int32_t number) {
    const auto inotify = TRY(file_as<InotifyFile>(task, fd, ObjectType::kInotify));
    TRY(inotify->remove(number));
    return 0;
}

}  // namespace exo::posix
