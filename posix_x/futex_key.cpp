#include "posix_x/futex_key.h"

namespace exo::posix {

Result<FutexKey> shared_futex_key(AddressSpace& space, UserAddr at) {
    Result<MappingInfo> info = space.mapping_from(at.value);
    if (!info || info->begin > at.value || info->protection == Protection::kNone)
        return Errno::FAULT;
    if (!info->object && !has(info->protection, Protection::kWrite)) return Errno::FAULT;
    if (info->sharing != Sharing::kShared || !info->object) return FutexKey{&space, at.value, {}};
    const void* const within = info->object.get();
    return FutexKey{within, info->object_offset + (at.value - info->begin),
                    std::move(info->object)};
}

}  // namespace exo::posix
