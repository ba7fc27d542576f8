// The kernel's first C++: from the boot stack to a running system, one step a line.
#include <cstdint>
#include <new>

#include "kernel/arch/boot_info.h"
#include "kernel/arch/clock.h"
#include "kernel/arch/console.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/smp.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/mm/early_frames.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/heap.h"
#include "kernel/mm/kernel_mappings.h"
#include "kernel/mm/kernel_space.h"
#include "lib/acpi/platform.h"
#include "lib/base/atomic.h"
#include "lib/base/box.h"
#include "lib/base/cpu.h"

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

struct StartedCpu {
    CpuLocal* local;
    Atomic<bool> online{false};
};

/// Where another CPU begins, on its own stack.
void run_other_cpu(void* argument) {
    auto& started = *static_cast<StartedCpu*>(argument);
    CpuLocal& local = *started.local;
    arch::set_cpu_local(&local);
    arch::init_cpu(local.tables);
    arch::start_local_apic();
    log_info("smp", "CPU {} (APIC {}) is up", local.id, arch::local_apic_id());
    started.online.store(true, std::memory_order_release);
    for (;;) arch::wait_for_interrupt();
}

Result<void> start_other_cpu(std::uint32_t id, std::uint32_t apic_id, const arch::PageTable& tables,
                             KernelMappings& mappings) {
    constexpr PhysAddr kTrampoline(0x8000);
    constexpr std::uint64_t kStack = 16 * 1024;
    constexpr std::uint64_t kPatienceNs = 500'000'000;
    CpuLocal* const local = TRY(Box<CpuLocal>::create()).release();  // a CPU is never taken away
    TRY(add_cpu_memory(*local));
    local->self = local;
    local->id = id;
    local->apic_id = apic_id;
    const VirtAddr stack_top = TRY(mappings.map_stack(kStack));
    StartedCpu started{local};
    arch::launch_cpu(apic_id, kTrampoline, tables, stack_top, run_other_cpu, &started);
    const std::uint64_t begin = arch::now_ns();
    while (!started.online.load(std::memory_order_acquire)) {
        if (arch::now_ns() - begin > kPatienceNs) return Errno::TIMEDOUT;
        cpu_relax();
    }
    return {};
}

void start_other_cpus(const arch::PageTable& tables, KernelMappings& mappings) {
    const std::uint32_t self = arch::local_apic_id();
    std::uint32_t next_id = 1;
    for (const auto& cpu : platform.cpus.all()) {
        if (!cpu.enabled || cpu.apic_id == self) continue;
        const auto started = start_other_cpu(next_id, cpu.apic_id, tables, mappings);
        if (started) {
            ++next_id;
        } else {
            log(LogLevel::kError, "smp", "CPU with APIC {} did not start: {}", cpu.apic_id,
                errno_text(started.error()));
        }
    }
}

/// Device registers at `at`, or 0 where there are none or no memory to map them.
VirtAddr map_registers(KernelMappings& mappings, std::uint64_t at) {
    if (at == 0) return VirtAddr(0);
    return mappings.map_device(PhysAddr(at), kPageSize).value_or(VirtAddr(0));
}

void start_time(KernelMappings& mappings) {
    arch::start_clock(map_registers(mappings, platform.hpet_address));
    arch::set_local_apic(map_registers(mappings, platform.local_apic_address));
    arch::start_local_apic();
    log_info("clock", "TSC at {} MHz", arch::tsc_rate() / 1'000'000);
    const std::uint64_t begin = arch::now_ns();
    arch::set_timer(5'000'000);
    arch::wait_for_interrupt();
    log_info("clock", "timer of 5000 us fired after {} us", (arch::now_ns() - begin) / 1000);
}

void start_memory() {
    const arch::MemoryRange reserved[] = {{0, 0x100000}, kernel_image_frames(), boot_info.initrd};
    EarlyFrames frames(boot_info.usable(), reserved, kBootMapped);
    const auto tables = make_kernel_space(boot_info.usable(), frames);
    if (!tables) panic("no memory for the kernel's page tables");
    if (!start_heap(boot_info.usable(), reserved, frames)) panic("no memory for the heap");
    start_kernel_mappings(*tables);
    KernelMappings& mappings = kernel_mappings();
    start_time(mappings);
    start_other_cpus(*tables, mappings);
    const MemoryUse use = memory_use();
    log_info("memory", "{} KiB free, {} KiB the kernel's", use.free_bytes >> 10,
             use.kernel_bytes >> 10);
}

void log_memory() {
    std::uint64_t total = 0;
    for (const auto& range : boot_info.usable()) total += range.end - range.begin;
    log_info("memory", "{} MiB in {} ranges", total >> 20, boot_info.usable().size());
}

/// The value of `key=value` on the command line; empty if it is not there.
std::string_view option(std::string_view key) {
    std::string_view rest = boot_info.command_line();
    while (!rest.empty()) {
        const std::size_t end = rest.find(' ');
        const std::string_view word = rest.substr(0, end);
        if (word.size() > key.size() && word.starts_with(key) && word[key.size()] == '=') {
            return word.substr(key.size() + 1);
        }
        if (end == std::string_view::npos) break;
        rest.remove_prefix(end + 1);
    }
    return {};
}

[[gnu::noinline]] void panic_on_request() {
    const std::string_view kind = option("exo.panic");
    if (kind == "check") panic("asked for by exo.panic=check");
    if (kind == "fault") *reinterpret_cast<volatile int*>(0x10) = 1;
    if (kind == "text")
        *const_cast<volatile char*>(reinterpret_cast<const volatile char*>(&option)) = 0;
}

}  // namespace

extern "C" [[noreturn]] void kernel_main(std::uint64_t start_info) {
    arch::serial_init();
    boot_cpu.self = &boot_cpu;
    arch::set_cpu_local(&boot_cpu);
    arch::init_cpu(boot_cpu.tables);
    log_info("exo", "Exo-OS, protections: {}", arch::cpu_protections());
    const auto read = arch::read_boot_info(start_info, boot_info);
    if (!read) panic("the boot loader gave no usable PVH start info");
    log_memory();
    log_info("exo", "command line: {}", boot_info.command_line());
    read_acpi();
    start_memory();
    panic_on_request();
    arch::exit_emulator(0);
}

}  // namespace exo
