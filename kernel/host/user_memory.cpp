// kernel/arch/user_space.h and user_copy.h in software: a program's memory is what its page tables
// say. Translations are remembered until the kernel says that they are not good any more, so that a
// missing TLB shoot-down shows as access to a frame that was given back.
#include <algorithm>
#include <cstring>
#include <unordered_map>

#include "kernel/arch/page_copy.h"
#include "kernel/arch/page_entry.h"
#include "kernel/arch/user_copy.h"
#include "kernel/arch/user_space.h"
#include "kernel/core/cpu_local.h"
#include "kernel/mm/address_space.h"

namespace exo::arch {

namespace {

thread_local std::unordered_map<std::uint64_t, PageEntry> tlb;

constinit Atomic<std::uint64_t> last_id{0};

/// What the loaded tables say of the page at `address`; not accessible: nothing.
PageEntry walk(const UserSpace& space, std::uint64_t address) {
    PhysAddr table = space.root;
    bool writable = true;
    for (unsigned level = kTopLevel;; --level) {
        const PageEntry entry = EntryPlace(table, entry_index(address, level)).load();
        if (!entry.accessible()) return {};
        writable = writable && entry.writable();
        if (level == 1) {
            // The rights of an access are what all levels give (SDM vol. 3A 4.6).
            const Access access = writable ? Access::kUser | Access::kWrite : Access::kUser;
            return PageEntry::page(entry.frame(), access);
        }
        table = entry.frame();
    }
}

/// The entry that allows `kind`, after as many faults as it takes; not accessible: a fault that
/// nothing resolves.
PageEntry translate(std::uint64_t address, FaultKind kind) {
    CpuLocal& cpu = this_cpu();
    if (cpu.space == nullptr || address >= kUserEnd) return {};
    const std::uint64_t page = align_down<std::uint64_t>(address, kPageSize);
    for (;;) {
        const auto known = tlb.find(page);
        const PageEntry entry = known != tlb.end() ? known->second : walk(*cpu.space, page);
        if (entry.accessible() && (kind == FaultKind::kRead || entry.writable())) {
            tlb[page] = entry;
            return entry;
        }
        // A fault forgets the translation that led to it (SDM vol. 3A 4.10.4.1).
        tlb.erase(page);
        if (cpu.held_count != 0) return {};
        if (AddressSpace::of(*cpu.space).fault(address, kind) != FaultResult::kResolved) return {};
    }
}

/// Calls `move(host address, bytes)` for each page of [at, at + bytes). Bytes that were not moved.
template <typename Move>
std::size_t for_each_page(std::uint64_t at, std::size_t bytes, FaultKind kind, Move move) {
    if (at > kUserEnd || bytes > kUserEnd - at) return bytes;
    while (bytes != 0) {
        const PageEntry entry = translate(at, kind);
        if (!entry.accessible()) break;
        const std::size_t piece = std::min<std::size_t>(bytes, kPageSize - at % kPageSize);
        move(direct_pointer<std::byte>(entry.frame()) + at % kPageSize, piece);
        at += piece;
        bytes -= piece;
    }
    return bytes;
}

}  // namespace

void init_user_space(UserSpace& space, PhysAddr root) {
    space.root = root;
    space.id = last_id.fetch_add(1, std::memory_order_relaxed) + 1;
}

void switch_space(UserSpace* from, UserSpace* space) {
    const std::uint64_t self = std::uint64_t{1} << this_cpu().id;
    tlb.clear();
    if (space != nullptr) space->cpus.fetch_or(self, std::memory_order_seq_cst);
    if (from != nullptr) from->cpus.fetch_and(~self, std::memory_order_release);
}

std::uint64_t next_generation(UserSpace& space) {
    return space.generation.fetch_add(1, std::memory_order_seq_cst) + 1;
}

void invalidate(UserSpace&, std::uint64_t begin, std::uint64_t end, std::uint64_t) {
    std::erase_if(tlb,
                  [&](const auto& known) { return known.first >= begin && known.first < end; });
}

void invalidate_page(std::uint64_t address) {
    tlb.erase(align_down<std::uint64_t>(address, kPageSize));
}

std::size_t copy_from_user(void* to, std::uint64_t user_from, std::size_t bytes) {
    auto* target = static_cast<std::byte*>(to);
    return for_each_page(user_from, bytes, FaultKind::kRead, [&](const std::byte* from, auto n) {
        std::memcpy(target, from, n);
        target += n;
    });
}

std::size_t copy_to_user(std::uint64_t user_to, const void* from, std::size_t bytes) {
    const auto* source = static_cast<const std::byte*>(from);
    return for_each_page(user_to, bytes, FaultKind::kWrite, [&](std::byte* to, auto n) {
        std::memcpy(to, source, n);
        source += n;
    });
}

std::size_t clear_user(std::uint64_t user_at, std::size_t bytes) {
    return for_each_page(user_at, bytes, FaultKind::kWrite,
                         [](std::byte* to, auto n) { std::memset(to, 0, n); });
}

std::ptrdiff_t copy_string_from_user(char* to, std::uint64_t user_from, std::size_t capacity) {
    for (std::size_t length = 0; length < capacity; ++length) {
        if (copy_from_user(&to[length], user_from + length, 1) != 0) return -1;
        if (to[length] == '\0') return static_cast<std::ptrdiff_t>(length);
    }
    return static_cast<std::ptrdiff_t>(capacity);
}

}  // namespace exo::arch

void clear_page(void* page) {
    std::memset(page, 0, exo::kPageSize);
}

void copy_page(void* to, const void* from) {
    std::memcpy(to, from, exo::kPageSize);
}
