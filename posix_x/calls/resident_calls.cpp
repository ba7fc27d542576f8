// mlock(2), mincore(2), membarrier(2): what of a program's memory is there, and what other CPUs see
// of it. Memory is never taken from a program while it runs, so that to lock it is to have it
// there.
#include <algorithm>

#include "abi/linux/capability.h"
#include "kernel/mm/shootdown.h"
#include "posix_x/calls.h"

namespace exo::posix {

namespace {

constexpr std::uint64_t kPageMask = kPageSize - 1;

struct Range {
    std::uint64_t begin, end;
};

/// Whole pages around [address, address + length). As on Linux, a length that wraps when it is
/// rounded up is none. INVAL: the end wraps.
Result<Range> pages_around(std::uint64_t address, std::uint64_t length) {
    const std::uint64_t begin = address & ~kPageMask;
    const std::uint64_t bytes = (length + (address - begin) + kPageMask) & ~kPageMask;
    std::uint64_t end;
    if (__builtin_add_overflow(begin, bytes, &end)) return Errno::INVAL;
    return Range{begin, end};
}

/// Calls `visit(info, begin, end)` for each mapping's part of the range. NOMEM: a hole, where it
/// ends.
template <typename Visit>
Result<void> for_each_part(AddressSpace& space, Range range, Visit visit) {
    while (range.begin < range.end) {
        const Result<MappingInfo> info = space.mapping_from(range.begin);
        if (!info || info->begin > range.begin) return Errno::NOMEM;
        const std::uint64_t end = std::min(info->end, range.end);
        TRY(visit(*info, range.begin, end));
        range.begin = end;
    }
    return {};
}

/// Makes the pages be there, with copies of their own where they may be written to. NOMEM: they
/// cannot be touched at all.
Result<void> populate(AddressSpace& space, const MappingInfo& info, std::uint64_t begin,
                      std::uint64_t end) {
    if (info.protection == Protection::kNone) return Errno::NOMEM;
    const bool writes =
        has(info.protection, Protection::kWrite) && info.sharing == Sharing::kPrivate;
    const FaultKind kind = writes                                    ? FaultKind::kWrite
                           : has(info.protection, Protection::kRead) ? FaultKind::kRead
                                                                     : FaultKind::kExecute;
    for (std::uint64_t at = begin; at < end; at += kPageSize) {
        const FaultResult result = space.fault(at, kind);
        if (result == FaultResult::kNoMemory) return Errno::AGAIN;
        if (result != FaultResult::kResolved) return Errno::NOMEM;
        if (this_thread().interrupted()) return Errno::INTR;
        if (should_yield()) yield();
    }
    return {};
}

/// PERM: may lock nothing; NOMEM: not so much. LINUX-DIFF: what was locked before does not count.
Result<void> check_lock_limit(Task& task, std::uint64_t bytes) {
    if (task.process().credentials()->capable(abi::kCapIpcLock)) return {};
    const std::uint64_t limit = task.process().limits.soft(abi::Limit::kLocked);
    if (limit == 0) return Errno::PERM;
    return bytes > limit ? Result<void>(Errno::NOMEM) : Result<void>();
}

enum class Populate : std::uint8_t { kNow, kOnFault };

Result<long> lock_range(Task& task, std::uint64_t address, std::uint64_t length, Populate when) {
    const Range range = TRY(pages_around(address, length));
    TRY(check_lock_limit(task, range.end - range.begin));
    AddressSpace& space = *task.process().space;
    TRY(for_each_part(
        space, range,
        [&](const MappingInfo& info, std::uint64_t begin, std::uint64_t end) -> Result<void> {
            return when == Populate::kNow ? populate(space, info, begin, end) : Result<void>();
        }));
    return 0;
}

}  // namespace

Result<long> sys_mlock(Task& task, std::uint64_t address, std::uint64_t length) {
    return lock_range(task, address, length, Populate::kNow);
}

Result<long> sys_mlock2(Task& task, std::uint64_t address, std::uint64_t length, Flags flags) {
    constexpr std::uint32_t kOnFault = 1;
    if (!flags.only(kOnFault)) return Errno::INVAL;
    return lock_range(task, address, length,
                      flags.has(kOnFault) ? Populate::kOnFault : Populate::kNow);
}

Result<long> sys_munlock(Task& task, std::uint64_t address, std::uint64_t length) {
    const Range range = TRY(pages_around(address, length));
    TRY(for_each_part(
        *task.process().space, range,
        [](const MappingInfo&, std::uint64_t, std::uint64_t) -> Result<void> { return {}; }));
    return 0;
}

// MCL_FUTURE asks only that later mappings have their pages from the start: they come by faults.
Result<long> sys_mlockall(Task& task, Flags flags) {
    constexpr std::uint32_t kCurrent = 1, kFuture = 2, kOnFault = 4;
    if (!flags.only(kCurrent | kFuture | kOnFault) || !flags.has(kCurrent | kFuture))
        return Errno::INVAL;
    AddressSpace& space = *task.process().space;
    TRY(check_lock_limit(task, flags.has(kCurrent) ? space.mapped_bytes() : 0));
    if (!flags.has(kCurrent) || flags.has(kOnFault)) return 0;
    // As on Linux, what cannot be had is no error.
    space.for_each_mapping([&](const MappingInfo& info) {
        static_cast<void>(populate(space, info, info.begin, info.end));
        return !this_thread().interrupted();
    });
    return 0;
}

Result<long> sys_munlockall(Task&) {
    return 0;
}

Result<long> sys_mincore(Task& task, std::uint64_t address, std::uint64_t length, UserAddr out) {
    if ((address & kPageMask) != 0) return Errno::INVAL;
    if (address > arch::kUserEnd || length > arch::kUserEnd - address) return Errno::NOMEM;
    const Range range = TRY(pages_around(address, length));
    AddressSpace& space = *task.process().space;
    TRY(for_each_part(
        space, range,
        [&](const MappingInfo& info, std::uint64_t begin, std::uint64_t end) -> Result<void> {
            for (std::uint64_t at = begin; at < end; at += kPageSize) {
                std::uint8_t there = space.tables().look(at).held() ? 1 : 0;
                if (there == 0 && info.object) {
                    const std::uint64_t index =
                        (info.object_offset + (at - info.begin)) / kPageSize;
                    const auto page = info.object->resident_page(index);
                    if (page) unref_frame(*page);
                    there = page ? 1 : 0;
                }
                TRY(write_user(out + (at - address) / kPageSize, &there, 1));
            }
            return {};
        }));
    return 0;
}

Result<long> sys_membarrier(Task& task, std::uint32_t command, Flags flags, std::int32_t) {
    constexpr std::uint32_t kQuery = 0, kPrivate = 1 << 3, kRegisterPrivate = 1 << 4;
    if (flags.bits != 0) return Errno::INVAL;
    Process& process = task.process();
    switch (command) {
        case kQuery:
            return kPrivate | kRegisterPrivate;
        case kRegisterPrivate:
            process.uses_barriers.store(true, std::memory_order_relaxed);
            return 0;
        case kPrivate:
            if (!process.uses_barriers.load(std::memory_order_relaxed)) return Errno::PERM;
            // Threads that run are interrupted; the others went through a switch, which orders.
            synchronize_cpus(process.space->machine());
            return 0;
        default:
            return Errno::INVAL;
    }
}

}  // namespace exo::posix
