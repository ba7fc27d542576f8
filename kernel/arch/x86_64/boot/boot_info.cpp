#include "kernel/arch/boot_info.h"

#include <algorithm>

namespace exo::arch {

namespace {

constexpr std::uint64_t kDirectMap = 0xffff800000000000;
// Of the boot tables; what the loader points to must lie below.
constexpr std::uint64_t kMapped = std::uint64_t{4} << 30;

// Layouts: Xen, xen/include/public/arch-x86/hvm/start_info.h.
constexpr std::uint32_t kStartMagic = 0x336ec578;
constexpr std::uint32_t kRam = 1;

struct StartInfo {
    std::uint32_t magic, version, flags, module_count;
    std::uint64_t modules, command_line, rsdp;
    std::uint64_t memory_map;
    std::uint32_t memory_map_count, reserved;
};

struct Module {
    std::uint64_t address, size, command_line, reserved;
};

struct MapEntry {
    std::uint64_t address, size;
    std::uint32_t type, reserved;
};

/// `count` objects of T at a physical address; nullptr if they are not all mapped.
template <typename T>
const T* at_physical(std::uint64_t address, std::uint64_t count = 1) {
    if (address == 0 || address >= kMapped || count > (kMapped - address) / sizeof(T))
        return nullptr;
    return reinterpret_cast<const T*>(kDirectMap + address);
}

void copy_command_line(std::uint64_t address, BootInfo& info) {
    const char* text = at_physical<char>(address, 1);
    if (text == nullptr) return;
    const std::uint64_t limit =
        std::min<std::uint64_t>(kMapped - address, BootInfo::kMaxCommandLine);
    std::size_t length = 0;
    for (; length < limit && text[length] != '\0'; ++length) {
        info.command_line_store[length] = text[length];
    }
    info.command_line_length = length;
    info.command_line_cut = length == limit && address + length < kMapped && text[length] != '\0';
}

}  // namespace

Result<void> read_boot_info(std::uint64_t start_info, BootInfo& info) {
    const auto* start = at_physical<StartInfo>(start_info);
    if (start == nullptr || start->magic != kStartMagic || start->version < 1) return Errno::INVAL;
    const auto* map = at_physical<MapEntry>(start->memory_map, start->memory_map_count);
    if (map == nullptr) return Errno::INVAL;
    for (std::uint32_t i = 0; i < start->memory_map_count; ++i) {
        const std::uint64_t end = map[i].address + map[i].size;
        if (map[i].type != kRam || end <= map[i].address) continue;
        if (info.usable_count == BootInfo::kMaxRanges) break;
        info.usable_store[info.usable_count++] = {map[i].address, end};
    }
    if (start->module_count > 0) {
        const auto* module = at_physical<Module>(start->modules);
        if (module != nullptr && module->address + module->size > module->address) {
            info.initrd = {module->address, module->address + module->size};
        }
    }
    copy_command_line(start->command_line, info);
    info.acpi_rsdp = start->rsdp;
    return {};
}

}  // namespace exo::arch
