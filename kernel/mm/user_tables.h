// Page tables of one address space's user half: which page stands where, with what rights. Why is
// AddressSpace's affair.
//
// fork() shares last-level tables: both entries that lead to one lose the right to write, and it is
// not changed while two lead to it. Who wants to change an entry takes a copy of the table first
// (own()), in which, as in the original, no page is writable; the last one left with a table simply
// gets it back. A frame's references count the last-level tables it stands in, so a page with one
// reference in a table of one's own is one's own.
//
// lock_ (SpinLock, kPageTables) guards all tables of this space but the contents of shared ones,
// where only rights are taken away and, by zap(), pages that all sharers lose.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "kernel/arch/page_entry.h"
#include "kernel/arch/user_space.h"
#include "kernel/core/spin_lock.h"
#include "kernel/mm/shootdown.h"
#include "lib/base/result.h"

namespace exo {

class UserTables {
  public:
    explicit UserTables(arch::UserSpace& machine) : machine_(machine) {}
    ~UserTables();
    UserTables(const UserTables&) = delete;
    UserTables& operator=(const UserTables&) = delete;

    /// Makes the top-level table. NOMEM. Before anything else.
    Result<void> create();

    /// What stands at `at`. That it may be written to need not be in force.
    [[nodiscard]] arch::PageEntry look(std::uint64_t at) EXCLUDES(lock_);

    /// The same, with a reference to the page for the caller if there is one.
    [[nodiscard]] arch::PageEntry pin(std::uint64_t at) EXCLUDES(lock_);

    /// Puts pages with the same rights, whose references it takes over, from `at` on, within one
    /// last-level table, up to the first place where one stands. How many: of the rest the
    /// references stay the caller's. NOMEM: of all.
    Result<std::size_t> install(std::uint64_t at, std::span<const PhysAddr> frames,
                                arch::Access access) EXCLUDES(lock_);

    /// How many pages right before `at` may be written to, in its last-level table; at most `most`.
    [[nodiscard]] unsigned writable_before(std::uint64_t at, unsigned most) EXCLUDES(lock_);

    /// Gives the page `frame` that stands at `at` these rights, at least those it has. NOMEM.
    Result<void> allow(std::uint64_t at, PhysAddr frame, arch::Access access) EXCLUDES(lock_);

    enum class Write : std::uint8_t {
        kAllowed,  ///< the page is this space's alone and writable now
        kGone,     ///< no page stands there any more
        kShared,   ///< others have it: `frame`, with a reference for the caller, must be copied
    };
    struct WriteResult {
        Write state;
        PhysAddr frame;
    };
    /// Makes a private page writable if it can be. NOMEM.
    Result<WriteResult> allow_write(std::uint64_t at, arch::Access access) EXCLUDES(lock_);

    /// Puts `entry` in the place of `old`, of which one reference goes, if that still stands there.
    /// False: it does not, and the reference to `entry`'s page stays the caller's. NOMEM: the same.
    Result<bool> replace(std::uint64_t at, PhysAddr old, arch::PageEntry entry) EXCLUDES(lock_);

    /// Makes sure that remove() of [begin, end) cannot fail. NOMEM.
    Result<void> prepare_remove(std::uint64_t begin, std::uint64_t end) EXCLUDES(lock_);
    void remove(std::uint64_t begin, std::uint64_t end) EXCLUDES(lock_);
    /// Both in one, for who does not keep fork() out. NOMEM: nothing was removed.
    Result<void> try_remove(std::uint64_t begin, std::uint64_t end) EXCLUDES(lock_);

    /// Takes all rights but `access` from pages in [begin, end), and the right to write in any
    /// case, which a fault gives back. NOMEM: nothing changed.
    Result<void> restrict(std::uint64_t begin, std::uint64_t end, arch::Access access)
        EXCLUDES(lock_);

    /// Moves the pages of [from, from + bytes) to `to`, where none are; no overlap. NOMEM: nothing
    /// changed.
    Result<void> move(std::uint64_t from, std::uint64_t to, std::uint64_t bytes) EXCLUDES(lock_);

