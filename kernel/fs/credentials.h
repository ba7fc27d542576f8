// Who acts: what permission checks look at. A value; copied on change.
#pragma once

#include <cstdint>

#include "abi/linux/capability.h"
#include "lib/base/ref.h"
#include "lib/base/vector.h"

namespace exo {

using Uid = std::uint32_t;
using Gid = std::uint32_t;

/// A bit a capability: capabilities(7), "Thread capability sets". Root's, as it stands.
struct CapabilitySets {
    static constexpr std::uint64_t kAll = (std::uint64_t{2} << abi::kCapLast) - 1;
    std::uint64_t permitted = kAll, effective = kAll, inheritable = 0, bounding = kAll, ambient = 0;
};

/// Immutable once shared.
struct Credentials : public RefCounted {
    Uid uid = 0, effective_uid = 0, saved_uid = 0, fs_uid = 0;
    Gid gid = 0, effective_gid = 0, saved_gid = 0, fs_gid = 0;
    CapabilitySets capabilities;
    std::uint32_t secure_bits = 0;  ///< abi::kSecure...
    /// execve(2) of a set-ID program gives nothing more (prctl(2), PR_SET_NO_NEW_PRIVS).
    bool no_new_privileges = false;
    Vector<Gid> groups;  ///< supplementary

    [[nodiscard]] bool in_group(Gid group) const {
        if (group == fs_gid) return true;
        for (const Gid each : groups)
            if (each == group) return true;
        return false;
    }
    [[nodiscard]] bool capable(unsigned capability) const {
        return (capabilities.effective >> capability & 1) != 0;
    }
};

}  // namespace exo
