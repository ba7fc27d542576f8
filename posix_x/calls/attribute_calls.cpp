// chmod(2), chown(2), utimensat(2), truncate(2): what a file's owner may change.
#include "kernel/fs/time.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/signals.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

/// What is to be changed; its mount stays writable meanwhile.
struct Target {
    Ref<Inode> inode;
    RefPtr<Dentry> name;  // by which it was found
    WriteAccess writes;
};

/// NOENT; ROFS.
Result<Target> target_of(Dentry& dentry) {
    auto inode = TRY(inode_of(dentry));
    Dentry& root = dentry.mount_root();
    return Target{std::move(inode), RefPtr<Dentry>(&dentry),
                  TRY(WriteAccess::begin(root.mount_state(), RefPtr<RefCounted>(&root)))};
}

/// BADF; ROFS.
Result<Target> target_of(Task& task, Fd fd) {
    const auto file = TRY(opened_file_of(task, fd));
    const RefPtr<Dentry> dentry = file->dentry();
    if (!dentry) return Errno::NOMEM;
    return target_of(*dentry);
}

Result<Target> target_of_path(Task& task, DirFd at, UserPath path, Flags flags) {
    const auto dentry = TRY(resolve(task, at, path, flags));
    return target_of(*dentry);
}

Result<long> change(Task& task, const Target& target, const AttributeChange& change,
                    bool times_now = false) {
    TRY(change_attributes(*target.inode, target.name.get(), change, times_now,
                          *task.process().credentials()));
    return 0;
}

AttributeChange mode_change(ModeBits mode) {
    AttributeChange change;
    change.mode = true;
    change.to.mode = static_cast<Mode>(mode.value & 07777);
    return change;
}

AttributeChange owner_change(std::uint32_t uid, std::uint32_t gid) {
    constexpr std::uint32_t kKeep = ~std::uint32_t{0};
    AttributeChange change;
    change.uid = uid != kKeep;
    change.gid = gid != kKeep;
    change.to.uid = uid;
    change.to.gid = gid;
    return change;
}

/// FBIG, and SIGXFSZ: a file may not be so long (RLIMIT_FSIZE).
Result<void> check_file_limit(Task& task, std::uint64_t size) {
    if (size <= task.process().limits.soft(abi::Limit::kFileSize)) return {};
    static_cast<void>(queue_signal(task, info_from_kernel(Signal::kXfsz)));
    return Errno::FBIG;
}

Result<long> set_size(Task& task, const Target& target, std::int64_t size) {
    const Inode& inode = *target.inode;
    if (size < 0) return Errno::INVAL;
    if (inode.type() == FileType::kDirectory) return Errno::ISDIR;
    if (inode.type() != FileType::kRegular) return Errno::INVAL;
    TRY(check_file_limit(task, static_cast<std::uint64_t>(size)));
    const FileClaim claim = TRY(target.inode->claim(Occupancy::Kind::kWrite));
    AttributeChange to;
    to.size = true;
    to.to.size = static_cast<std::uint64_t>(size);
    return change(task, target, to);
}

constexpr std::int64_t kUtimeNow = (1 << 30) - 1, kUtimeOmit = (1 << 30) - 2;

Result<void> set_time(bool& wanted, Timestamp& to, const abi::Timespec& time) {
    if (time.nanoseconds == kUtimeOmit) return {};
    wanted = true;
    if (time.nanoseconds == kUtimeNow) {
        to = now_timestamp();
        return {};
    }
    if (time.nanoseconds < 0 || time.nanoseconds >= kNsPerSecond) return Errno::INVAL;
    to = {time.seconds, static_cast<std::uint32_t>(time.nanoseconds)};
    return {};
}

/// Access and modification time; nullptr: both now.
Result<long> set_times(Task& task, const Target& target, const abi::Timespec* times) {
    AttributeChange to;
    const abi::Timespec now_both[2] = {{0, kUtimeNow}, {0, kUtimeNow}};
    const bool all_now = times == nullptr ||
                         (times[0].nanoseconds == kUtimeNow && times[1].nanoseconds == kUtimeNow);
    if (times == nullptr) times = now_both;
    TRY(set_time(to.accessed, to.to.accessed, times[0]));
    TRY(set_time(to.modified, to.to.modified, times[1]));
    if (!to.accessed && !to.modified) return 0;
    return change(task, target, to, all_now);
}

/// Without a path, of the file that `at` names.
Result<long> set_times_of_path(Task& task, DirFd at, UserPath path, UserIn<abi::Timeval> times) {
    const auto target =
        TRY(path.is_null() && !at.is_cwd() ? target_of(task, at.fd())
                                           : target_of_path(task, at, path, Flags{}));
    if (times.is_null()) return set_times(task, target, nullptr);
    abi::Timespec both[2];
    for (std::size_t i = 0; i < 2; ++i) {
        const abi::Timeval each = TRY(times.read(i));
        if (each.microseconds < 0 || each.microseconds >= 1'000'000) return Errno::INVAL;
        both[i] = {each.seconds, each.microseconds * 1000};
    }
    return set_times(task, target, both);
}

}  // namespace

