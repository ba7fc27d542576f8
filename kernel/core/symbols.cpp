#include "kernel/core/symbols.h"

#include <cstddef>

extern "C" const unsigned char kernel_symbols[];

namespace exo {

namespace {

// What tools/kernel/symbols.py writes: this header, `count` entries sorted by address, then names.
constexpr std::uint32_t kMagic = 0x4d595358;  // "XSYM"
constexpr std::uintptr_t kKernelBase = 0xffffffff80000000;

struct Header {
    std::uint32_t magic;
    std::uint32_t count;
};

struct Entry {
    std::uint32_t address;  // from kKernelBase
    std::uint32_t name;     // offset of its NUL-terminated name behind the entries
};

}  // namespace

Symbol find_symbol(std::uintptr_t address) {
    const auto& header = *reinterpret_cast<const Header*>(kernel_symbols);
    if (header.magic != kMagic || address < kKernelBase) return {"?", 0};
    const auto* entries = reinterpret_cast<const Entry*>(&header + 1);
    const auto* names = reinterpret_cast<const char*>(entries + header.count);
    const auto wanted = static_cast<std::uint32_t>(address - kKernelBase);
    std::uint32_t low = 0;
    std::uint32_t high = header.count;
    while (low < high) {
        const std::uint32_t middle = low + (high - low) / 2;
        if (entries[middle].address <= wanted) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low == 0) return {"?", 0};
    const Entry& entry = entries[low - 1];
    return {names + entry.name, wanted - entry.address};
}

}  // namespace exo
