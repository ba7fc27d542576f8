// A program's memory: mappings in a balanced tree over page tables. Pages come on demand. fork()
// shares last-level page tables and write-protects them in one place each; a write splits the
// table first, then copies the page.
//
// Lock order: mappings (RwMutex, kAddressSpace: changed by mmap and friends, read by faults) >
// tables (SpinLock, kPageTables).
#pragma once

#include <cstdint>

#include "kernel/arch/user_space.h"
#include "kernel/mm/memory_object.h"
#include "lib/base/ref.h"

namespace exo {

class File;

/// Of a mapping. kExecute and kWrite may go together here, as programs on Linux may ask for it.
enum class Protection : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2, kExecute = 4 };
constexpr Protection operator|(Protection a, Protection b) {
    return static_cast<Protection>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
constexpr bool has(Protection set, Protection bit) {
    return (static_cast<std::uint8_t>(set) & static_cast<std::uint8_t>(bit)) != 0;
}

enum class Sharing : std::uint8_t { kPrivate, kShared };
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
    RefPtr<File> file;                ///< kept open by the mapping, names it in /proc/PID/maps
};

enum class FaultKind : std::uint8_t { kRead, kWrite, kExecute };

/// Why a fault cannot be resolved, as signals tell it: nothing mapped, forbidden, beyond the end of
/// the object, no memory left.
enum class FaultResult : std::uint8_t { kResolved, kUnmapped, kForbidden, kBeyondEnd, kNoMemory };

/// A mapping as others may see it.
struct MappingInfo {
    std::uint64_t begin, end;
    Protection protection;
    Sharing sharing;
    std::uint64_t object_offset;
    RefPtr<File> file;
    bool grows_down;
};

class AddressSpace : public RefCounted {
  public:
    static Result<Ref<AddressSpace>> create();

    /// A copy as fork(2) makes it. NOMEM. May sleep.
    Result<Ref<AddressSpace>> fork();

    /// The address mapped. INVAL; NOMEM: no room or over the limit; EXIST: kFixedNoReplace.
    Result<std::uint64_t> map(const MapRequest& request);
    /// All page-aligned ranges; parts that are not mapped are skipped (unmap) or NOMEM (protect).
    Result<void> unmap(std::uint64_t address, std::uint64_t length);
    Result<void> protect(std::uint64_t address, std::uint64_t length, Protection protection);
    /// mremap(2): grows or shrinks in place, else moves if `may_move`. The new address.
    Result<std::uint64_t> remap(std::uint64_t address, std::uint64_t old_length,
                                std::uint64_t new_length, bool may_move);
    /// madvise(MADV_DONTNEED): private anonymous pages read as zero afterwards.
    Result<void> discard(std::uint64_t address, std::uint64_t length);

    /// Resolves a fault of this CPU's program or of a user copy. May sleep.
    FaultResult fault(std::uint64_t address, FaultKind kind);

    /// Frees all mappings and tables that no one else shares; nobody runs on it any more, or only
    /// the caller (execve, exit).
    void clear();

    /// Calls `visit(MappingInfo)` in order of address; returns at the first that says false.
    template <typename Visit>
    void for_each_mapping(Visit visit);

    /// Upper bound of mapped bytes (RLIMIT_AS), and what is mapped and resident.
    void set_limit(std::uint64_t bytes);
    [[nodiscard]] std::uint64_t mapped_bytes() const;
    [[nodiscard]] std::uint64_t resident_bytes() const;

    [[nodiscard]] arch::UserSpace& machine();
};

}  // namespace exo
