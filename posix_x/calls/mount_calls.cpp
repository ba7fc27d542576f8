// mount(2), umount2(2).
#include <optional>

#include "abi/linux/capability.h"
#include "kernel/fs/mounts.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"

namespace exo::posix {

namespace {

// Of mount(2), besides those of MountFlags.
constexpr std::uint64_t kRemount = 0x20, kBind = 0x1000, kRecursive = 0x4000, kSilent = 0x8000;
constexpr std::uint64_t kPrivate = 0x40000, kStrictAccessTime = 0x1000000;

constexpr std::uint64_t kAccessTimes =
    static_cast<std::uint64_t>(MountFlags::kNoAccessTime | MountFlags::kNoDirectoryAccessTime |
                               MountFlags::kRelativeAccessTime) |
    kStrictAccessTime;
constexpr std::uint64_t kRestrictions = static_cast<std::uint64_t>(
    MountFlags::kReadOnly | MountFlags::kNoSetId | MountFlags::kNoDevices | MountFlags::kNoExecute);

/// What a mount gets: relatime unless something else is said; `before` where a remount says nothing
/// of access times.
MountFlags mount_flags(std::uint64_t flags, MountFlags before) {
    const auto of = [](MountFlags flag) { return static_cast<std::uint64_t>(flag); };
    std::uint64_t times = flags & kAccessTimes;
    if (times == 0) {
        times = of(before) & kAccessTimes;
    } else {
        if ((times & (kStrictAccessTime | of(MountFlags::kNoAccessTime))) == 0)
            times |= of(MountFlags::kRelativeAccessTime);
        if ((times & of(MountFlags::kNoAccessTime)) != 0)
            times &= ~of(MountFlags::kRelativeAccessTime);
        times &= ~kStrictAccessTime;
    }
    return static_cast<MountFlags>((flags & kRestrictions) | times);
}

/// The text at `at`; empty for a null pointer.
Result<std::string_view> optional_text(UserPath at, std::optional<Path>& storage) {
    if (at.is_null()) return std::string_view();
    storage.emplace(TRY(at.read()));
    return storage->text();
}

Result<void> mount_new(Dentry& at, UserPath source, UserPath type, std::string_view options,
                       std::uint64_t flags) {
    if (type.is_null()) return Errno::INVAL;
    const Path type_name = TRY(type.read());
    const Path source_name = source.is_null() ? TRY(type.read()) : TRY(source.read());
    const auto made = TRY(create_file_system(type_name.text(), options));
    return mount_on(at, *made, source_name.text(),
                    mount_flags(flags, MountFlags::kRelativeAccessTime));
}

}  // namespace

Result<long> sys_mount(Task& task, UserPath source, UserPath target, UserPath type,
                       std::uint64_t flags, UserPath options) {
    constexpr std::uint64_t kMagic = 0xc0ed0000, kMagicMask = 0xffff0000;
    constexpr std::uint64_t kPropagation = kPrivate | kRecursive | kSilent;
    if (!task.process().credentials()->capable(abi::kCapSysAdmin)) return Errno::PERM;
    if ((flags & kMagicMask) == kMagic) flags &= ~kMagicMask;
    std::optional<Path> storage;
    const std::string_view text = TRY(optional_text(options, storage));
    const auto at = TRY(resolve(task, DirFd{}, target, Flags{}));
    // Nothing is shared with another mount here: all are private.
    if ((flags & kPrivate) != 0 && (flags & ~kPropagation) == 0) {
        if (&at->mount_root() != at.get()) return Errno::INVAL;
        return 0;
    }
    // The rest (bind, move, sync) would be promised and not kept.
    if ((flags & ~(kSilent | kRemount | kBind | kAccessTimes | kRestrictions)) != 0)
        return Errno::INVAL;
    if ((flags & kRemount) != 0) {
        // With MS_BIND the flags of this mount alone: the file system has no other, and no options.
        const bool of_mount = (flags & kBind) != 0;
        TRY(remount(at, mount_flags(flags, at->mount_state().flags()),
                    of_mount ? std::string_view() : text));
        return 0;
    }
    if ((flags & kBind) != 0) return Errno::INVAL;
    TRY(mount_new(*at, source, type, text, flags));
    return 0;
}

Result<long> sys_umount2(Task& task, UserPath target, Flags flags) {
    constexpr std::uint32_t kForce = 1, kDetach = 2, kExpire = 4, kNoFollow = 8;
    if (!flags.only(kForce | kDetach | kExpire | kNoFollow)) return Errno::INVAL;
    if (!task.process().credentials()->capable(abi::kCapSysAdmin)) return Errno::PERM;
    if (flags.has(kExpire)) return Errno::INVAL;
    auto root = TRY(
        resolve(task, DirFd{}, target, Flags{flags.has(kNoFollow) ? abi::kAtSymlinkNoFollow : 0}));
    TRY(unmount(root, flags.has(kDetach) ? Unmount::kAlways : Unmount::kIfUnused));
    return 0;
}

}  // namespace exo::posix
