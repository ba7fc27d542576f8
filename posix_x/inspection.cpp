#include "posix_x/inspection.h"

#include "abi/linux/capability.h"
#include "posix_x/process.h"

namespace exo::posix {

bool may_inspect(Process& self, Process& target, InspectBy by) {
    const auto who = self.credentials();
    if (&self == &target || who->capable(abi::kCapSysPtrace)) return true;
    const bool file_ids = by == InspectBy::kFileIds;
    const Uid uid = file_ids ? who->fs_uid : who->uid;
    const Gid gid = file_ids ? who->fs_gid : who->gid;
    const std::uint64_t has = file_ids ? who->capabilities.effective : who->capabilities.permitted;
    const auto other = target.credentials();
    if ((other->capabilities.permitted & ~has) != 0) return false;
    return uid == other->uid && uid == other->effective_uid && uid == other->saved_uid &&
           gid == other->gid && gid == other->effective_gid && gid == other->saved_gid &&
           target.dumpable.load(std::memory_order_relaxed);
}

}  // namespace exo::posix
