#include "kernel/drivers/pci.h"

#include "kernel/arch/pci_ports.h"
#include "kernel/core/log.h"
#include "kernel/core/spin_lock.h"
#include "kernel/mm/kernel_mappings.h"
#include "lib/base/vector.h"

namespace exo {

namespace {

// Registers of every header (PCI 3.0, 6.1).
constexpr std::uint16_t kIds = 0x00;
constexpr std::uint16_t kClass = 0x08;
constexpr std::uint16_t kHeaderType = 0x0c;
constexpr std::uint16_t kBuses = 0x18;  // of a bridge: primary, secondary, subordinate
constexpr std::uint16_t kSubsystem = 0x2c;
constexpr std::uint32_t kNothing = ~std::uint32_t{0};
constexpr std::uint16_t kPortSpace = 256;

constexpr std::uint64_t kBusBytes = 1 << 20;  // 4 KiB a function

/// A window of memory onto the configuration space of some buses, mapped bus by bus as they are
/// found: most of the 256 are empty.
struct Window {
    acpi::PciWindow of;
    VirtAddr buses[256] = {};  ///< 0: not mapped
};

struct State {
    Vector<Window> windows;
    Vector<PciDevice> devices;
};

constinit State* state = nullptr;
// The address port selects for the data port: one at a time.
constinit Locked<int, SpinLock<LockRank::kDevice>> ports{0};

volatile std::uint32_t* in_window(const PciAddress& at, std::uint16_t offset) {
    for (const Window& window : state->windows) {
        if (window.of.segment != at.segment || window.buses[at.bus].value == 0) continue;
        const std::uint64_t place =
            std::uint64_t{at.device} << 15 | std::uint64_t{at.function} << 12 | offset;
        return reinterpret_cast<volatile std::uint32_t*>(window.buses[at.bus].value + place);
    }
    return nullptr;
}

Result<void> map_bus(std::uint16_t segment, std::uint8_t bus) {
    for (Window& window : state->windows) {
        if (window.of.segment != segment || bus < window.of.first_bus || bus > window.of.last_bus) {
            continue;
        }
        const PhysAddr at(window.of.address + bus * kBusBytes);
        window.buses[bus] = TRY(kernel_mappings().map_device(at, kBusBytes));
    }
    return {};
}

PciDevice read_device(const PciAddress& at, std::uint32_t ids) {
    PciDevice device{.address = at};
    device.vendor = static_cast<std::uint16_t>(ids);
    device.product = static_cast<std::uint16_t>(ids >> 16);
    const std::uint32_t class_register = pci_read(at, kClass);
    device.class_code = class_register >> 8;
    device.revision = static_cast<std::uint8_t>(class_register);
    device.header_type = static_cast<std::uint8_t>(pci_read(at, kHeaderType) >> 16 & 0x7f);
    if (device.header_type == 0) {
        const std::uint32_t subsystem = pci_read(at, kSubsystem);
        device.subsystem_vendor = static_cast<std::uint16_t>(subsystem);
        device.subsystem = static_cast<std::uint16_t>(subsystem >> 16);
    }
    return device;
}

/// Buses of a segment still to be looked at: a bit each, so that bridges which lie cannot make a
/// loop.
class BusSet {
  public:
    void add(std::uint8_t bus) {
        const std::uint64_t bit = std::uint64_t{1} << bus % 64;
        if ((seen_[bus / 64] & bit) != 0) return;
        seen_[bus / 64] |= bit;
        todo_[count_++] = bus;
    }
    bool next(std::uint8_t& bus) {
        if (at_ == count_) return false;
        bus = todo_[at_++];
        return true;
    }

  private:
    std::uint64_t seen_[4] = {};
    std::uint8_t todo_[256] = {};
    unsigned count_ = 0, at_ = 0;
};

Result<void> look_at_device(PciAddress at, BusSet& buses) {
    for (at.function = 0; at.function < 8; ++at.function) {
        const std::uint32_t ids = pci_read(at, kIds);
        if ((ids & 0xffff) == 0xffff) {
            if (at.function == 0) return {};
            continue;
        }
        const PciDevice device = read_device(at, ids);
        TRY(state->devices.push_back(device));
        if (device.header_type == 1) {
            const auto secondary = static_cast<std::uint8_t>(pci_read(at, kBuses) >> 8);
            if (secondary != 0) buses.add(secondary);
        }
        const bool more = (pci_read(at, kHeaderType) >> 23 & 1) != 0;
        if (at.function == 0 && !more) return {};
    }
    return {};
}

Result<void> look_at_segment(std::uint16_t segment, std::uint8_t first_bus) {
    BusSet buses;
    buses.add(first_bus);
    for (std::uint8_t bus = 0; buses.next(bus);) {
        TRY(map_bus(segment, bus));
        for (std::uint8_t device = 0; device < 32; ++device) {
            TRY(look_at_device({segment, bus, device, 0}, buses));
        }
    }
    return {};
}

}  // namespace

Result<void> start_pci(const acpi::Platform& platform) {
    state = new (std::nothrow) State;
    if (state == nullptr) return Errno::NOMEM;
    for (const acpi::PciWindow& each : platform.pci.all()) {
        TRY(state->windows.push_back({.of = each}));
    }
    if (state->windows.empty()) TRY(look_at_segment(0, 0));
    for (const Window& window : state->windows) {
        TRY(look_at_segment(window.of.segment, window.of.first_bus));
    }
    log_info("pci", "{} functions", state->devices.size());
    for (const PciDevice& each : state->devices) {
        log(LogLevel::kDebug, "pci", "{:04x}:{:02x}:{:02x}.{} {:04x}:{:04x} class {:06x}",
            each.address.segment, each.address.bus, each.address.device, each.address.function,
            each.vendor, each.product, each.class_code);
    }
    return {};
}

std::span<const PciDevice> pci_devices() {
    return state->devices;
}

std::uint32_t pci_read(const PciAddress& at, std::uint16_t offset) {
    if (const auto* place = in_window(at, offset)) return *place;
    if (at.segment != 0 || offset >= kPortSpace) return kNothing;
    auto access = ports.lock();
    return arch::pci_port_read(at.bus, at.device, at.function, static_cast<std::uint8_t>(offset));
}

void pci_write(const PciAddress& at, std::uint16_t offset, std::uint32_t value) {
    if (auto* place = in_window(at, offset)) {
        *place = value;
        return;
    }
    if (at.segment != 0 || offset >= kPortSpace) return;
    auto access = ports.lock();
    arch::pci_port_write(at.bus, at.device, at.function, static_cast<std::uint8_t>(offset), value);
}

}  // namespace exo
