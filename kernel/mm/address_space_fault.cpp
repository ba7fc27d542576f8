// What a page fault does to an address space. Nothing is kept from before a page is made until it
// is put in its place: whoever finds that something else stands there by now gives its page back,
// and the program, whose instruction begins anew, faults again or goes on.
#include <algorithm>
#include <array>
#include <cstring>
#include <span>

#include "kernel/arch/page_copy.h"
#include "kernel/core/scheduler.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/zero_page.h"

namespace exo {

namespace {

using arch::Access;
using arch::PageEntry;

bool permits(Protection protection, FaultKind kind) {
    switch (kind) {
        case FaultKind::kRead:
            // The machine has no right to write or execute without reading.
            return protection != Protection::kNone;
        case FaultKind::kWrite:
            return has(protection, Protection::kWrite);
        case FaultKind::kExecute:
            return has(protection, Protection::kExecute);
    }
    return false;
}

/// What an entry of `mapping` may allow, but for writing.
Access access_of(const Mapping& mapping) {
    const bool executes = has(mapping.protection, Protection::kExecute);
    return executes ? Access::kUser | Access::kExecute : Access::kUser;
}

/// What one fault fills at most: who goes from page to page then faults once for all of these.
constexpr unsigned kMostAtOnce = 16;

/// Frames, one reference to each, for pages in a row.
struct Run {
    std::array<PhysAddr, kMostAtOnce> frames;
    std::size_t count = 0;
    [[nodiscard]] std::span<const PhysAddr> all() const { return std::span(frames).first(count); }
};

/// Puts pages, references to which are the caller's, in their places from `page` on, as far as none
/// is there by now.
Result<void> install(UserTables& tables, std::uint64_t page, std::span<const PhysAddr> frames,
                     Access access) {
    const auto installed = tables.install(page, frames, access);
    for (std::size_t i = installed.value_or(0); i < frames.size(); ++i) unref_frame(frames[i]);
    if (!installed) return installed.error();
    return {};
}

Result<void> install(UserTables& tables, std::uint64_t page, PhysAddr frame, Access access) {
    return install(tables, page, std::span<const PhysAddr>(&frame, 1), access);
}

/// Pages from `page` on that are in the mapping and in the same last-level table, up to
/// kMostAtOnce.
std::size_t room_for_run(const Mapping& mapping, std::uint64_t page) {
    const std::uint64_t table_end =
        align_down<std::uint64_t>(page, arch::entry_span(2)) + arch::entry_span(2);
    const std::uint64_t pages = (std::min(mapping.end, table_end) - page) / kPageSize;
    return std::min<std::uint64_t>(pages, kMostAtOnce);
}

Result<PhysAddr> copy_of(PhysAddr frame) {
    if (frame == zero_page()) return allocate_frame(Fill::kZero);
    const PhysAddr copy = TRY(allocate_frame(Fill::kNone));
    copy_page(direct_pointer<void>(copy), direct_pointer<const void>(frame));
    return copy;
}

}  // namespace

FaultResult AddressSpace::fault(std::uint64_t address, FaultKind kind) {
    might_sleep();
    if (address >= arch::kUserEnd) return FaultResult::kUnmapped;
    const std::uint64_t page = align_down<std::uint64_t>(address, kPageSize);
    {
        const ReadGuard guard(mutex_);
        if (is_doomed()) return FaultResult::kNoMemory;
        if (Mapping* const mapping = find(page)) {
            if (!permits(mapping->protection, kind)) return FaultResult::kForbidden;
            const auto resolved = resolve(*mapping, page, kind);
            if (resolved) return FaultResult::kResolved;
            return resolved.error() == Errno::NOMEM ? FaultResult::kNoMemory
                                                    : FaultResult::kBeyondEnd;
        }
    }
    return grow_stack(page) ? FaultResult::kResolved : FaultResult::kUnmapped;
}

/// Extends the growing mapping above `page` down to it, if there is one and nothing is in the way.
bool AddressSpace::grow_stack(std::uint64_t page) {
    const WriteGuard guard(mutex_);
    if (find(page) != nullptr) return true;  // somebody mapped it meanwhile
    Mapping* const above = mappings_.at_or_after(page);
    if (above == nullptr || !above->grows_down || page < kLowest) return false;
    const std::uint64_t more = above->begin - page;
    if (above->end - page > stack_limit_.load(std::memory_order_relaxed)) return false;
    if (!within_limit(more, 0)) return false;
    const Mapping* const below = mappings_.previous(*above);
    if (below != nullptr && page - below->end < kGuardGap) return false;
    above->begin = page;  // the order of mappings stays
    mapped_bytes_.fetch_add(more, std::memory_order_relaxed);
    return true;
}

Result<void> AddressSpace::resolve(Mapping& mapping, std::uint64_t page, FaultKind kind) {
    const PageEntry entry = tables_.look(page);
    if (!entry.held()) {
        if (mapping.object) return fill_from_object(mapping, page, kind);
        return fill_anonymous(mapping, page, kind);
    }
    if (kind != FaultKind::kWrite) return tables_.allow(page, entry.frame(), access_of(mapping));
    if (mapping.sharing == Sharing::kPrivate) return write_private(mapping, page);
    return tables_.allow(page, entry.frame(), access_of(mapping) | Access::kWrite);
}

Result<PhysAddr> AddressSpace::pin_page(std::uint64_t page) {
    const ReadGuard guard(mutex_);
    if (is_doomed()) return Errno::FAULT;
    Mapping* const mapping = find(page);
    if (mapping == nullptr || !permits(mapping->protection, FaultKind::kRead)) return Errno::FAULT;
    for (;;) {
        const PageEntry entry = tables_.pin(page);
        if (entry.held()) return entry.frame();
        TRY(resolve(*mapping, page, FaultKind::kRead));
    }
}

std::size_t AddressSpace::read(std::uint64_t address, std::span<std::byte> to) {
    might_sleep();
    std::size_t done = 0;
    while (done < to.size()) {
        std::uint64_t at;
        if (__builtin_add_overflow(address, done, &at) || at >= arch::kUserEnd) break;
        const std::uint64_t in_page = at % kPageSize;
        const Result<PhysAddr> frame = pin_page(at - in_page);
        if (!frame) break;
        const std::size_t bytes = std::min(to.size() - done, kPageSize - in_page);
        std::memcpy(to.data() + done, direct_pointer<const std::byte>(*frame) + in_page, bytes);
        unref_frame(*frame);
        done += bytes;
    }
    return done;
}

// As many pages as were written to right before this one come with it, so that at most half of them
// are in vain.
Result<void> AddressSpace::fill_anonymous(Mapping& mapping, std::uint64_t page, FaultKind kind) {
    if (kind != FaultKind::kWrite) {
        return install(tables_, page, zero_page(), access_of(mapping));
    }
    const auto most = static_cast<unsigned>(room_for_run(mapping, page)) - 1;
    const std::size_t wanted = 1 + std::size_t{tables_.writable_before(page, most)};
    Run run;
    while (run.count < wanted) {
        const auto frame = allocate_frame(Fill::kZero);
        if (!frame && run.count == 0) return frame.error();
        if (!frame) break;
        run.frames[run.count++] = *frame;
    }
    return install(tables_, page, run.all(), access_of(mapping) | Access::kWrite);
}

// The object's mapping lock is held from the look at its size until the page stands in the table:
// truncate() then finds it there.
Result<void> AddressSpace::fill_from_object(Mapping& mapping, std::uint64_t page, FaultKind kind) {
    MemoryObject& object = *mapping.object;
    const std::uint64_t index = mapping.page_index(page);
    const MutexGuard guard(object.mapping_lock());
    const std::uint64_t size = object.size();
    const std::uint64_t pages = size / kPageSize + (size % kPageSize != 0);
    if (size != MemoryObject::kNoEnd && index >= pages) return Errno::FAULT;
    const PhysAddr frame = TRY(object.page(index));
    if (mapping.sharing == Sharing::kPrivate && kind == FaultKind::kWrite) {
        const auto copy = copy_of(frame);
        unref_frame(frame);
        return install(tables_, page, TRY(copy), access_of(mapping) | Access::kWrite);
    }
    Access access = access_of(mapping);
    if (mapping.sharing == Sharing::kShared && has(mapping.protection, Protection::kWrite)) {
        access = access | Access::kWrite;
    }
    Run run;
    run.frames[run.count++] = frame;
    // What follows and is in memory already comes along.
    const std::size_t room = std::min<std::uint64_t>(room_for_run(mapping, page), pages - index);
    while (run.count < room) {
        const auto next = object.resident_page(index + run.count);
        if (!next) break;
        run.frames[run.count++] = *next;
    }
    return install(tables_, page, run.all(), access);
}

Result<void> AddressSpace::write_private(Mapping& mapping, std::uint64_t page) {
    const Access access = access_of(mapping) | Access::kWrite;
    const auto [state, old] = TRY(tables_.allow_write(page, access));
    if (state != UserTables::Write::kShared) return {};
    const auto copy = copy_of(old);
    if (!copy) {
        unref_frame(old);
        return copy.error();
    }
    const auto replaced = tables_.replace(page, old, PageEntry::page(*copy, access));
    unref_frame(old);
    if (!replaced || !*replaced) unref_frame(*copy);
    if (!replaced) return replaced.error();
    return {};
}

}  // namespace exo
