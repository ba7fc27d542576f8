// mmap(2), brk(2) and their kin: decode and check, then one call of the address space.
#include <algorithm>

#include "posix_x/calls.h"
#include "posix_x/calls/files.h"

namespace exo::posix {
namespace {

constexpr std::uint32_t kMapShared = 1, kMapPrivate = 2, kMapSharedValidate = 3, kMapType = 0xf;
constexpr std::uint32_t kMapFixed = 0x10, kMapAnonymous = 0x20, kMapGrowsDown = 0x100;
constexpr std::uint32_t kMapHugeTlb = 0x40000, kMapFixedNoReplace = 0x100000;
constexpr std::uint32_t kProtAll = 7;
constexpr std::uint64_t kPageMask = kPageSize - 1;

constexpr bool is_aligned(std::uint64_t at) {
    return (at & kPageMask) == 0;
}

/// Rounded up to pages. NOMEM: wraps, or beyond what a program can address.
Result<std::uint64_t> page_length(std::uint64_t bytes) {
    if (bytes > arch::kUserEnd) return Errno::NOMEM;
    return (bytes + kPageMask) & ~kPageMask;
}

/// Whether all of [begin, end) is mapped: NOMEM.
Result<void> check_mapped(AddressSpace& space, std::uint64_t begin, std::uint64_t end) {
    while (begin < end) {
        const Result<MappingInfo> info = space.mapping_from(begin);
        if (!info || info->begin > begin) return Errno::NOMEM;
        begin = info->end;
    }
    return {};
}

Result<void> use_file(Task& task, Fd fd, std::uint64_t offset, MapRequest& request) {
    const auto [file, rights] = TRY(opened_file_handle_of(task, fd));
    if (!includes(rights, Rights::kRead)) return Errno::ACCES;
    const bool writes_file =
        request.sharing == Sharing::kShared && has(request.protection, Protection::kWrite);
    if (writes_file && !includes(rights, Rights::kWrite)) return Errno::ACCES;
    if (request.sharing == Sharing::kShared && !includes(rights, Rights::kWrite))
        request.allowed = Protection::kRead | Protection::kExecute;
    const RefPtr<Dentry> dentry = file->dentry();
    if (dentry && has(dentry->mount_state().flags(), MountFlags::kNoExecute)) {
        if (has(request.protection, Protection::kExecute)) return Errno::PERM;
        request.allowed = has(request.allowed, Protection::kWrite)
                              ? Protection::kRead | Protection::kWrite
                              : Protection::kRead;
    }
    std::uint64_t end;
    if (__builtin_add_overflow(offset, request.length, &end) || end > kMaxFileOffset)
        return Errno::OVERFLOW;
    request.object = TRY(file->memory_object());
    const RefPtr<Inode> inode = file->inode();
    const Result<Seals> seals = inode->seals();
    if (request.sharing == Sharing::kShared && seals &&
        has(*seals, Seals::kWrite | Seals::kFutureWrite)) {
        if (writes_file) return Errno::PERM;
        request.allowed = Protection::kRead | Protection::kExecute;
    }
    request.object_offset = offset;
    request.file = file.keep();
    return {};
}

}  // namespace

Result<long> sys_mmap(Task& task, std::uint64_t address, std::uint64_t length,
                      std::uint32_t protection, Flags flags, Fd fd, std::uint64_t offset) {
    if (!is_aligned(offset) || length == 0) return Errno::INVAL;
    const std::uint32_t type = flags.bits & kMapType;
    if (type != kMapShared && type != kMapPrivate && type != kMapSharedValidate)
        return Errno::INVAL;
    if (flags.has(kMapHugeTlb)) return Errno::NOMEM;
    const bool fixed = flags.has(kMapFixed | kMapFixedNoReplace);
    if (fixed && !is_aligned(address)) return Errno::INVAL;
    MapRequest request;
    request.length = TRY(page_length(length));
    request.address = address & ~kPageMask;
    request.protection = static_cast<Protection>(protection & kProtAll);
    request.sharing = type == kMapPrivate ? Sharing::kPrivate : Sharing::kShared;
    if (flags.has(kMapFixed)) request.placement = Placement::kFixed;
    if (flags.has(kMapFixedNoReplace)) request.placement = Placement::kFixedNoReplace;
    request.grows_down = flags.has(kMapGrowsDown);
    if (!flags.has(kMapAnonymous)) {
        TRY(use_file(task, fd, offset, request));
    } else if (request.sharing == Sharing::kShared) {
        request.object = TRY(create_anonymous_object());
    }
    const bool claims = request.object && request.sharing == Sharing::kShared &&
                        has(request.allowed, Protection::kWrite);
    if (claims) TRY(request.object->claim_writable_mapping());
    const Result<std::uint64_t> mapped = task.process().space->map(request);
    if (claims) request.object->release_claim();
    return static_cast<long>(TRY(mapped));
}

Result<long> sys_munmap(Task& task, std::uint64_t address, std::uint64_t length) {
    if (!is_aligned(address) || length == 0 || length > arch::kUserEnd) return Errno::INVAL;
    const std::uint64_t bytes = TRY(page_length(length));
    if (address > arch::kUserEnd || bytes > arch::kUserEnd - address) return Errno::INVAL;
    TRY(task.process().space->unmap(address, bytes));
    return 0;
}

Result<long> sys_mprotect(Task& task, std::uint64_t address, std::uint64_t length,
                          std::uint32_t protection) {
    if (!is_aligned(address) || (protection & ~kProtAll) != 0) return Errno::INVAL;
    if (length == 0) return 0;
    const std::uint64_t bytes = TRY(page_length(length));
    if (address > arch::kUserEnd || bytes > arch::kUserEnd - address) return Errno::NOMEM;
    TRY(task.process().space->protect(address, bytes, static_cast<Protection>(protection)));
    return 0;
}

Result<long> sys_mremap(Task& task, std::uint64_t address, std::uint64_t old_length,
                        std::uint64_t new_length, Flags flags) {
    constexpr std::uint32_t kMayMove = 1;
    if (!flags.only(kMayMove) || !is_aligned(address) || new_length == 0 || old_length == 0)
        return Errno::INVAL;
    if (address >= arch::kUserEnd) return Errno::FAULT;
    const std::uint64_t from = TRY(page_length(old_length));
    const std::uint64_t to = TRY(page_length(new_length));
    return static_cast<long>(
        TRY(task.process().space->remap(address, from, to, flags.has(kMayMove))));
}

// brk(2) tells where the break is, moved or not.
Result<long> sys_brk(Task& task, std::uint64_t wanted) {
    Process& process = task.process();
    auto at = process.program_break.lock();
    const auto now = [&] { return static_cast<long>(at->end); };
    if (wanted < at->begin || wanted >= arch::kUserEnd) return now();
    if (wanted - at->begin > process.limits.soft(abi::Limit::kData)) return now();
    const std::uint64_t old_pages = (at->end + kPageMask) & ~kPageMask;
    const std::uint64_t new_pages = (wanted + kPageMask) & ~kPageMask;
    if (new_pages > old_pages) {
        MapRequest request;
        request.address = old_pages;
        request.length = new_pages - old_pages;
        request.protection = Protection::kRead | Protection::kWrite;
        request.placement = Placement::kFixedNoReplace;
        if (!process.space->map(request)) return now();
    } else if (new_pages < old_pages) {
        if (!process.space->unmap(new_pages, old_pages - new_pages)) return now();
    }
    at->end = wanted;
    return now();
}

Result<long> sys_madvise(Task& task, std::uint64_t address, std::uint64_t length,
                         std::uint32_t advice) {
    constexpr std::uint32_t kDontNeed = 4;  // those below are hints
    if (!is_aligned(address) || length > ~kPageMask) return Errno::INVAL;
    const std::uint64_t bytes = TRY(page_length(length));
    if (address > arch::kUserEnd || bytes > arch::kUserEnd - address) return Errno::NOMEM;
    if (advice > kDontNeed) return Errno::INVAL;
    AddressSpace& space = *task.process().space;
    // What is mapped gets the advice; holes make it NOMEM afterwards.
    const std::uint64_t end = address + bytes;
    bool has_holes = false;
    for (std::uint64_t at = address; at < end;) {
        const Result<MappingInfo> info = space.mapping_from(at);
        const std::uint64_t next = info ? std::min(info->begin, end) : end;
        if (next > at) {
            has_holes = true;
            at = next;
            continue;
        }
        const std::uint64_t stop = std::min(info->end, end);
        // Nothing to discard is there any more if another thread unmapped it in between.
        if (advice == kDontNeed && !space.discard(at, stop - at)) has_holes = true;
        at = stop;
    }
    return has_holes ? Result<long>(Errno::NOMEM) : Result<long>(0L);
}

Result<long> sys_msync(Task& task, std::uint64_t address, std::uint64_t length, Flags flags) {
    constexpr std::uint32_t kAsync = 1, kInvalidate = 2, kSync = 4;
    if (!is_aligned(address) || !flags.only(kAsync | kInvalidate | kSync)) return Errno::INVAL;
    if (flags.has(kAsync) && flags.has(kSync)) return Errno::INVAL;
    if (length > ~kPageMask) return 0;  // rounded up, it is nothing
    const std::uint64_t bytes = TRY(page_length(length));
    if (bytes > arch::kUserEnd || address > arch::kUserEnd - bytes) return Errno::NOMEM;
    TRY(check_mapped(*task.process().space, address, address + bytes));
    return 0;
}

}  // namespace exo::posix
