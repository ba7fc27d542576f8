#include "kernel/mm/user_tables.h"

#include <algorithm>

#include "kernel/arch/user_copy.h"
#include "kernel/mm/frames.h"
#include "lib/base/panic.h"

namespace exo {

using arch::EntryPlace;
using arch::PageEntry;
using Kind = TlbBatch::Kind;

namespace {

EntryPlace page_place(PhysAddr table, std::uint64_t at) {
    return {table, arch::entry_index(at, 1)};
}

/// The rights a page keeps at least when it is given others.
arch::Access with_rights_of(PageEntry entry, arch::Access access) {
    if (entry.writable()) access = access | arch::Access::kWrite;
    return access;
}

}  // namespace

UserTables::~UserTables() {
    if (machine_.root.value == 0) return;
    clear();
    unload_everywhere(machine_);
    EXO_CHECK(machine_.cpus.load(std::memory_order_acquire) == 0,
              "an address space dies on a CPU that has it loaded");
    if (release_table_frame(machine_.root)) free_table_frame(machine_.root);
}

Result<void> UserTables::create() {
    arch::init_user_space(machine_, TRY(allocate_table_frame()));
    return {};
}

UserTables::Range UserTables::part_of(std::uint64_t at, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t table_begin = align_down<std::uint64_t>(at, kTableSpan);
    return {std::max(begin, table_begin), std::min(end, table_begin + kTableSpan)};
}

bool UserTables::holds_any(PhysAddr table, Range part) {
    if (part.begin == part.end) return false;
    const unsigned end = arch::entry_index(part.end - 1, 1) + 1;
    return arch::next_held(table, arch::entry_index(part.begin, 1), end) != end;
}

Result<EntryPlace> UserTables::make_place(std::uint64_t at, unsigned level) {
    PhysAddr table = machine_.root;
    for (unsigned here = arch::kTopLevel; here > level; --here) {
        const EntryPlace place(table, arch::entry_index(at, here));
        const PageEntry entry = place.load();
        if (entry.held()) {
            table = entry.frame();
        } else {
            table = TRY(allocate_table_frame());
            place.store(PageEntry::table(table, true));
        }
    }
    return EntryPlace(table, arch::entry_index(at, level));
}

Result<PhysAddr> UserTables::own(std::uint64_t at) {
    const EntryPlace place = TRY(make_place(at, 2));
    const PageEntry entry = place.load();
    if (!entry.held()) {
        const PhysAddr table = TRY(allocate_table_frame());
        place.store(PageEntry::table(table, true));
        return table;
    }
    if (entry.writable()) return entry.frame();
    // The others are gone, and only fork() of this space could bring new ones.
    if (frame_references(entry.frame()) == 1) {
        place.store(PageEntry::table(entry.frame(), true));
        return entry.frame();
    }
    return split(place, entry.frame(), at);
}

// Others may split the same table or give it up at the same time: all they do to its pages is to
// take the right to write away and to add references, before their reference to the table goes.
Result<PhysAddr> UserTables::split(EntryPlace place, PhysAddr shared, std::uint64_t at) {
    const PhysAddr table = TRY(allocate_table_frame());
    for (unsigned index = 0; (index = arch::next_held(shared, index)) != arch::kTableEntries;
         ++index) {
        const PageEntry entry = EntryPlace(shared, index).write_protect();
        if (!entry.held()) continue;  // zapped this moment
        ref_frame(entry.frame());
        EntryPlace(table, index).store(entry);
    }
    place.store(PageEntry::table(table, true));
    // CPUs remember where tables are: none may walk through the old one when its last user frees
    // it. One page's invalidation makes them forget that.
    TlbBatch batch(machine_);
    batch.drop(align_down<std::uint64_t>(at, kPageSize), kPageSize, shared, Kind::kLastLevelTable);
    return table;
}

PageEntry UserTables::look(std::uint64_t at) {
    const SpinGuard guard(lock_);
    return entry_at(at);
}

// The table may be shared, but the frame stays until it is referenced: who takes a page out of a
// shared table also wants it out of this space, for which it needs the lock, before it lets go.
PageEntry UserTables::pin(std::uint64_t at) {
    const SpinGuard guard(lock_);
    const PageEntry found = entry_at(at);
    if (found.held()) ref_frame(found.frame());
    return found;
}

PageEntry UserTables::table_for(std::uint64_t at) {
    PageEntry entry = PageEntry::table(machine_.root, true);
    for (unsigned level = arch::kTopLevel; level > 1 && entry.held(); --level) {
        entry = EntryPlace(entry.frame(), arch::entry_index(at, level)).load();
    }
    return entry;
}

PageEntry UserTables::entry_at(std::uint64_t at) {
    const PageEntry table = table_for(at);
    return table.held() ? page_place(table.frame(), at).load() : PageEntry();
}

Result<std::size_t> UserTables::install(std::uint64_t at, std::span<const PhysAddr> frames,
                                        arch::Access access) {
    EXO_ASSERT(arch::entry_index(at, 1) + frames.size() <= arch::kTableEntries);
    const SpinGuard guard(lock_);
    const PhysAddr table = TRY(own(at));
    std::size_t done = 0;
    for (; done < frames.size(); ++done) {
        const EntryPlace place(table, arch::entry_index(at, 1) + static_cast<unsigned>(done));
        if (place.load().held()) break;
        place.store(PageEntry::page(frames[done], access));
    }
    return done;
}

unsigned UserTables::writable_before(std::uint64_t at, unsigned most) {
    const SpinGuard guard(lock_);
    const PageEntry table = table_for(at);
    const unsigned index = arch::entry_index(at, 1);
    unsigned count = 0;
    while (table.held() && count < std::min(most, index) &&
           EntryPlace(table.frame(), index - count - 1).load().writable()) {
        ++count;
    }
    return count;
}

Result<void> UserTables::allow(std::uint64_t at, PhysAddr frame, arch::Access access) {
    const SpinGuard guard(lock_);
    const EntryPlace place = page_place(TRY(own(at)), at);
    const PageEntry entry = place.load();
    if (entry.held() && entry.frame() == frame) {
        place.store(PageEntry::page(frame, with_rights_of(entry, access)));
    }
    arch::invalidate_page(at);
    return {};
}

Result<UserTables::WriteResult> UserTables::allow_write(std::uint64_t at, arch::Access access) {
    const SpinGuard guard(lock_);
    const EntryPlace place = page_place(TRY(own(at)), at);
    const PageEntry entry = place.load();
    if (!entry.held()) return WriteResult{Write::kGone, {}};
    const PhysAddr frame = entry.frame();
    if (frame_references(frame) != 1) {
        ref_frame(frame);
        return WriteResult{Write::kShared, frame};
    }
    place.store(PageEntry::page(frame, access | arch::Access::kWrite));
    arch::invalidate_page(at);
    return WriteResult{Write::kAllowed, frame};
}

Result<bool> UserTables::replace(std::uint64_t at, PhysAddr old, PageEntry entry) {
    const SpinGuard guard(lock_);
    const EntryPlace place = page_place(TRY(own(at)), at);
    const PageEntry standing = place.load();
    if (!standing.held() || standing.frame() != old) return false;
    place.store(PageEntry());
    // Nobody may read the old page after somebody wrote to the new one.
    TlbBatch batch(machine_);
    batch.drop(at, kPageSize, old, Kind::kPage);
    batch.flush();
    place.store(entry);
    return true;
}

Result<void> UserTables::prepare_remove(std::uint64_t begin, std::uint64_t end) {
    const SpinGuard guard(lock_);
    return prepare_remove_locked(begin, end);
}

void UserTables::remove(std::uint64_t begin, std::uint64_t end) {
    const SpinGuard guard(lock_);
    remove_locked(begin, end);
}

Result<void> UserTables::try_remove(std::uint64_t begin, std::uint64_t end) {
    const SpinGuard guard(lock_);
    TRY(prepare_remove_locked(begin, end));
    remove_locked(begin, end);
    return {};
}

Result<void> UserTables::prepare_remove_locked(std::uint64_t begin, std::uint64_t end) {
    return for_each_table(begin, end,
                          [&](std::uint64_t at, EntryPlace place) REQUIRES(lock_) -> Result<void> {
                              const Range part = part_of(at, begin, end);
                              if (part.end - part.begin == kTableSpan) return {};
                              const PageEntry entry = place.load();
                              if (entry.writable() || !holds_any(entry.frame(), part)) return {};
                              TRY(own(at));
                              return {};
                          });
}

void UserTables::remove_locked(std::uint64_t begin, std::uint64_t end) {
    TlbBatch batch(machine_);
    static_cast<void>(for_each_table(begin, end, [&](std::uint64_t at, EntryPlace place) {
        const Range part = part_of(at, begin, end);
        const PhysAddr table = place.load().frame();
        if (part.end - part.begin == kTableSpan) {
            place.store(PageEntry());
            batch.drop(part.begin, kTableSpan, table, Kind::kLastLevelTable);
            return Result<void>{};
        }
        for (std::uint64_t page = part.begin; page < part.end; page += kPageSize) {
            const EntryPlace entry_place = page_place(table, page);
            if (!entry_place.load().held()) continue;
            const PageEntry entry = entry_place.exchange(PageEntry());
            batch.drop(page, kPageSize, entry.frame(), Kind::kPage);
        }
        return Result<void>{};
    }));
}

Result<void> UserTables::restrict(std::uint64_t begin, std::uint64_t end, arch::Access access) {
    const SpinGuard guard(lock_);
    TRY(for_each_table(begin, end,
                       [&](std::uint64_t at, EntryPlace place) REQUIRES(lock_) -> Result<void> {
                           if (holds_any(place.load().frame(), part_of(at, begin, end)))
                               TRY(own(at));
                           return {};
                       }));
    TlbBatch batch(machine_);
    return for_each_table(begin, end, [&](std::uint64_t at, EntryPlace place) {
        const PhysAddr table = place.load().frame();
        const Range part = part_of(at, begin, end);
        for (std::uint64_t page = part.begin; page < part.end; page += kPageSize) {
            const EntryPlace entry_place = page_place(table, page);
            const PageEntry entry = entry_place.load();
            if (!entry.held()) continue;
            entry_place.store(PageEntry::page(entry.frame(), access));
            batch.restrict(page, page + kPageSize);
        }
        return Result<void>{};
    });
}

Result<void> UserTables::move(std::uint64_t from, std::uint64_t to, std::uint64_t bytes) {
    const SpinGuard guard(lock_);
    // All tables first; none of them is empty long enough to matter.
    TRY(for_each_table(from, from + bytes,
                       [&](std::uint64_t at, EntryPlace place) REQUIRES(lock_) -> Result<void> {
                           const Range part = part_of(at, from, from + bytes);
                           if (!holds_any(place.load().frame(), part)) return {};
                           TRY(own(at));
                           TRY(own(part.begin - from + to));
                           TRY(own(part.end - kPageSize - from + to));
                           return {};
                       }));
    TlbBatch batch(machine_);
    return for_each_table(
        from, from + bytes,
        [&](std::uint64_t at, EntryPlace place) REQUIRES(lock_) -> Result<void> {
            const PhysAddr table = place.load().frame();
            const Range part = part_of(at, from, from + bytes);
            for (std::uint64_t page = part.begin; page < part.end; page += kPageSize) {
                const EntryPlace source = page_place(table, page);
                if (!source.load().held()) continue;
                const std::uint64_t target = page - from + to;
                const PhysAddr target_table = TRY(own(target));
                page_place(target_table, target).store(source.exchange(PageEntry()));
                batch.restrict(page, page + kPageSize);
            }
            return {};
        });
}

Result<void> UserTables::share_with(UserTables& child, std::uint64_t begin, std::uint64_t end,
                                    TlbBatch& batch) NO_THREAD_SAFETY_ANALYSIS {
    // The child's lock is not needed: nobody else knows it.
    const SpinGuard guard(lock_);
    return for_each_table(begin, end,
                          [&](std::uint64_t at, EntryPlace place)
                              NO_THREAD_SAFETY_ANALYSIS -> Result<void> {
                                  const EntryPlace theirs = TRY(child.make_place(at, 2));
                                  const Range part = part_of(at, begin, end);
                                  batch.restrict(part.begin, part.end);
                                  if (theirs.load().held()) return {};
                                  const PageEntry entry = place.write_protect();
                                  ref_frame(entry.frame());
                                  theirs.store(PageEntry::table(entry.frame(), false));
                                  return {};
                              });
}

void UserTables::clear() {
    const SpinGuard guard(lock_);
    TlbBatch batch(machine_);
    static_cast<void>(for_each_table(0, arch::kUserEnd, [&](std::uint64_t at, EntryPlace place) {
        const PageEntry table = place.exchange(PageEntry());
        const std::uint64_t begin = align_down<std::uint64_t>(at, kTableSpan);
        batch.drop(begin, kTableSpan, table.frame(), Kind::kLastLevelTable);
        return Result<void>{};
    }));
    const auto drop_table = [&](EntryPlace place) {
        batch.drop(0, kPageSize, place.exchange(PageEntry()).frame(), Kind::kTable);
    };
    constexpr unsigned kUserTop = arch::kTableEntries / 2;
    for (unsigned top = 0; (top = arch::next_held(machine_.root, top, kUserTop)) != kUserTop;
         ++top) {
        const EntryPlace top_place(machine_.root, top);
        const PhysAddr directories = top_place.load().frame();
        for (unsigned at = 0; (at = arch::next_held(directories, at)) != arch::kTableEntries; ++at)
            drop_table(EntryPlace(directories, at));
        drop_table(top_place);
    }
}

std::uint64_t UserTables::resident_pages() {
    const SpinGuard guard(lock_);
    std::uint64_t pages = 0;
    static_cast<void>(for_each_table(0, arch::kUserEnd, [&](std::uint64_t, EntryPlace place) {
        const PhysAddr table = place.load().frame();
        for (unsigned index = 0; index < arch::kTableEntries; ++index) {
            const PageEntry entry = EntryPlace(table, index).load();
            if (entry.held() && frame_references(entry.frame()) != 0) ++pages;
        }
        return Result<void>{};
    }));
    return pages;
}

}  // namespace exo