Result<long> sys_fallocate(Task& task, Fd fd, Flags mode, std::int64_t offset, std::int64_t size) {
    constexpr std::uint32_t kKeepSize = 1;
    const auto file = TRY(file_of(task, fd, Rights::kWrite));
    if (offset < 0 || size <= 0) return Errno::INVAL;
    if (!mode.only(kKeepSize)) return Errno::OPNOTSUPP;
    std::int64_t end;
    if (__builtin_add_overflow(offset, size, &end)) return Errno::FBIG;
    const RefPtr<Inode> inode = file->inode();
    if (inode->type() == FileType::kFifo) return Errno::SPIPE;
    if (inode->type() == FileType::kDirectory) return Errno::ISDIR;
    if (inode->type() != FileType::kRegular) return Errno::NODEV;
    const bool grows = !mode.has(kKeepSize) && static_cast<std::uint64_t>(end) > inode->stat().size;
    if (grows) TRY(check_file_limit(task, static_cast<std::uint64_t>(end)));
    TRY(inode->allocate(static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(size),
                        mode.has(kKeepSize) ? Inode::Grow::kNo : Inode::Grow::kYes));
    file->tell(FileEvents::kModify);
    return 0;
}

Result<long> sys_fchmodat(Task& task, DirFd at, UserPath path, ModeBits mode) {
    const auto target = TRY(target_of_path(task, at, path, Flags{}));
    return change(task, target, mode_change(mode));
}
Result<long> sys_chmod(Task& task, UserPath path, ModeBits mode) {
    return sys_fchmodat(task, DirFd{}, path, mode);
}
Result<long> sys_fchmod(Task& task, Fd fd, ModeBits mode) {
    const auto target = TRY(target_of(task, fd));
    return change(task, target, mode_change(mode));
}

Result<long> sys_fchownat(Task& task, DirFd at, UserPath path, std::uint32_t uid, std::uint32_t gid,
                          Flags flags) {
    if (!flags.only(abi::kAtSymlinkNoFollow | abi::kAtEmptyPath)) return Errno::INVAL;
    const auto target = TRY(target_of_path(task, at, path, flags));
    return change(task, target, owner_change(uid, gid));
}
Result<long> sys_chown(Task& task, UserPath path, std::uint32_t uid, std::uint32_t gid) {
    return sys_fchownat(task, DirFd{}, path, uid, gid, Flags{});
}
Result<long> sys_lchown(Task& task, UserPath path, std::uint32_t uid, std::uint32_t gid) {
    return sys_fchownat(task, DirFd{}, path, uid, gid, Flags{abi::kAtSymlinkNoFollow});
}
Result<long> sys_fchown(Task& task, Fd fd, std::uint32_t uid, std::uint32_t gid) {
    const auto target = TRY(target_of(task, fd));
    return change(task, target, owner_change(uid, gid));
}

Result<long> sys_utimensat(Task& task, DirFd at, UserPath path, UserIn<abi::Timespec> times,
                           Flags flags) {
    if (!flags.only(abi::kAtSymlinkNoFollow | abi::kAtEmptyPath)) return Errno::INVAL;
    abi::Timespec both[2];
    if (!times.is_null())
        for (std::size_t i = 0; i < 2; ++i) both[i] = TRY(times.read(i));
    // Nothing to set: nothing is looked at either.
    if (!times.is_null() && both[0].nanoseconds == kUtimeOmit && both[1].nanoseconds == kUtimeOmit)
        return 0;
    const bool of_descriptor = path.is_null() && !at.is_cwd();  // futimens(3)
    if (of_descriptor && flags.bits != 0) return Errno::INVAL;
    const auto target =
        TRY(of_descriptor ? target_of(task, at.fd()) : target_of_path(task, at, path, flags));
    return set_times(task, target, times.is_null() ? nullptr : both);
}
Result<long> sys_futimesat(Task& task, DirFd at, UserPath path, UserIn<abi::Timeval> times) {
    return set_times_of_path(task, at, path, times);
}
Result<long> sys_utimes(Task& task, UserPath path, UserIn<abi::Timeval> times) {
    return set_times_of_path(task, DirFd{}, path, times);
}
Result<long> sys_utime(Task& task, UserPath path, UserIn<std::int64_t> times) {
    const auto target = TRY(target_of_path(task, DirFd{}, path, Flags{}));
    if (times.is_null()) return set_times(task, target, nullptr);
    const abi::Timespec both[2] = {{TRY(times.read(0)), 0}, {TRY(times.read(1)), 0}};
    return set_times(task, target, both);
}

Result<long> sys_truncate(Task& task, UserPath path, std::int64_t size) {
    const auto target = TRY(target_of_path(task, DirFd{}, path, Flags{}));
    TRY(check_permission(target.inode->stat(), Permission::kWrite, *task.process().credentials()));
    return set_size(task, target, size);
}
Result<long> sys_ftruncate(Task& task, Fd fd, std::int64_t size) {
    const auto [file, rights] = TRY(opened_file_handle_of(task, fd));
    const RefPtr<Inode> inode = file->inode();
    const bool fits = inode->type() == FileType::kRegular;
    if (!fits || !includes(rights, Rights::kWrite)) return Errno::INVAL;
    return set_size(task, Target{inode.to_ref(), file->dentry(), {}}, size);
}

}  // namespace exo::posix
