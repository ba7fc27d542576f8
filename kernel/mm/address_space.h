// A program's memory: mappings in a balanced tree over page tables (user_tables.h). Pages come on
// demand. fork() shares last-level page tables and write-protects them in one place each; a write
// splits the table first, then copies the page.
//
// Lock order: mappings (RwMutex, kAddressSpace: changed by mmap and friends, read by faults) > an
// object's mapping lock (memory_object.h) > tables (SpinLock, kPageTables). Files and objects are
// let go without locks, since their last reference may do anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernel/arch/user_copy.h"
#include "kernel/arch/user_space.h"
#include "kernel/core/rw_mutex.h"
#include "kernel/mm/mapping.h"
#include "kernel/mm/user_tables.h"
#include "lib/base/ref.h"
#include "lib/base/tree.h"

namespace exo {

enum class Placement : std::uint8_t { kHint, kFixed, kFixedNoReplace };

struct MapRequest {
    std::uint64_t address = 0;  ///< hint or place, page-aligned
    std::uint64_t length = 0;   ///< not 0; rounded up to pages
    Protection protection = Protection::kNone;
    Protection allowed =
        Protection::kRead | Protection::kWrite | Protection::kExecute;  ///< bounds mprotect
    Sharing sharing = Sharing::kPrivate;
    Placement placement = Placement::kHint;
    bool grows_down = false;          ///< a stack: extends to a fault below, above a guard gap
    RefPtr<MemoryObject> object;      ///< empty: private anonymous memory
    std::uint64_t object_offset = 0;  ///< page-aligned
    RefPtr<Object> file;              ///< kept by the mapping, names it in /proc/PID/maps
};

enum class FaultKind : std::uint8_t { kRead, kWrite, kExecute };

/// Why a fault cannot be resolved, as signals tell it: nothing mapped, forbidden, beyond the end of
/// the object, no memory left.
enum class FaultResult : std::uint8_t { kResolved, kUnmapped, kForbidden, kBeyondEnd, kNoMemory };

class AddressSpace : public RefCounted, private arch::UserSpace {
  public:
    static constexpr std::uint64_t kLowest = 64 * 1024;  ///< nothing is placed below, as on Linux
    static constexpr std::uint64_t kGuardGap = 256 * kPageSize;  ///< below a growing stack
    /// Mappings without a wish are placed below here, the highest first.
    static constexpr std::uint64_t kPlacementTop = arch::kUserEnd - (std::uint64_t{256} << 20);
    static constexpr std::uint32_t kMostMappings = 65530;  ///< vm.max_map_count

    static Result<Ref<AddressSpace>> create();

    /// A copy as fork(2) makes it. NOMEM. May sleep.
    Result<Ref<AddressSpace>> fork();

    /// The address mapped. INVAL; NOMEM: no room, or over a limit; EXIST: kFixedNoReplace.
    Result<std::uint64_t> map(const MapRequest& request);
    /// All page-aligned ranges; parts that are not mapped are skipped (unmap) or NOMEM, and nothing
    /// is done (protect). ACCES: beyond what the mapping allows.
    Result<void> unmap(std::uint64_t address, std::uint64_t length);
    Result<void> protect(std::uint64_t address, std::uint64_t length, Protection protection);
    /// mremap(2): grows or shrinks in place, else moves if `may_move`. The new address. FAULT: not
    /// one mapping; NOMEM: no room.
    Result<std::uint64_t> remap(std::uint64_t address, std::uint64_t old_length,
                                std::uint64_t new_length, bool may_move);
    /// madvise(MADV_DONTNEED): private anonymous pages read as zero afterwards, others as their
    /// object has them. NOMEM: no memory, or parts are not mapped; the others are discarded then.
    Result<void> discard(std::uint64_t address, std::uint64_t length);

    /// Resolves a fault of this CPU's program or of a user copy. May sleep.
    FaultResult fault(std::uint64_t address, FaultKind kind);

    /// Copies what this space's program would read from `address` on; the space need not be loaded.
    /// How many bytes, up to the first that cannot be read. May sleep.
    std::size_t read(std::uint64_t address, std::span<std::byte> to);

    /// Frees all mappings and tables that no one else shares; nobody runs on it any more, or only
    /// the caller (execve, exit).
    void clear();

    /// Takes all pages from a program that is to be ended, whatever its threads do: its mappings
    /// stay, and every fault from now on is kNoMemory.
    void doom();
    [[nodiscard]] bool is_doomed() const { return doomed_.load(std::memory_order_relaxed); }

    /// Calls `visit(MappingInfo)` in order of address; returns at the first that says false. No
    /// lock is held meanwhile: what changes concurrently may be missed.
    template <typename Visit>
    void for_each_mapping(Visit visit) {
        for (std::uint64_t from = 0;;) {
            const Result<MappingInfo> info = mapping_from(from);
            if (!info || !visit(*info)) return;
            from = info->end;
        }
    }
    /// The first mapping that ends above `address`. NOENT.
    Result<MappingInfo> mapping_from(std::uint64_t address);

