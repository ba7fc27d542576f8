#include "kernel/mm/mapping.h"

#include "kernel/mm/address_space.h"

namespace exo {

void Mapping::zap(MemoryObject& of, std::uint64_t first) {
    const std::uint64_t first_here = object_offset / kPageSize;
    const std::uint64_t skipped = first > first_here ? first - first_here : 0;
    if (skipped >= bytes() / kPageSize) return;
    const std::uint64_t from = begin + skipped * kPageSize;
    // Private copies go as well (truncate(2)). Nobody but tables refers to them, so they go table
    // by table, each space's own, and the last one frees them.
    if (sharing == Sharing::kPrivate && space_.tables().try_remove(from, end)) return;
    // Without memory for a table of one's own, private copies stay.
    space_.tables().zap(from, end, [&](std::uint64_t at, PhysAddr frame) {
        return of.holds(page_index(at), frame);
    });
}

void Mapping::copy_kind(const Mapping& other) {
    protection = other.protection;
    allowed = other.allowed;
    sharing = other.sharing;
    grows_down = other.grows_down;
    object = other.object;
    file = other.file;
}

bool Mapping::continues_as(const Mapping& other) const {
    return end == other.begin && protection == other.protection && allowed == other.allowed &&
           sharing == other.sharing && !grows_down && !other.grows_down &&
           object.get() == other.object.get() && file.get() == other.file.get() &&
           (!object || object_offset + bytes() == other.object_offset);
}

MappingInfo Mapping::info() const {
    return {.begin = begin,
            .end = end,
            .protection = protection,
            .sharing = sharing,
            .object_offset = object_offset,
            .object = object,
            .file = file,
            .grows_down = grows_down};
}

}  // namespace exo
