// The kernel's own symbols, for panics. The table is made from a first link by
// tools/kernel/symbols.py and put behind everything else by the second.
#pragma once

#include <cstdint>
#include <string_view>

namespace exo {

struct Symbol {
    std::string_view name;  ///< "?" where none is known
    std::uintptr_t offset;  ///< of the address asked for from the symbol's start
};

/// The function or object that contains `address`. Takes no lock.
[[nodiscard]] Symbol find_symbol(std::uintptr_t address);

}  // namespace exo
