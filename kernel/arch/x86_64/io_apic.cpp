#include "kernel/arch/io_apic.h"

#include <span>

namespace exo::arch {

namespace {

constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kRedirection = 0x10;  // two registers an input
constexpr std::uint32_t kMasked = 1 << 16;
constexpr std::uint32_t kLevel = 1 << 15;
constexpr std::uint32_t kLow = 1 << 13;

struct Controller {
    volatile std::uint32_t* registers = nullptr;
    std::uint32_t first = 0;
    std::uint32_t inputs = 0;

    std::uint32_t read(std::uint32_t index) const {
        registers[0] = index;
        return registers[4];
    }
    void write(std::uint32_t index, std::uint32_t value) const {
        registers[0] = index;
        registers[4] = value;
    }
};

constinit Controller controllers[8];
constinit unsigned count = 0;

}  // namespace

Result<void> add_io_apic(VirtAddr registers, std::uint32_t first) {
    if (count == std::size(controllers)) return Errno::NOSPC;
    Controller& added = controllers[count++];
    added.registers = reinterpret_cast<volatile std::uint32_t*>(registers.value);
    added.first = first;
    added.inputs = (added.read(kVersion) >> 16 & 0xff) + 1;
    for (std::uint32_t i = 0; i < added.inputs; ++i) added.write(kRedirection + 2 * i, kMasked);
    return {};
}

Result<void> route_interrupt(std::uint32_t global, std::uint8_t vector, std::uint32_t apic_id,
                             Trigger trigger, Polarity polarity) {
    for (const Controller& each : std::span(controllers).first(count)) {
        if (global < each.first || global - each.first >= each.inputs) continue;
        const std::uint32_t entry = kRedirection + 2 * (global - each.first);
        each.write(entry + 1, apic_id << 24);
        each.write(entry, vector | (trigger == Trigger::kLevel ? kLevel : 0) |
                              (polarity == Polarity::kLow ? kLow : 0));
        return {};
    }
    return Errno::NODEV;
}

}  // namespace exo::arch