    /// Upper bounds: of mapped bytes (RLIMIT_AS), of those private and writable that are no stack
    /// (RLIMIT_DATA), of a growing stack (RLIMIT_STACK). What is there already stays.
    void set_limit(std::uint64_t bytes) { limit_.store(bytes, std::memory_order_relaxed); }
    void set_data_limit(std::uint64_t bytes) {
        data_limit_.store(bytes, std::memory_order_relaxed);
    }
    void set_stack_limit(std::uint64_t bytes) {
        stack_limit_.store(bytes, std::memory_order_relaxed);
    }
    /// What is mapped, and what of it has memory; the latter walks all tables.
    [[nodiscard]] std::uint64_t mapped_bytes() const {
        return mapped_bytes_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t resident_bytes() { return tables_.resident_pages() * kPageSize; }

    /// For use_space() and Thread::space().
    [[nodiscard]] arch::UserSpace& machine() { return *this; }
    static AddressSpace& of(arch::UserSpace& machine) {
        return static_cast<AddressSpace&>(machine);
    }

    /// For the mappings themselves.
    [[nodiscard]] UserTables& tables() { return tables_; }

    AddressSpace();  ///< make_ref's: use create()
    ~AddressSpace() override;

  private:
    class Doomed;

    [[nodiscard]] Mapping* find(std::uint64_t address) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] Mapping* first_in(std::uint64_t begin, std::uint64_t end) const
        REQUIRES_SHARED(mutex_);
    [[nodiscard]] std::uint64_t bytes_in(std::uint64_t begin, std::uint64_t end) const
        REQUIRES_SHARED(mutex_);
    [[nodiscard]] bool within_limit(std::uint64_t more, std::uint64_t less) const;
    template <typename Predicate>
    [[nodiscard]] std::uint64_t bytes_that(Predicate counts, std::uint64_t begin,
                                           std::uint64_t end) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] bool within_data_limit(std::uint64_t more, std::uint64_t begin,
                                         std::uint64_t end) const REQUIRES_SHARED(mutex_);

    Result<std::uint64_t> place(const MapRequest& request, std::uint64_t length) const
        REQUIRES_SHARED(mutex_);
    Result<std::uint64_t> find_gap(std::uint64_t length) const REQUIRES_SHARED(mutex_);
    [[nodiscard]] bool is_free(std::uint64_t address, std::uint64_t length) const
        REQUIRES_SHARED(mutex_);

    void insert(Mapping& mapping) REQUIRES(mutex_);
    void erase(Mapping& mapping, Doomed& doomed) REQUIRES(mutex_);
    void set_end(Mapping& mapping, std::uint64_t end) REQUIRES(mutex_);
    Result<void> move_pages(Mapping& mapping, std::uint64_t from, std::uint64_t to,
                            std::uint64_t bytes) REQUIRES(mutex_);
    void merge_around(Mapping& mapping, Doomed& doomed) REQUIRES(mutex_);
    Result<void> split_at(std::uint64_t address) REQUIRES(mutex_);
    Result<void> isolate(std::uint64_t begin, std::uint64_t end) REQUIRES(mutex_);
    Result<void> remove(std::uint64_t begin, std::uint64_t end, Doomed& doomed) REQUIRES(mutex_);
    Result<void> copy_mappings_to(AddressSpace& child, TlbBatch& batch) REQUIRES_SHARED(mutex_);
    Result<std::uint64_t> move(Mapping& mapping, std::uint64_t address, std::uint64_t old_length,
                               std::uint64_t new_length, Doomed& doomed) REQUIRES(mutex_);

    bool grow_stack(std::uint64_t page);
    /// The page that is read there, made as needed, with a reference for the caller. FAULT: none.
    Result<PhysAddr> pin_page(std::uint64_t page);
    Result<void> resolve(Mapping& mapping, std::uint64_t page, FaultKind kind)
        REQUIRES_SHARED(mutex_);
    Result<void> fill_anonymous(Mapping& mapping, std::uint64_t page, FaultKind kind)
        REQUIRES_SHARED(mutex_);
    Result<void> fill_from_object(Mapping& mapping, std::uint64_t page, FaultKind kind)
        REQUIRES_SHARED(mutex_);
    Result<void> write_private(Mapping& mapping, std::uint64_t page) REQUIRES_SHARED(mutex_);

    RwMutex<LockRank::kAddressSpace> mutex_;
    Tree<Mapping, &Mapping::link, &Mapping::begin> mappings_ GUARDED_BY(mutex_);
    std::uint32_t mapping_count_ GUARDED_BY(mutex_) = 0;
    Atomic<std::uint64_t> mapped_bytes_{0};
    Atomic<bool> doomed_{false};  // written under mutex_
    static constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
    Atomic<std::uint64_t> limit_{kNoLimit};
    Atomic<std::uint64_t> data_limit_{kNoLimit};
    Atomic<std::uint64_t> stack_limit_{std::uint64_t{8} << 20};
    UserTables tables_;
};

/// Of the running thread; nullptr: it has none.
[[nodiscard]] AddressSpace* current_address_space();

}  // namespace exo
