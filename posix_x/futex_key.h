// What a futex is named by: its address space and address or, shared between processes, the memory
// object behind it.
#pragma once

#include "kernel/mm/address_space.h"
#include "kernel/mm/user_memory.h"
#include "lib/base/result.h"

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

/// Of an address of the running thread. FAULT: nothing a program can name; for the shared scope,
/// which looks for the memory behind it, also nothing mapped, or a private page that can never
/// change. May sleep.
Result<FutexKey> futex_key(UserAddr at, FutexScope scope);

}  // namespace exo::posix
