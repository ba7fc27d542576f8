// What a futex is named by: its address space and address or, shared between processes, the memory
// object behind it.
#pragma once

#include "kernel/mm/address_space.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/result.h"
#include "posix_x/task.h"

namespace exo::posix {

/// Who may name a word: the threads of one address space, or whoever maps the memory behind it.
enum class FutexScope : std::uint8_t { kSpace, kShared };

/// The address in an address space or, in a shared mapping, the offset in a memory object, which
/// the key keeps so that its own address names no other object meanwhile. Not to be dropped under a
/// spin lock.
struct FutexKey {
    const void* within = nullptr;
    std::uint64_t place = 0;
    RefPtr<MemoryObject> object;

    static constexpr std::size_t kHashes = 256;
    [[nodiscard]] std::size_t hash() const {
        return (place ^ reinterpret_cast<std::uintptr_t>(within)) * 0x9e3779b97f4a7c15 >> 56;
    }
    bool operator==(const FutexKey& other) const {
        return within == other.within && place == other.place;
    }
};

/// Of a word that is shared by way of what is mapped there. FAULT: nothing is, or a private page
/// that can never change. May sleep.
Result<FutexKey> shared_futex_key(AddressSpace& space, UserAddr at);

/// Of an address of the running thread. FAULT: as above, or nothing a program can name. May sleep.
inline Result<FutexKey> futex_key(UserAddr at, FutexScope scope) {
    if (at.value > arch::kUserEnd - sizeof(std::uint32_t)) return Errno::FAULT;
    AddressSpace* const space = this_task().process().space.get();
    if (scope == FutexScope::kShared) return shared_futex_key(*space, at);
    return FutexKey{space, at.value, {}};
}

}  // namespace exo::posix
