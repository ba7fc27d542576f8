#include "posix_x/capabilities.h"

namespace exo::posix {

namespace {

constexpr std::uint64_t bit(unsigned capability) {
    return std::uint64_t{1} << capability;
}

/// CAP_CHOWN to CAP_FSETID, CAP_LINUX_IMMUTABLE, CAP_MKNOD, CAP_MAC_OVERRIDE.
constexpr std::uint64_t kOfFiles = 0x1f | bit(9) | bit(abi::kCapMknod) | bit(32);

bool has_root(const Credentials& who) {
    return who.uid == 0 || who.effective_uid == 0 || who.saved_uid == 0;
}

}  // namespace

void follow_users(const Credentials& before, Credentials& after) {
    if ((before.secure_bits & abi::kSecureNoSetuidFixup) != 0) return;
    CapabilitySets& sets = after.capabilities;
    if (has_root(before) && !has_root(after)) {
        if ((before.secure_bits & abi::kSecureKeepCaps) == 0) sets.permitted = sets.effective = 0;
        sets.ambient = 0;
    }
    if (before.effective_uid == 0 && after.effective_uid != 0) sets.effective = 0;
    if (before.effective_uid != 0 && after.effective_uid == 0) sets.effective = sets.permitted;
}

void follow_file_user(const Credentials& before, Credentials& after) {
    if ((before.secure_bits & abi::kSecureNoSetuidFixup) != 0) return;
    CapabilitySets& sets = after.capabilities;
    if (before.fs_uid == 0 && after.fs_uid != 0) sets.effective &= ~kOfFiles;
    if (before.fs_uid != 0 && after.fs_uid == 0) sets.effective |= sets.permitted & kOfFiles;
}

void start_with_capabilities(const Credentials& before, Credentials& after) {
    CapabilitySets& sets = after.capabilities;
    if (after.effective_uid != before.uid || after.effective_gid != before.gid) sets.ambient = 0;
    const bool root_counts = (before.secure_bits & abi::kSecureNoRoot) == 0;
    const bool is_root = root_counts && (after.uid == 0 || after.effective_uid == 0);
    sets.permitted = (is_root ? sets.inheritable | sets.bounding : 0) | sets.ambient;
    sets.effective = root_counts && after.effective_uid == 0 ? sets.permitted : sets.ambient;
    after.secure_bits &= ~abi::kSecureKeepCaps;
}

Result<void> set_capabilities(Credentials& who, std::uint64_t permitted, std::uint64_t effective,
                              std::uint64_t inheritable) {
    CapabilitySets& sets = who.capabilities;
    const bool may_inherit_more = who.capable(abi::kCapSetpcap);
    if (!may_inherit_more && (inheritable & ~(sets.inheritable | sets.permitted)) != 0)
        return Errno::PERM;
    if ((inheritable & ~(sets.inheritable | sets.bounding)) != 0) return Errno::PERM;
    if ((permitted & ~sets.permitted) != 0 || (effective & ~permitted) != 0) return Errno::PERM;
    sets.permitted = permitted, sets.effective = effective, sets.inheritable = inheritable;
    sets.ambient &= permitted & inheritable;
    return {};
}

}  // namespace exo::posix
