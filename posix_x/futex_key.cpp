#include "posix_x/futex_key.h"

#include "posix_x/task.h"

namespace exo::posix {

Result<FutexKey> futex_key(UserAddr at, FutexScope scope) {
    if (at.value > arch::kUserEnd - sizeof(std::uint32_t)) return Errno::FAULT;
    AddressSpace* const space = this_task().process().space.get();
    if (scope == FutexScope::kSpace) return FutexKey{space, at.value, {}};
    Result<MappingInfo> info = space->mapping_from(at.value);
    if (!info || info->begin > at.value || info->protection == Protection::kNone)
        return Errno::FAULT;
    if (!info->object && !has(info->protection, Protection::kWrite)) return Errno::FAULT;
    if (info->sharing != Sharing::kShared || !info->object) return FutexKey{space, at.value, {}};
    const void* const within = info->object.get();
    return FutexKey{within, info->object_offset + (at.value - info->begin),
                    std::move(info->object)};
}

}  // namespace exo::posix
