// What the boot loader told: memory, command line, initrd, where ACPI begins. Copied out of its
// memory, which is ordinary RAM that gets used, and bounded: a loader is not trusted with sizes.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/result.h"

namespace exo::arch {

struct MemoryRange {
    std::uint64_t begin = 0;  ///< physical address
    std::uint64_t end = 0;    ///< one past
};

struct BootInfo {
    static constexpr std::size_t kMaxRanges = 64;
    /// Of Linux's COMMAND_LINE_SIZE, 2048, one is the NUL's.
    static constexpr std::size_t kMaxCommandLine = 2047;

    std::array<MemoryRange, kMaxRanges> usable_store = {};  ///< RAM, in the loader's order
    std::size_t usable_count = 0;
    std::array<char, kMaxCommandLine> command_line_store = {};
    std::size_t command_line_length = 0;
    bool command_line_cut = false;  ///< it was longer
    MemoryRange initrd;             ///< empty: none
    std::uint64_t acpi_rsdp = 0;    ///< physical address; 0: not told

    [[nodiscard]] std::span<const MemoryRange> usable() const {
        return std::span(usable_store).first(usable_count);
    }
    [[nodiscard]] std::string_view command_line() const {
        return {command_line_store.data(), command_line_length};
    }
};

/// Reads the PVH start info at physical address `start_info` (Xen, docs/misc/pvh.pandoc), which the
/// boot tables map. INVAL: not one, or without a memory map.
Result<void> read_boot_info(std::uint64_t start_info, BootInfo& info);

}  // namespace exo::arch
