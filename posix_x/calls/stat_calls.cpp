// stat(2), statx(2), statfs(2), access(2): what is known of files.
#include "kernel/fs/file_system.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/identity.h"

namespace exo::posix {
namespace {

constexpr std::uint32_t kBlock = 4096;

std::uint32_t mode_of(const InodeStat& stat) {
    return static_cast<std::uint32_t>(stat.type) << 12 | stat.mode;
}

abi::Timespec timespec_of(const Timestamp& time) {
    return {time.seconds, time.nanoseconds};
}

abi::Stat stat_of(const InodeStat& stat, std::uint32_t device) {
    abi::Stat out = {};
    out.device = abi::device_number(0, device);
    out.inode = stat.number;
    out.links = stat.links;
    out.mode = mode_of(stat);
    out.uid = stat.uid;
    out.gid = stat.gid;
    out.rdevice = abi::device_number(stat.device.major, stat.device.minor);
    out.size = static_cast<std::int64_t>(stat.size);
    out.block_bytes = kBlock;
    out.blocks = static_cast<std::int64_t>(stat.blocks);
    out.accessed = timespec_of(stat.accessed);
    out.modified = timespec_of(stat.modified);
    out.changed = timespec_of(stat.changed);
    return out;
}

Result<abi::Stat> stat_file(Task& task, Fd fd) {
    const auto file = TRY(file_of(task, fd));
    const RefPtr<Inode> inode = file->inode();
    return stat_of(inode->stat(), inode->file_system().device_minor());
}

Result<abi::Stat> stat_path(Task& task, DirFd at, UserPath path, Flags flags) {
    constexpr std::uint32_t kKnown =
        abi::kAtSymlinkNoFollow | abi::kAtNoAutomount | abi::kAtEmptyPath;
    if (!flags.only(kKnown)) return Errno::INVAL;
    if (flags.has(abi::kAtEmptyPath) && !at.is_cwd() && TRY(path.read()).empty())
        return stat_file(task, at.fd());
    const auto dentry = TRY(resolve(task, at, path, flags));
    const auto inode = TRY(inode_of(*dentry));
    return stat_of(inode->stat(), inode->file_system().device_minor());
}

/// MountFlags as statfs(2)'s f_flags has them.
std::int64_t flags_of(MountFlags mount) {
    struct Bit {
        MountFlags flag;
        std::int64_t told;
    };
    constexpr Bit kBits[] = {{MountFlags::kReadOnly, 1},
                             {MountFlags::kNoSetId, 2},
                             {MountFlags::kNoDevices, 4},
                             {MountFlags::kNoExecute, 8},
                             {MountFlags::kNoAccessTime, 0x400},
                             {MountFlags::kNoDirectoryAccessTime, 0x800},
                             {MountFlags::kRelativeAccessTime, 0x1000}};
    constexpr std::int64_t kValid = 0x20;
    std::int64_t told = kValid;
    for (const Bit& bit : kBits)
        if (has(mount, bit.flag)) told |= bit.told;
    return told;
}

Result<long> statfs_of(FileSystem& file_system, MountFlags mount, UserOut<abi::Statfs> out) {
    const FileSystemStat stat = file_system.stat();
    abi::Statfs told = {};
    told.type = stat.magic;
    told.block_bytes = told.fragment_bytes = stat.block_size;
    told.blocks = stat.blocks;
    told.free = told.available = stat.free_blocks;
    told.files = stat.inodes;
    told.files_free = stat.free_inodes;
    told.id[0] = static_cast<std::int32_t>(file_system.device_minor());
    told.name_length = kNameMax;
    told.flags = flags_of(mount);
    TRY(out.write(told));
    return 0;
}

/// What access(2) says of a mount, whoever asks. ACCES: execute where nothing is; ROFS.
Result<void> check_mount(const Dentry& dentry, FileType type, std::uint32_t mode) {
    constexpr std::uint32_t kExecute = 1, kWrite = 2;
    const MountFlags mount = dentry.mount_state().flags();
    if ((mode & kExecute) != 0 && type == FileType::kRegular && has(mount, MountFlags::kNoExecute))
        return Errno::ACCES;
    const bool stored =
        type == FileType::kRegular || type == FileType::kDirectory || type == FileType::kSymlink;
    if ((mode & kWrite) != 0 && stored && has(mount, MountFlags::kReadOnly)) return Errno::ROFS;
    return {};
}

}  // namespace

Result<long> sys_stat(Task& task, UserPath path, UserOut<abi::Stat> out) {
    const abi::Stat stat = TRY(stat_path(task, DirFd{}, path, Flags{}));
    TRY(out.write(stat));
    return 0;
}

Result<long> sys_lstat(Task& task, UserPath path, UserOut<abi::Stat> out) {
    const abi::Stat stat = TRY(stat_path(task, DirFd{}, path, Flags{abi::kAtSymlinkNoFollow}));
    TRY(out.write(stat));
    return 0;
}

Result<long> sys_fstat(Task& task, Fd fd, UserOut<abi::Stat> out) {
    const abi::Stat stat = TRY(stat_file(task, fd));
    TRY(out.write(stat));
    return 0;
}

Result<long> sys_newfstatat(Task& task, DirFd at, UserPath path, UserOut<abi::Stat> out,
                            Flags flags) {
    const abi::Stat stat = TRY(stat_path(task, at, path, flags));
    TRY(out.write(stat));
    return 0;
}

Result<long> sys_statx(Task& task, DirFd at, UserPath path, Flags flags, std::uint32_t mask,
                       UserOut<abi::Statx> out) {
    if ((mask & abi::kStatxReserved) != 0) return Errno::INVAL;
    if ((flags.bits & abi::kAtStatxSyncMask) == abi::kAtStatxSyncMask) return Errno::INVAL;
    flags.bits &= ~abi::kAtStatxSyncMask;
    const abi::Stat stat = TRY(stat_path(task, at, path, flags));
    const auto time = [](const abi::Timespec& t) {
        return abi::StatxTimestamp{t.seconds, static_cast<std::uint32_t>(t.nanoseconds), 0};
    };
    abi::Statx told = {};
    told.mask = abi::kStatxBasic;
    told.block_bytes = kBlock;
    told.links = static_cast<std::uint32_t>(stat.links);
    told.uid = stat.uid;
    told.gid = stat.gid;
    told.mode = static_cast<std::uint16_t>(stat.mode);
    told.inode = stat.inode;
    told.size = static_cast<std::uint64_t>(stat.size);
    told.blocks = static_cast<std::uint64_t>(stat.blocks);
    told.accessed = time(stat.accessed);
    told.changed = time(stat.changed);
    told.modified = time(stat.modified);
    told.rdevice_major = static_cast<std::uint32_t>(stat.rdevice >> 8 & 0xfff);
    told.rdevice_minor =
        static_cast<std::uint32_t>((stat.rdevice & 0xff) | (stat.rdevice >> 12 & ~0xffu));
    told.device_minor =
        static_cast<std::uint32_t>((stat.device & 0xff) | (stat.device >> 12 & ~0xffu));
    TRY(out.write(told));
    return 0;
}

Result<long> sys_statfs(Task& task, UserPath path, UserOut<abi::Statfs> out) {
    const auto dentry = TRY(resolve(task, DirFd{}, path, Flags{}));
    const auto inode = TRY(inode_of(*dentry));
    return statfs_of(inode->file_system(), dentry->mount_state().flags(), out);
}

Result<long> sys_fstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out) {
    const auto file = TRY(file_of(task, fd));
    const RefPtr<Dentry> dentry = file->dentry();
    if (!dentry) return Errno::NOMEM;
    return statfs_of(file->inode()->file_system(), dentry->mount_state().flags(), out);
}

