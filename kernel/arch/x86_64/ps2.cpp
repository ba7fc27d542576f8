#include "kernel/arch/ps2.h"

#include "kernel/arch/x86_64/port_io.h"
#include "lib/base/cpu.h"

namespace exo::arch {

namespace {

constexpr std::uint16_t kData = 0x60, kStatus = 0x64, kCommand = 0x64;
constexpr std::uint8_t kOutputFull = 1 << 0, kInputFull = 1 << 1, kFromMouse = 1 << 5;
constexpr std::uint8_t kReadConfiguration = 0x20, kWriteConfiguration = 0x60;
// Of the configuration: the keyboard interrupts; its clock is off; scan codes become set 1.
constexpr std::uint8_t kInterrupts = 1 << 0, kKeyboardOff = 1 << 4, kTranslates = 1 << 6;
constexpr std::uint8_t kNothing = 0xff;  // what a port without a device reads as
constexpr int kTries = 100'000;

bool wait_for(std::uint8_t bit, bool set) {
    for (int i = 0; i < kTries; ++i) {
        if (((in8(kStatus) & bit) != 0) == set) return true;
        cpu_relax();
    }
    return false;
}

}  // namespace

bool keyboard_init() {
    if (in8(kStatus) == kNothing) return false;
    for (int i = 0; i < kTries && (in8(kStatus) & kOutputFull) != 0; ++i)
        static_cast<void>(in8(kData));
    if (!wait_for(kInputFull, false)) return false;
    out8(kCommand, kReadConfiguration);
    if (!wait_for(kOutputFull, true)) return false;
    const std::uint8_t configuration = in8(kData);
    out8(kCommand, kWriteConfiguration);
    if (!wait_for(kInputFull, false)) return false;
    out8(kData,
         static_cast<std::uint8_t>((configuration | kInterrupts | kTranslates) & ~kKeyboardOff));
    return wait_for(kInputFull, false);
}

int keyboard_read() {
    for (;;) {
        const std::uint8_t status = in8(kStatus);
        if ((status & kOutputFull) == 0 || status == kNothing) return -1;
        const std::uint8_t byte = in8(kData);
        if ((status & kFromMouse) == 0) return byte;
    }
}

}  // namespace exo::arch
