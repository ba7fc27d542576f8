#include "kernel/arch/cpu.h"

#include <cpuid.h>

#include <cstring>

#include "kernel/arch/entry.h"
#include "kernel/arch/x86_64/fpu.h"
#include "kernel/arch/x86_64/msr.h"
#include "kernel/arch/x86_64/port_io.h"
#include "kernel/arch/x86_64/segments.h"
#include "lib/base/format.h"
#include "lib/base/panic.h"

extern "C" const std::uint64_t smap_sites_start[], smap_sites_end[];  // linker.ld

namespace exo::arch {

namespace {

// Control bits (SDM vol. 3A 2.5) and the CPUID leaf 7 and 0x80000001 bits that announce them.
constexpr std::uint64_t kCr0WriteProtect = 1 << 16;
constexpr std::uint64_t kCr4Umip = 1 << 11;
constexpr std::uint64_t kCr4Smep = 1 << 20;
constexpr std::uint64_t kCr4Smap = 1 << 21;
constexpr std::uint64_t kCr4Pcide = 1 << 17;
constexpr unsigned kLeaf1EcxPcid = 1 << 17;
constexpr unsigned kLeaf7EbxSmep = 1 << 7;
constexpr unsigned kLeaf7EbxSmap = 1 << 20;
constexpr unsigned kLeaf7EcxUmip = 1 << 2;
constexpr unsigned kExtendedEdxNx = 1 << 20;

constexpr std::uint64_t kCr0MonitorCoprocessor = 1 << 1;
constexpr std::uint64_t kCr0Emulation = 1 << 2;
constexpr std::uint64_t kCr0NumericError = 1 << 5;
constexpr std::uint64_t kCr4Osfxsr = 1 << 9;
constexpr std::uint64_t kCr4Osxmmexcpt = 1 << 10;

constexpr std::uint16_t kDebugExitPort = 0xf4;

constinit char protections[64] = "";

std::uint64_t read_cr0() {
    std::uint64_t value;
    asm volatile("movq %%cr0, %0" : "=r"(value));
    return value;
}

std::uint64_t read_cr4() {
    std::uint64_t value;
    asm volatile("movq %%cr4, %0" : "=r"(value));
    return value;
}

// Without SMAP, STAC and CLAC do not exist: they become three-byte no-ops. Once, on the boot CPU,
// while the boot tables still let text be written.
void remove_smap_instructions() {
    constexpr unsigned char kNop3[] = {0x0f, 0x1f, 0x00};
    for (const auto* site = smap_sites_start; site != smap_sites_end; ++site) {
        std::memcpy(reinterpret_cast<void*>(*site), kNop3, sizeof kNop3);
    }
}

void enable_protections() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx);
    EXO_CHECK((edx & kExtendedEdxNx) != 0, "this CPU cannot mark pages as not executable (NX)");
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    const bool has_pcid = (ecx & kLeaf1EcxPcid) != 0;
    eax = ebx = ecx = edx = 0;
    __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx);
    std::uint64_t cr4 = read_cr4();
    if ((ebx & kLeaf7EbxSmep) != 0) cr4 |= kCr4Smep;
    if ((ebx & kLeaf7EbxSmap) != 0) cr4 |= kCr4Smap;
    if ((ecx & kLeaf7EcxUmip) != 0) cr4 |= kCr4Umip;
    if ((ebx & kLeaf7EbxSmap) == 0 && protections[0] == '\0') remove_smap_instructions();
    cr4 |= kCr4Osfxsr | kCr4Osxmmexcpt;
    if (has_pcid) cr4 |= kCr4Pcide;  // CR3 names PCID 0 here, as it must
    asm volatile("movq %0, %%cr4" ::"r"(cr4) : "memory");
    const std::uint64_t cr0 = (read_cr0() & ~kCr0Emulation) | kCr0WriteProtect |
                              kCr0MonitorCoprocessor | kCr0NumericError;
    asm volatile("movq %0, %%cr0" ::"r"(cr0) : "memory");
    const std::size_t used =
        format_to(std::span(protections), "nx wp{}{}{}", (cr4 & kCr4Smep) != 0 ? " smep" : "",
                  (cr4 & kCr4Smap) != 0 ? " smap" : "", (cr4 & kCr4Umip) != 0 ? " umip" : "");
    protections[used] = '\0';
}

}  // namespace

void init_cpu(CpuTables& tables) {
    load_segments(tables);
    load_interrupt_table();
    enable_protections();
    init_fpu();
    init_system_calls();
}

void set_cpu_local(void* data) {
    write_msr(kGsBase, reinterpret_cast<std::uintptr_t>(data));
}

bool has_cpu_number() {
    constexpr unsigned kExtendedEdxRdtscp = 1 << 27;
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(0x80000001, &eax, &ebx, &ecx, &edx);
    return (edx & kExtendedEdxRdtscp) != 0;
}

void set_cpu_number(std::uint32_t number) {
    if (has_cpu_number()) write_msr(kTscAux, number);
}

std::uint32_t program_features() {
    unsigned eax = 0, ebx = 0, ecx = 0, edx = 0;
    __get_cpuid(1, &eax, &ebx, &ecx, &edx);
    return edx;
}

const char* cpu_protections() {
    return protections;
}

void wait_for_interrupt() {
    asm volatile("sti; hlt; cli" ::: "memory");
}

void halt_forever() {
    for (;;) asm volatile("cli; hlt");
}

void exit_emulator(std::uint32_t status) {
    out32(kDebugExitPort, status);
    halt_forever();
}

}  // namespace exo::arch
