// Who may do what to an inode: path_resolution(7), capabilities(7).
#include "kernel/fs/permission.h"

#include "abi/linux/capability.h"

namespace exo {

Result<void> check_permission(const InodeStat& of, Permission wanted, const Credentials& who) {
    const auto bits = static_cast<std::uint8_t>(wanted);
    unsigned shift = 0;
    if (who.fs_uid == of.uid) {
        shift = 6;
    } else if (who.in_group(of.gid)) {
        shift = 3;
    }
    if ((bits & ~(of.mode >> shift)) == 0) return {};
    const bool directory = of.type == FileType::kDirectory;
    const bool execute = (bits & static_cast<std::uint8_t>(Permission::kExecute)) != 0;
    const bool write = (bits & static_cast<std::uint8_t>(Permission::kWrite)) != 0;
    // What nobody may execute, not even root may; directories are walked through all the same.
    if ((directory || !execute || (of.mode & 0111) != 0) && who.capable(abi::kCapDacOverride))
        return {};
    if (!write && (directory || !execute) && who.capable(abi::kCapDacReadSearch)) return {};
    return Errno::ACCES;
}

bool is_owner(const InodeStat& of, const Credentials& who) {
    return who.fs_uid == of.uid || who.capable(abi::kCapFowner);
}

Result<void> check_removal(const InodeStat& directory, const InodeStat& what,
                           const Credentials& who) {
    TRY(check_permission(directory, Permission::kWrite | Permission::kExecute, who));
    const bool sticky = (directory.mode & kSticky) != 0;
    if (sticky && who.fs_uid != what.uid && who.fs_uid != directory.uid &&
        !who.capable(abi::kCapFowner)) {
        return Errno::PERM;
    }
    return {};
}

}  // namespace exo
