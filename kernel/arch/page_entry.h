// Entries of a program's page tables, as values. A table is a frame of 512 entries, four levels of
// them from the top-level table down to level 1, whose entries are pages. An entry of level 1 may
// hold a page that no access is allowed to. The machine sets bits of entries on its own: they are
// read and changed atomically.
#pragma once

#include <cstdint>

#include "kernel/arch/page_table.h"
#include "kernel/arch/x86_64/page_bits.h"
#include "lib/base/atomic.h"

namespace exo::arch {

inline constexpr unsigned kTopLevel = 4;
inline constexpr unsigned kTableEntries = 512;

/// Bytes that an entry of `level` covers, and the logarithm of that.
constexpr unsigned entry_shift(unsigned level) {
    return 12 + 9 * (level - 1);
}
constexpr std::uint64_t entry_span(unsigned level) {
    return std::uint64_t{1} << entry_shift(level);
}
static_assert(entry_span(1) == kPageSize);
constexpr unsigned entry_index(std::uint64_t address, unsigned level) {
    return static_cast<unsigned>(address >> entry_shift(level)) % kTableEntries;
}

class PageEntry {
  public:
    constexpr PageEntry() = default;

    /// A page with these rights; without kUser: held, but nothing may be done with it.
    static constexpr PageEntry page(PhysAddr frame, Access access) {
        std::uint64_t bits = frame.value | page_bits::kHeld;
        if (has(access, Access::kUser)) bits |= page_bits::kPresent | page_bits::kUser;
        if (has(access, Access::kWrite)) bits |= page_bits::kWritable;
        if (!has(access, Access::kExecute)) bits |= page_bits::kNoExecute;
        return PageEntry(bits);
    }
    /// A table of the level below; `kWrite` or not goes for all that is under it.
    static constexpr PageEntry table(PhysAddr frame, bool writable) {
        return PageEntry(frame.value | page_bits::kHeld | page_bits::kPresent | page_bits::kUser |
                         (writable ? page_bits::kWritable : 0));
    }

    [[nodiscard]] bool held() const { return (bits_ & page_bits::kHeld) != 0; }
    [[nodiscard]] PhysAddr frame() const { return PhysAddr(bits_ & page_bits::kAddress); }
    [[nodiscard]] bool accessible() const { return (bits_ & page_bits::kPresent) != 0; }
    [[nodiscard]] bool writable() const { return (bits_ & page_bits::kWritable) != 0; }
    [[nodiscard]] bool executable() const { return (bits_ & page_bits::kNoExecute) == 0; }
    bool operator==(const PageEntry&) const = default;

  private:
    friend class EntryPlace;
    explicit constexpr PageEntry(std::uint64_t bits) : bits_(bits) {}
    std::uint64_t bits_ = 0;
};

/// Where an entry stands. The order of accesses to tables comes from the lock around them; what the
/// machine sees of them, from the TLB being flushed.
class EntryPlace {
  public:
    EntryPlace() = default;
    EntryPlace(PhysAddr table, unsigned index)
        : at_(direct_pointer<Atomic<std::uint64_t>>(table) + index) {}

    [[nodiscard]] PageEntry load() const { return PageEntry(at_->load(std::memory_order_relaxed)); }
    // release: a machine that walks to a new table or page on another CPU sees it filled.
    void store(PageEntry entry) const { at_->store(entry.bits_, std::memory_order_release); }
    [[nodiscard]] PageEntry exchange(PageEntry entry) const {
        return PageEntry(at_->exchange(entry.bits_, std::memory_order_acq_rel));
    }
    /// Takes the right to write away and returns what remains. The entry may be in a table that
    /// others use.
    [[nodiscard]] PageEntry write_protect() const {
        const std::uint64_t before =
            at_->fetch_and(~page_bits::kWritable, std::memory_order_acq_rel);
        return PageEntry(before & ~page_bits::kWritable);
    }

  private:
    Atomic<std::uint64_t>* at_ = nullptr;
};

/// The first entry of `table` from `index` on, before `end`, that is held; `end`: none. Eight empty
/// ones are passed at a time.
inline unsigned next_held(PhysAddr table, unsigned index, unsigned end = kTableEntries) {
    const auto* entries = direct_pointer<Atomic<std::uint64_t>>(table);
    const auto eight_are_empty = [&](unsigned first) {
        std::uint64_t any = 0;
        for (unsigned i = 0; i < 8; ++i) any |= entries[first + i].load(std::memory_order_relaxed);
        return any == 0;
    };
    for (; index < end; ++index) {
        if (entries[index].load(std::memory_order_relaxed) != 0) return index;
        while (index % 8 == 7 && end - index > 8 && eight_are_empty(index + 1)) index += 8;
    }
    return end;
}

}  // namespace exo::arch