    /// Takes out what `is_object_page(at, frame)` says of, in tables shared or not. The frames
    /// stay referenced by somebody else meanwhile.
    template <typename Predicate>
    void zap(std::uint64_t begin, std::uint64_t end, Predicate is_object_page) EXCLUDES(lock_) {
        const SpinGuard guard(lock_);
        TlbBatch batch(machine_);
        static_cast<void>(for_each_table(begin, end, [&](std::uint64_t at, auto place) {
            const Range part = part_of(at, begin, end);
            const PhysAddr table = place.load().frame();
            // Of a shared table another sharer may have taken the page out already, and made its
            // own CPUs forget it only.
            if (!place.load().writable()) batch.restrict(part.begin, part.end);
            for (std::uint64_t page = part.begin; page < part.end; page += kPageSize) {
                const arch::EntryPlace entry_place(table, arch::entry_index(page, 1));
                const arch::PageEntry entry = entry_place.load();
                if (!entry.held() || !is_object_page(page, entry.frame())) continue;
                // Another sharer may be taking the right to write away.
                static_cast<void>(entry_place.exchange(arch::PageEntry()));
                batch.drop(page, kPageSize, entry.frame(), TlbBatch::Kind::kPage);
            }
            return Result<void>{};
        }));
    }

    /// Shares the last-level tables of [begin, end) with `child`, which nobody uses, but for those
    /// that it shares already. NOMEM: some are shared. The batch is this space's: once it is
    /// flushed, nobody writes to a shared page.
    Result<void> share_with(UserTables& child, std::uint64_t begin, std::uint64_t end,
                            TlbBatch& batch) EXCLUDES(lock_);

    /// Gives all pages and tables back but the top-level one.
    void clear() EXCLUDES(lock_);

    [[nodiscard]] std::uint64_t resident_pages() EXCLUDES(lock_);

  private:
    static constexpr std::uint64_t kTableSpan = arch::entry_span(2);

    struct Range {
        std::uint64_t begin;
        std::uint64_t end;
    };
    /// The part of [begin, end) that the last-level table for `at` covers.
    static Range part_of(std::uint64_t at, std::uint64_t begin, std::uint64_t end);
    static bool holds_any(PhysAddr table, Range part);

    Result<void> prepare_remove_locked(std::uint64_t begin, std::uint64_t end) REQUIRES(lock_);
    void remove_locked(std::uint64_t begin, std::uint64_t end) REQUIRES(lock_);
    [[nodiscard]] arch::PageEntry entry_at(std::uint64_t at) REQUIRES(lock_);
    /// The entry that leads to the last-level table for `at`; not held: there is none.
    [[nodiscard]] arch::PageEntry table_for(std::uint64_t at) REQUIRES(lock_);
    /// The entry of `level` (2 or more) for `at`, tables above it made as needed. NOMEM.
    Result<arch::EntryPlace> make_place(std::uint64_t at, unsigned level) REQUIRES(lock_);
    /// The last-level table for `at`, made as needed and nobody else's. NOMEM.
    Result<PhysAddr> own(std::uint64_t at) REQUIRES(lock_);
    Result<PhysAddr> split(arch::EntryPlace place, PhysAddr shared, std::uint64_t at)
        REQUIRES(lock_);
    /// Calls `visit(at, place)` for every last-level table in [begin, end), `at` within both, until
    /// it returns an error.
    template <typename Visit>
    Result<void> for_each_table(std::uint64_t begin, std::uint64_t end, Visit visit)
        REQUIRES(lock_);

    arch::UserSpace& machine_;
    SpinLock<LockRank::kPageTables> lock_;
};

template <typename Visit>
Result<void> UserTables::for_each_table(std::uint64_t begin, std::uint64_t end, Visit visit) {
    PhysAddr tables[arch::kTopLevel + 1];  // by level, those that lead to `at`
    unsigned level = arch::kTopLevel;
    tables[level] = machine_.root;
    for (std::uint64_t at = begin; at < end;) {
        const unsigned shift = arch::entry_shift(level);
        const std::uint64_t span = std::uint64_t{1} << shift;
        const unsigned index = arch::entry_index(at, level);
        // To the end of the range or of the table.
        const std::uint64_t last = index + ((end - 1) >> shift) - (at >> shift);
        const auto stop =
            static_cast<unsigned>(std::min<std::uint64_t>(last + 1, arch::kTableEntries));
        const unsigned found = arch::next_held(tables[level], index, stop);
        if (found != index) at = ((at >> shift) + (found - index)) << shift;
        if (found != stop) {
            const arch::EntryPlace place(tables[level], found);
            if (level > 2) {
                tables[--level] = place.load().frame();
                continue;
            }
            TRY(visit(at, place));
            at = align_down<std::uint64_t>(at, span) + span;
        }
        // At the end of a table: back to the one above.
        while (level < arch::kTopLevel && arch::entry_index(at, level) == 0) ++level;
    }
    return {};
}

}  // namespace exo
