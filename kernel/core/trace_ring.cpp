#include "kernel/core/trace_ring.h"

#include <algorithm>
#include <cstring>

#include "kernel/arch/clock.h"
#include "kernel/arch/user_copy.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/panic.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/symbols.h"
#include "lib/base/cpu.h"

namespace exo {

constinit const char* (*call_name)(std::uint64_t) = nullptr;

namespace {

constexpr std::uint32_t kPrinted = 16;  // of a CPU's records

template <typename... Arguments>
void print(Format<Arguments...> format, const Arguments&... arguments) {
    char line[200];
    panic_write({line, format_to(std::span(line), format, arguments...)});
}

std::uint64_t microseconds_before(std::uint64_t now, std::uint64_t tsc) {
    const std::uint64_t per_microsecond = arch::tsc_rate() / 1'000'000;
    return tsc > now || per_microsecond == 0 ? 0 : (now - tsc) / per_microsecond;
}

void print_record(const TraceRecord& record, std::uint64_t now) {
    print("  -{:8} us  ", microseconds_before(now, record.tsc));
    switch (record.kind) {
        case TraceKind::kNone:
            return print("?\n");
        case TraceKind::kSwitch: {
            char name[17] = {};
            std::memcpy(name, &record.first, 8);
            std::memcpy(name + 8, &record.second, 8);
            return print("switch to {}\n", std::string_view(name));
        }
        case TraceKind::kCall: {
            const char* name = call_name == nullptr ? nullptr : call_name(record.first);
            return print("call {} ({}) from {:#x}\n", record.first, name == nullptr ? "?" : name,
                         record.second);
        }
        case TraceKind::kFault: {
            if (record.second < arch::kUserEnd)
                return print("page fault at {:#x} by a program at {:#x}\n", record.first,
                             record.second);
            const Symbol symbol = find_symbol(record.second);
            return print("page fault at {:#x} by {:#x} {}+{:#x}\n", record.first, record.second,
                         symbol.name, symbol.offset);
        }
        case TraceKind::kException:
            return print("exception {} of a program at {:#x}\n", record.first, record.second);
        case TraceKind::kInterrupt:
            return print("interrupt {:#x} {}\n", record.first,
                         record.second == 0 ? "(none)" : find_symbol(record.second).name);
    }
}

void print_ring(std::uint32_t cpu, const TraceRing& ring, std::uint64_t now) {
    const std::uint32_t end = ring.next;
    const std::uint32_t count = std::min({end, kPrinted, TraceRing::kRecords});
    if (count == 0) return;
    print("last trace records of CPU {}:\n", cpu);
    for (std::uint32_t i = end - count; i != end; ++i)
        print_record(ring.records[i % TraceRing::kRecords], now);
}

}  // namespace

void print_traces() {
    const std::uint64_t now = read_tsc();
    const std::uint32_t self = this_cpu().id;
    print_ring(self, this_cpu().trace, now);
    for (std::uint32_t cpu = 0; cpu < online_cpus(); ++cpu)
        if (cpu != self) print_ring(cpu, cpu_local(cpu).trace, now);
}

}  // namespace exo
