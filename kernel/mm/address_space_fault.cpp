// What a page fault does to an address space. Nothing is kept from before a page is made until it
// is put in its place: whoever finds that something else stands there by now gives its page back,
// and the program, whose instruction begins anew, faults again or goes on.
#include <algorithm>
#include <cstring>

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

/// Puts a page whose reference is the caller's in its place, if none is there by now.
Result<void> install(UserTables& tables, std::uint64_t page, PhysAddr frame, Access access) {
    const auto installed = tables.install(page, PageEntry::page(frame, access));
    if (!installed || !*installed) unref_frame(frame);
    if (!installed) return installed.error();
    return {};
}

Result<PhysAddr> copy_of(PhysAddr frame) {
    if (frame == zero_page()) return allocate_frame(Fill::kZero);
    const PhysAddr copy = TRY(allocate_frame(Fill::kNone));
    std::memcpy(direct_pointer<void>(copy), direct_pointer<const void>(frame), kPageSize);
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

Result<void> AddressSpace::fill_anonymous(Mapping& mapping, std::uint64_t page, FaultKind kind) {
    if (kind != FaultKind::kWrite) {
        return install(tables_, page, zero_page(), access_of(mapping));
    }
    const PhysAddr frame = TRY(allocate_frame(Fill::kZero));
    return install(tables_, page, frame, access_of(mapping) | Access::kWrite);
}

// The object's mapping lock is held from the look at its size until the page stands in the table:
// truncate() then finds it there.
Result<void> AddressSpace::fill_from_object(Mapping& mapping, std::uint64_t page, FaultKind kind) {
    MemoryObject& object = *mapping.object;
    const std::uint64_t index = mapping.page_index(page);
    const MutexGuard guard(object.mapping_lock());
    const std::uint64_t size = object.size();
    if (size != MemoryObject::kNoEnd && index >= size / kPageSize + (size % kPageSize != 0)) {
        return Errno::FAULT;
    }
    PhysAddr frame = TRY(object.page(index));
    Access access = access_of(mapping);
    if (mapping.sharing == Sharing::kPrivate && kind == FaultKind::kWrite) {
        const auto copy = copy_of(frame);
        unref_frame(frame);
        frame = TRY(copy);
        access = access | Access::kWrite;
    } else if (mapping.sharing == Sharing::kShared && has(mapping.protection, Protection::kWrite)) {
        access = access | Access::kWrite;
    }
    return install(tables_, page, frame, access);
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
