// The kernel's first C++: from the boot stack to a running system, one step a line.
#include <cstdint>

#include "kernel/arch/boot_info.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/console.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/rtc.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/interrupts.h"
#include "kernel/core/ktest.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/reaper.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/time.h"
#include "kernel/drivers/pci.h"
#include "kernel/drivers/power.h"
#include "kernel/drivers/screen.h"
#include "kernel/mm/early_frames.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kernel_mappings.h"
#include "kernel/mm/kernel_space.h"
#include "kernel/mm/reserve.h"
#include "kernel/mm/shootdown.h"
#include "kernel/personality.h"
#include "kernel/smp.h"
#include "lib/acpi/platform.h"
#include "lib/base/boot_words.h"

namespace exo {

namespace {

constinit arch::BootInfo boot_info;
constinit CpuLocal boot_cpu;
constinit acpi::Platform platform;

constexpr PhysAddr kBootMapped(std::uint64_t{4} << 30);

/// The first 4 GiB as the boot tables map them.
class BootMappedMemory final : public acpi::PhysicalMemory {
  public:
    Result<std::span<const std::byte>> at(std::uint64_t address, std::size_t size) override {
        if (address >= kBootMapped.value || size > kBootMapped.value - address) return Errno::FAULT;
        return std::span(direct_pointer<const std::byte>(PhysAddr(address)), size);
    }
};

void read_acpi() {
    BootMappedMemory memory;
    const auto read = acpi::read_platform(memory, boot_info.acpi_rsdp);
    if (!read) {
        log(LogLevel::kWarning, "acpi", "no tables: {}", errno_text(read.error()));
        return;
    }
    platform = *read;
    log_info("acpi", "{} CPUs, {} IO-APICs, HPET at {:#x}, {} PCI windows, power-off {}",
             platform.cpus.all().size(), platform.io_apics.all().size(), platform.hpet_address,
             platform.pci.all().size(), platform.has_power_off);
}

/// Device registers at `at`, or 0 where there are none or no memory to map them.
VirtAddr map_registers(std::uint64_t at) {
    if (at == 0) return VirtAddr(0);
    return kernel_mappings().map_device(PhysAddr(at), kPageSize).value_or(VirtAddr(0));
}

void start_time() {
    arch::start_clock(map_registers(platform.hpet_address));
    arch::set_local_apic(map_registers(platform.local_apic_address));
    arch::start_local_apic();
    const auto seconds = arch::read_rtc();
    if (seconds) set_wall_clock(*seconds * 1'000'000'000);
    log_info("clock", "TSC at {} MHz by {}, {} s since 1970", arch::tsc_rate() / 1'000'000,
             arch::clock_reference(), seconds.value_or(0));
}

arch::PageTable start_memory() {
    const arch::MemoryRange reserved[] = {{0, 0x100000}, kernel_image_frames(), boot_info.initrd};
    EarlyFrames frames(boot_info.usable(), reserved, kBootMapped);
    const auto tables = make_kernel_space(boot_info.usable(), frames);
    if (!tables) panic("no memory for the kernel's page tables");
    if (!start_heap(boot_info.usable(), reserved, frames)) panic("no memory for the heap");
    start_kernel_mappings(*tables);
    if (!start_reserve()) panic("no memory for the reserve");
    return *tables;
}

void log_memory() {
    const MemoryUse use = memory_use();
    log_info("memory", "{} MiB in {} ranges, {} KiB free, {} KiB the kernel's",
             use.total_bytes >> 20, boot_info.usable().size(), use.free_bytes >> 10,
             use.kernel_bytes >> 10);
}

[[gnu::noinline]] void panic_on_request() {
    const std::string_view kind = boot_option("exo.panic");
    if (kind == "check") panic("asked for by exo.panic=check");
    if (kind == "fault") *reinterpret_cast<volatile int*>(0x10) = 1;
    if (kind == "text")
        *const_cast<volatile char*>(reinterpret_cast<const volatile char*>(&boot_option)) = 0;
}

/// Whether a `console=` on the command line is the screen.
bool screen_is_wanted() {
    BootWords words(boot_info.command_line());
    for (auto word = words.next(); word && !word->is("--"); word = words.next()) {
        if (word->key == "console" && (word->value == "tty0" || word->value == "tty1")) return true;
    }
    return false;
}

void start_display() {
    const Result<void> started = start_screen();
    if (!started) log(LogLevel::kWarning, "screen", "no display: {}", errno_text(started.error()));
}

/// The first thread: what is left to do may sleep.
void start_programs(void*) {
    if (!start_pci(platform)) panic("no memory for the list of PCI devices");
    if (screen_is_wanted()) start_display();
    log_memory();
    log_info("exo", "ready after {} us", arch::now_ns() / 1000);
    panic_on_request();
    const std::string_view tests = boot_option("exo.test");
    if (tests.empty()) return start_personality(boot_info);
    if (start_kernel_tests == nullptr) panic("exo.test: this image has no tests in it");
    start_kernel_tests(tests);
}

}  // namespace

std::string_view boot_command_line() {
    return boot_info.command_line();
}

std::string_view boot_option(std::string_view key) {
    std::string_view value;
    BootWords words(boot_info.command_line());
    for (auto word = words.next(); word && !word->is("--"); word = words.next()) {
        if (word->has_value && word->key == key) value = word->value;
    }
    return value;
}

bool boot_flag(std::string_view flag) {
    BootWords words(boot_info.command_line());
    for (auto word = words.next(); word && !word->is("--"); word = words.next()) {
        if (word->is(flag)) return true;
    }
    return false;
}

extern "C" [[noreturn]] void kernel_main(std::uint64_t start_info) {
    arch::serial_init();
    boot_cpu.self = &boot_cpu;
    arch::set_cpu_local(&boot_cpu);
    arch::init_cpu(boot_cpu.tables);
    register_cpu(boot_cpu);
    const auto read = arch::read_boot_info(start_info, boot_info);
    if (!read) panic("the boot loader gave no usable PVH start info");
    if (boot_flag("quiet")) set_console_log_level(LogLevel::kWarning);
    log_info("exo", "Exo-OS, protections: {}", arch::cpu_protections());
    log_info("exo", "command line: {}", boot_info.command_line());
    if (boot_info.command_line_cut) {
        log(LogLevel::kWarning, "exo", "the command line is too long: cut after {} bytes",
            boot_info.command_line().size());
    }
    read_acpi();
    const arch::PageTable tables = start_memory();
    start_time();
    start_interrupts(platform, map_registers);
    start_shootdown();
    if (!start_scheduler() || !start_reaper()) panic("no memory for the scheduler");
    start_power(platform, map_registers, boot_option("reboot"));
    start_other_cpus(platform, tables);
    const auto first = Thread::create_kernel("start", start_programs, nullptr);
    if (!first) panic("no memory for the first thread");
    start_thread(**first);
    idle();
}

}  // namespace exo
