#include "kernel/drivers/bochs_display.h"

#include <algorithm>

#include "kernel/drivers/pci.h"
#include "kernel/mm/kernel_mappings.h"

namespace exo {

namespace {

constexpr std::uint16_t kVendor = 0x1234, kProduct = 0x1111;
constexpr std::uint16_t kPciCommand = 0x04, kBar0 = 0x10, kBar2 = 0x18;
constexpr std::uint32_t kMemorySpace = 1 << 1;

/// BAR2: the VGA's ports from 0x3c0 on at 0x400, the DISPI registers, 16 bits each, at 0x500.
class Registers {
  public:
    static constexpr std::uint64_t kBytes = 0x1000;
    enum Index : std::uint16_t {
        kId,
        kWidth,
        kHeight,
        kBitsPerPixel,
        kEnable,
        kBank,
        kVirtualWidth,
        kVirtualHeight,
        kOffsetX,
        kOffsetY,
        kMemory64K,
    };
    static constexpr std::uint16_t kEnabled = 1 << 0, kLinear = 1 << 6;

    explicit Registers(VirtAddr at) : at_(at) {}
    [[nodiscard]] std::uint16_t read(Index index) const { return *place(index); }
    void write(Index index, std::uint16_t value) const { *place(index) = value; }
    /// The VGA's attribute controller keeps the screen dark until this bit is set.
    void show() const {
        constexpr std::uint8_t kDisplayOn = 1 << 5;
        *reinterpret_cast<volatile std::uint8_t*>(at_.value + 0x400) = kDisplayOn;
    }

  private:
    [[nodiscard]] volatile std::uint16_t* place(Index index) const {
        return reinterpret_cast<volatile std::uint16_t*>(at_.value + 0x500 + index * 2);
    }
    VirtAddr at_;
};

/// Where a BAR of 32 or 64 bits leads; 0: nowhere, or to ports.
std::uint64_t bar_address(const PciAddress& device, std::uint16_t bar) {
    constexpr std::uint32_t kPorts = 1, kType = 6, k64Bits = 4, kFlags = 0xf;
    const std::uint32_t low = pci_read(device, bar);
    if ((low & kPorts) != 0) return 0;
    const std::uint64_t high =
        (low & kType) == k64Bits ? pci_read(device, static_cast<std::uint16_t>(bar + 4)) : 0;
    return high << 32 | (low & ~kFlags);
}

void set_mode(const Registers& registers, std::uint16_t width, std::uint16_t height) {
    registers.write(Registers::kEnable, 0);
    registers.write(Registers::kBitsPerPixel, 32);
    registers.write(Registers::kWidth, width);
    registers.write(Registers::kHeight, height);
    registers.write(Registers::kBank, 0);
    registers.write(Registers::kVirtualWidth, width);
    registers.write(Registers::kVirtualHeight, height);
    registers.write(Registers::kOffsetX, 0);
    registers.write(Registers::kOffsetY, 0);
    registers.write(Registers::kEnable, Registers::kEnabled | Registers::kLinear);
    registers.show();
}

}  // namespace

Result<screen::Framebuffer> start_bochs_display(std::uint16_t width, std::uint16_t height) {
    const auto found = std::ranges::find_if(pci_devices(), [](const PciDevice& device) {
        return device.vendor == kVendor && device.product == kProduct;
    });
    if (found == pci_devices().end()) return Errno::NODEV;
    const std::uint64_t memory = bar_address(found->address, kBar0);
    const std::uint64_t control = bar_address(found->address, kBar2);
    if (memory == 0 || control == 0) return Errno::IO;
    pci_write(found->address, kPciCommand, pci_read(found->address, kPciCommand) | kMemorySpace);
    const Registers registers(
        TRY(kernel_mappings().map_device(PhysAddr(control), Registers::kBytes)));
    constexpr std::uint16_t kKnownId = 0xb0c0, kIdMask = 0xfff0;
    if ((registers.read(Registers::kId) & kIdMask) != kKnownId) return Errno::IO;
    const std::uint64_t bytes = std::uint64_t{width} * height * sizeof(std::uint32_t);
    if (registers.read(Registers::kMemory64K) * std::uint64_t{0x10000} < bytes) return Errno::IO;
    const VirtAddr pixels = TRY(kernel_mappings().map_device(PhysAddr(memory), bytes));
    set_mode(registers, width, height);
    return screen::Framebuffer{reinterpret_cast<volatile std::uint32_t*>(pixels.value), width,
                               height, width};
}

}  // namespace exo