Result<long> sys_faccessat2(Task& task, DirFd at, UserPath path, std::uint32_t mode, Flags flags) {
    constexpr std::uint32_t kAll = 7;
    constexpr std::uint32_t kKnown = abi::kAtEaccess | abi::kAtSymlinkNoFollow | abi::kAtEmptyPath;
    if ((mode & ~kAll) != 0 || !flags.only(kKnown)) return Errno::INVAL;
    const auto dentry = TRY(resolve(task, at, path, flags));
    const auto inode = TRY(inode_of(*dentry));
    if (mode == 0) return 0;
    TRY(check_mount(*dentry, inode->type(), mode));
    const auto who = task.process().credentials();
    if (flags.has(abi::kAtEaccess)) {
        TRY(check_permission(inode->stat(), static_cast<Permission>(mode), *who));
        return 0;
    }
    // access(2) asks for the real user.
    auto real = TRY(copy_credentials(*who));
    real->fs_uid = who->uid;
    real->fs_gid = who->gid;
    if ((who->secure_bits & abi::kSecureNoSetuidFixup) == 0)
        real->capabilities.effective = who->uid == 0 ? who->capabilities.permitted : 0;
    TRY(check_permission(inode->stat(), static_cast<Permission>(mode), *real));
    return 0;
}

Result<long> sys_faccessat(Task& task, DirFd at, UserPath path, std::uint32_t mode) {
    return sys_faccessat2(task, at, path, mode, Flags{});
}

Result<long> sys_access(Task& task, UserPath path, std::uint32_t mode) {
    return sys_faccessat2(task, DirFd{}, path, mode, Flags{});
}

}  // namespace exo::posix
