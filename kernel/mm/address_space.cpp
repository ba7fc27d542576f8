// Mappings: finding room, changing, copying. What a fault does is in address_space_fault.cpp.
#include "kernel/mm/address_space.h"

#include <algorithm>
#include <new>

#include "kernel/core/thread.h"
#include "kernel/mm/doomed.h"
#include "lib/base/bits.h"
#include "lib/base/box.h"

namespace exo {

namespace {

constexpr std::uint64_t kNoPlace = 0;

/// `length` in whole pages, of a range from `address` on inside what a program can address. INVAL.
Result<std::uint64_t> checked_length(std::uint64_t address, std::uint64_t length) {
    if (address % kPageSize != 0) return Errno::INVAL;
    const auto rounded = checked_align_up<std::uint64_t>(length, kPageSize);
    if (!rounded || address > arch::kUserEnd || *rounded > arch::kUserEnd - address) {
        return Errno::INVAL;
    }
    return *rounded;
}

arch::Access access_of(Protection protection) {
    if (protection == Protection::kNone) return arch::Access::kRead;
    arch::Access access = arch::Access::kUser;
    if (has(protection, Protection::kExecute)) access = access | arch::Access::kExecute;
    return access;
}

bool contains(Protection all, Protection some) {
    return (all | some) == all;
}

}  // namespace

AddressSpace::AddressSpace() : tables_(*this) {}

AddressSpace::~AddressSpace() {
    clear();
}

Result<Ref<AddressSpace>> AddressSpace::create() {
    auto space = TRY(make_ref<AddressSpace>());
    TRY(space->tables_.create());
    return space;
}

AddressSpace* current_address_space() {
    arch::UserSpace* const machine = this_thread().space();
    return machine == nullptr ? nullptr : &AddressSpace::of(*machine);
}

/// The mapping that contains `address`.
Mapping* AddressSpace::find(std::uint64_t address) const {
    Mapping* const mapping = mappings_.at_or_before(address);
    return mapping != nullptr && address < mapping->end ? mapping : nullptr;
}

/// The first mapping that has a part of [begin, end).
Mapping* AddressSpace::first_in(std::uint64_t begin, std::uint64_t end) const {
    if (begin >= end) return nullptr;
    if (Mapping* const mapping = find(begin)) return mapping;
    Mapping* const mapping = mappings_.at_or_after(begin);
    return mapping != nullptr && mapping->begin < end ? mapping : nullptr;
}

/// Of mappings that `counts(mapping)` says of, what lies in [begin, end).
template <typename Predicate>
std::uint64_t AddressSpace::bytes_that(Predicate counts, std::uint64_t begin,
                                       std::uint64_t end) const {
    std::uint64_t bytes = 0;
    for (Mapping* mapping = first_in(begin, end); mapping != nullptr && mapping->begin < end;
         mapping = mappings_.next(*mapping)) {
        if (!counts(*mapping)) continue;
        bytes += std::min(mapping->end, end) - std::max(mapping->begin, begin);
    }
    return bytes;
}

std::uint64_t AddressSpace::bytes_in(std::uint64_t begin, std::uint64_t end) const {
    return bytes_that([](const Mapping&) { return true; }, begin, end);
}

/// Whether there may be `more` bytes of data (RLIMIT_DATA of setrlimit(2)) once what is in [begin,
/// end) is gone. Walks the mappings if there is a limit, which is rare.
bool AddressSpace::within_data_limit(std::uint64_t more, std::uint64_t begin,
                                     std::uint64_t end) const {
    const std::uint64_t limit = data_limit_.load(std::memory_order_relaxed);
    if (limit == kNoLimit) return true;
    const auto data = [](const Mapping& mapping) { return mapping.is_data(); };
    const std::uint64_t kept =
        bytes_that(data, 0, arch::kUserEnd) - (begin < end ? bytes_that(data, begin, end) : 0);
    return kept <= limit && more <= limit - kept;
}

bool AddressSpace::within_limit(std::uint64_t more, std::uint64_t less) const {
    const std::uint64_t kept = mapped_bytes() - less;
    const std::uint64_t limit = limit_.load(std::memory_order_relaxed);
    return kept <= limit && more <= limit - kept;
}

bool AddressSpace::is_free(std::uint64_t address, std::uint64_t length) const {
    if (address < kLowest || address > arch::kUserEnd || length > arch::kUserEnd - address) {
        return false;
    }
    return first_in(address, address + length) == nullptr;
}

// The highest gap. Walks the mappings from the top: programs fill from there, so the first gaps are
// the likely ones.
Result<std::uint64_t> AddressSpace::find_gap(std::uint64_t length) const {
    std::uint64_t top = kPlacementTop;
    Mapping* mapping = mappings_.at_or_before(kPlacementTop - 1);
    for (; mapping != nullptr; mapping = mappings_.previous(*mapping)) {
        if (mapping->end <= top && top - mapping->end >= length) return top - length;
        const std::uint64_t gap = mapping->grows_down ? kGuardGap : 0;
        top = std::min(top, mapping->begin - std::min(mapping->begin, gap));
    }
    if (top < kLowest || top - kLowest < length) return Errno::NOMEM;
    return top - length;
}

Result<std::uint64_t> AddressSpace::place(const MapRequest& request, std::uint64_t length) const {
    if (request.placement == Placement::kHint) {
        const std::uint64_t hint = align_down<std::uint64_t>(request.address, kPageSize);
        if (hint != kNoPlace && is_free(hint, length)) return hint;
        return find_gap(length);
    }
    if (request.address % kPageSize != 0) return Errno::INVAL;
    if (request.address > arch::kUserEnd || length > arch::kUserEnd - request.address) {
        return Errno::NOMEM;
    }
    if (request.placement == Placement::kFixedNoReplace &&
        first_in(request.address, request.address + length) != nullptr) {
        return Errno::EXIST;
    }
    return request.address;
}

void AddressSpace::insert(Mapping& mapping) {
    mappings_.insert(mapping);
    ++mapping_count_;
    mapped_bytes_.fetch_add(mapping.bytes(), std::memory_order_relaxed);
    if (mapping.object) mapping.object->attach(mapping);
}

void AddressSpace::erase(Mapping& mapping, Doomed& doomed) {
    mappings_.erase(mapping);
    --mapping_count_;
    mapped_bytes_.fetch_sub(mapping.bytes(), std::memory_order_relaxed);
    if (mapping.object) mapping.object->detach(mapping);
    doomed.add(mapping);
}

/// Moves a mapping's end. Under its object's mapping lock: truncate() looks at it meanwhile.
void AddressSpace::set_end(Mapping& mapping, std::uint64_t end) {
    mapped_bytes_.fetch_add(end - mapping.end, std::memory_order_relaxed);
    if (!mapping.object) {
        mapping.end = end;
        return;
    }
    const MutexGuard guard(mapping.object->mapping_lock());
    mapping.end = end;
}

/// Moves pages of `mapping`'s object to another of its mappings, so that truncate() finds them in
/// the one or in the other.
Result<void> AddressSpace::move_pages(Mapping& mapping, std::uint64_t from, std::uint64_t to,
                                      std::uint64_t bytes) {
    if (!mapping.object) return tables_.move(from, to, bytes);
    const MutexGuard guard(mapping.object->mapping_lock());
    return tables_.move(from, to, bytes);
}

/// Makes one mapping of `mapping` and its neighbours where nothing tells them apart.
void AddressSpace::merge_around(Mapping& mapping, Doomed& doomed) {
    const auto join = [&](Mapping& low, Mapping& high) REQUIRES(mutex_) {
        set_end(low, high.end);  // first: no page may be in no mapping
        erase(high, doomed);
    };
    if (Mapping* const next = mappings_.next(mapping)) {
        if (mapping.continues_as(*next)) join(mapping, *next);
    }
    if (Mapping* const previous = mappings_.previous(mapping)) {
        if (previous->continues_as(mapping)) join(*previous, mapping);
    }
}

/// Makes `address` the boundary of two mappings if it lies inside one. NOMEM.
Result<void> AddressSpace::split_at(std::uint64_t address) {
    Mapping* const low = find(address);
    if (low == nullptr || low->begin == address) return {};
    if (mapping_count_ >= kMostMappings) return Errno::NOMEM;
    Mapping& high = *TRY(Box<Mapping>::create(*this)).release();
    high.copy_kind(*low);
    high.grows_down = false;
    high.begin = address;
    high.end = low->end;
    high.object_offset = low->object_offset + (address - low->begin);
    insert(high);
    set_end(*low, address);
    return {};
}

/// Makes [begin, end) consist of whole mappings. NOMEM: perhaps cut, but the same as before.
Result<void> AddressSpace::isolate(std::uint64_t begin, std::uint64_t end) {
    TRY(split_at(begin));
    return split_at(end);
}

/// Unmaps [begin, end). NOMEM: nothing was unmapped.
Result<void> AddressSpace::remove(std::uint64_t begin, std::uint64_t end, Doomed& doomed) {
    if (first_in(begin, end) == nullptr) return {};
    TRY(isolate(begin, end));
    TRY(tables_.prepare_remove(begin, end));
    while (Mapping* const mapping = first_in(begin, end)) erase(*mapping, doomed);
    tables_.remove(begin, end);
    return {};
}

Result<std::uint64_t> AddressSpace::map(const MapRequest& request) {
    might_sleep();
    const auto length = checked_align_up<std::uint64_t>(request.length, kPageSize);
    if (!length) return Errno::NOMEM;
    if (*length == 0 || request.object_offset % kPageSize != 0) return Errno::INVAL;
    if (*length > arch::kUserEnd) return Errno::NOMEM;
    if (!checked_add<std::uint64_t>(request.object_offset, *length)) return Errno::OVERFLOW;
    if (!contains(request.allowed, request.protection)) return Errno::ACCES;
    auto mapping = TRY(Box<Mapping>::create(*this));
    Doomed doomed;
    const WriteGuard guard(mutex_);
    if (mapping_count_ >= kMostMappings) return Errno::NOMEM;
    const std::uint64_t address = TRY(place(request, *length));
    const std::uint64_t end = address + *length;
    if (!within_limit(*length, bytes_in(address, end))) return Errno::NOMEM;
    mapping->begin = address;
    mapping->end = end;
    mapping->protection = request.protection;
    mapping->allowed = request.allowed;
    mapping->sharing = request.sharing;
    mapping->grows_down = request.grows_down;
    mapping->object = request.object;
    mapping->object_offset = request.object_offset;
    mapping->file = request.file;
    if (mapping->is_data() && !within_data_limit(*length, address, end)) return Errno::NOMEM;
    TRY(remove(address, end, doomed));
    Mapping& inserted = *mapping.release();
    insert(inserted);
    merge_around(inserted, doomed);
    return address;
}

Result<void> AddressSpace::unmap(std::uint64_t address, std::uint64_t length) {
    might_sleep();
    const std::uint64_t bytes = TRY(checked_length(address, length));
    if (bytes == 0) return Errno::INVAL;
    Doomed doomed;
    const WriteGuard guard(mutex_);
    return remove(address, address + bytes, doomed);
}

Result<void> AddressSpace::protect(std::uint64_t address, std::uint64_t length,
                                   Protection protection) {
    might_sleep();
    const std::uint64_t bytes = TRY(checked_length(address, length));
    if (bytes == 0) return {};
    const std::uint64_t end = address + bytes;
    Doomed doomed;
    const WriteGuard guard(mutex_);
    if (bytes_in(address, end) != bytes) return Errno::NOMEM;
    bool loses_rights = false;
    for (Mapping* at = first_in(address, end); at != nullptr && at->begin < end;
         at = mappings_.next(*at)) {
        if (!contains(at->allowed, protection)) return Errno::ACCES;
        loses_rights |= !contains(protection, at->protection);
    }
    const auto becomes_data = [&](const Mapping& mapping) {
        return has(protection, Protection::kWrite) && mapping.may_be_data() && !mapping.is_data();
    };
    const std::uint64_t more_data = bytes_that(becomes_data, address, end);
    if (more_data != 0 && !within_data_limit(more_data, 0, 0)) return Errno::NOMEM;
    TRY(isolate(address, end));
    // Rights that are gained come by faults.
    if (loses_rights) TRY(tables_.restrict(address, end, access_of(protection)));
    for (Mapping* at = first_in(address, end); at != nullptr && at->begin < end;
         at = mappings_.next(*at)) {
        at->protection = protection;
        // At most one mapping grows below `at`, so the walk goes on from the merged one.
        Mapping* const previous = mappings_.previous(*at);
        const bool joins = previous != nullptr && previous->continues_as(*at);
        merge_around(*at, doomed);
        if (joins) at = previous;
    }
    return {};
}

Result<void> AddressSpace::discard(std::uint64_t address, std::uint64_t length) {
    might_sleep();
    const std::uint64_t bytes = TRY(checked_length(address, length));
    const ReadGuard guard(mutex_);  // no mapping changes
    TRY(tables_.prepare_remove(address, address + bytes));
    tables_.remove(address, address + bytes);
    // As on Linux, what is mapped is discarded even where something is not.
    if (bytes_in(address, address + bytes) != bytes) return Errno::NOMEM;
    return {};
}

Result<std::uint64_t> AddressSpace::remap(std::uint64_t address, std::uint64_t old_length,
                                          std::uint64_t new_length, bool may_move) {
    might_sleep();
    const std::uint64_t old_bytes = TRY(checked_length(address, old_length));
    const std::uint64_t new_bytes = TRY(checked_length(0, new_length));
    if (old_bytes == 0 || new_bytes == 0) return Errno::INVAL;
    Doomed doomed;
    const WriteGuard guard(mutex_);
    Mapping* const mapping = find(address);
    if (mapping == nullptr || old_bytes > mapping->end - address) return Errno::FAULT;
    if (new_bytes <= old_bytes) {
        TRY(remove(address + new_bytes, address + old_bytes, doomed));
        return address;
    }
    const std::uint64_t more = new_bytes - old_bytes;
    if (!within_limit(more, 0)) return Errno::NOMEM;
    if (mapping->is_data() && !within_data_limit(more, 0, 0)) return Errno::NOMEM;
    const std::uint64_t old_end = address + old_bytes;
    if (mapping->end == old_end && is_free(old_end, more)) {
        set_end(*mapping, mapping->end + more);
        merge_around(*mapping, doomed);
        return address;
    }
    if (!may_move) return Errno::NOMEM;
    return move(*mapping, address, old_bytes, new_bytes, doomed);
}

Result<std::uint64_t> AddressSpace::move(Mapping& mapping, std::uint64_t address,
                                         std::uint64_t old_length, std::uint64_t new_length,
                                         Doomed& doomed) {
    const std::uint64_t target = TRY(find_gap(new_length));
    auto moved = TRY(Box<Mapping>::create(*this));
    moved->copy_kind(mapping);
    moved->grows_down = false;
    moved->object_offset = mapping.object_offset + (address - mapping.begin);
    moved->begin = target;
    moved->end = target + new_length;
    TRY(isolate(address, address + old_length));
    insert(*moved);
    const auto tables_moved = move_pages(*moved, address, target, old_length);
    Mapping& inserted = *moved.release();
    if (!tables_moved) {
        erase(inserted, doomed);
        return tables_moved.error();
    }
    // Its tables hold nothing in the old place any more, so this needs no memory.
    MUST(remove(address, address + old_length, doomed));
    merge_around(inserted, doomed);
    return target;
}

Result<Ref<AddressSpace>> AddressSpace::fork() {
    might_sleep();
    auto child = TRY(create());
    // For writing: no fault may come between the mappings and the tables.
    const WriteGuard guard(mutex_);
    if (is_doomed()) return Errno::NOMEM;
    TlbBatch batch(machine());
    TRY(copy_mappings_to(*child, batch));
    return child;
}

Result<void> AddressSpace::copy_mappings_to(AddressSpace& child, TlbBatch& batch) {
    const WriteGuard guard(child.mutex_);
    for (Mapping* at = mappings_.first(); at != nullptr; at = mappings_.next(*at)) {
        Mapping& copy = *TRY(Box<Mapping>::create(child)).release();
        copy.copy_kind(*at);
        copy.begin = at->begin;
        copy.end = at->end;
        copy.object_offset = at->object_offset;
        child.insert(copy);
        TRY(tables_.share_with(child.tables_, at->begin, at->end, batch));
    }
    child.set_limit(limit_.load(std::memory_order_relaxed));
    child.set_data_limit(data_limit_.load(std::memory_order_relaxed));
    child.set_stack_limit(stack_limit_.load(std::memory_order_relaxed));
    return {};
}

void AddressSpace::clear() {
    Doomed doomed;
    const WriteGuard guard(mutex_);
    while (Mapping* const mapping = mappings_.first()) erase(*mapping, doomed);
    if (root.value != 0) tables_.clear();
}

void AddressSpace::doom() {
    might_sleep();
    const WriteGuard guard(mutex_);
    doomed_.store(true, std::memory_order_relaxed);
    if (root.value != 0) tables_.clear();
}

Result<MappingInfo> AddressSpace::mapping_from(std::uint64_t address) {
    const ReadGuard guard(mutex_);
    const Mapping* mapping = find(address);
    if (mapping == nullptr) mapping = mappings_.at_or_after(address);
    if (mapping == nullptr) return Errno::NOENT;
    return mapping->info();
}

}  // namespace exo
