#include "kernel/arch/page_table.h"

#include "kernel/arch/x86_64/page_bits.h"
#include "lib/base/panic.h"

namespace exo::arch {

namespace {

using page_bits::kAddress, page_bits::kCacheDisable, page_bits::kGlobal, page_bits::kLarge,
    page_bits::kNoExecute, page_bits::kPresent, page_bits::kUser, page_bits::kWritable;

constexpr unsigned kTopLevel = 4;
constexpr unsigned kLargeLevel = 2;

constexpr unsigned index_at(VirtAddr at, unsigned level) {
    return static_cast<unsigned>(at.value >> (12 + 9 * (level - 1))) & 511;
}

constexpr std::uint64_t bits_of(Access access) {
    std::uint64_t bits = kPresent;
    if (has(access, Access::kWrite)) bits |= kWritable;
    if (!has(access, Access::kExecute)) bits |= kNoExecute;
    if (has(access, Access::kUser)) bits |= kUser;
    if (has(access, Access::kDevice)) bits |= kCacheDisable;
    if (has(access, Access::kGlobal)) bits |= kGlobal;
    return bits;
}

std::uint64_t* table_at(PhysAddr address) {
    return direct_pointer<std::uint64_t>(address);
}

}  // namespace

// The entry for `at` in the table of `level`; tables on the way are made. Rights are limited in the
// last entry only: those above allow everything.
Result<std::uint64_t*> PageTable::entry_for(VirtAddr at, unsigned level, TableFrames& frames) {
    std::uint64_t* table = table_at(root_);
    for (unsigned here = kTopLevel; here > level; --here) {
        std::uint64_t& entry = table[index_at(at, here)];
        if ((entry & kPresent) == 0) {
            const PhysAddr below = TRY(frames.allocate());
            entry = below.value | kPresent | kWritable | kUser;
        } else if ((entry & kLarge) != 0) {
            return Errno::EXIST;
        }
        table = table_at(PhysAddr(entry & kAddress));
    }
    return &table[index_at(at, level)];
}

Result<void> PageTable::map(VirtAddr at, PhysAddr to, std::uint64_t size, Access access,
                            TableFrames& frames) {
    if (has(access, Access::kWrite) && has(access, Access::kExecute)) return Errno::INVAL;
    if (!at.aligned(kPageSize) || !to.aligned(kPageSize) || size % kPageSize != 0)
        return Errno::INVAL;
    const std::uint64_t bits = bits_of(access);
    while (size > 0) {
        const bool large =
            size >= kLargePageSize && at.aligned(kLargePageSize) && to.aligned(kLargePageSize);
        std::uint64_t* entry = TRY(entry_for(at, large ? kLargeLevel : 1, frames));
        if ((*entry & kPresent) != 0) return Errno::EXIST;
        *entry = to.value | bits | (large ? kLarge : 0);
        const std::uint64_t step = large ? kLargePageSize : kPageSize;
        at += step;
        to += step;
        size -= step;
    }
    return {};
}

PhysAddr PageTable::unmap_page(VirtAddr at) {
    std::uint64_t* table = table_at(root_);
    for (unsigned level = kTopLevel;; --level) {
        std::uint64_t& entry = table[index_at(at, level)];
        EXO_CHECK((entry & kPresent) != 0, "unmapping a page that is not mapped");
        const PhysAddr below(entry & kAddress);
        if (level == 1) {
            entry = 0;
            return below;
        }
        EXO_CHECK((entry & kLarge) == 0, "unmapping a part of a large page");
        table = table_at(below);
    }
}

void PageTable::activate() const {
    asm volatile("movq %0, %%cr3" ::"r"(root_.value) : "memory");
}

}  // namespace exo::arch
