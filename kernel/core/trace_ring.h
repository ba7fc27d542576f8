// The last things that each CPU did, for the panic that follows: binary records in a ring per CPU,
// always on, a handful of instructions each. Written by their CPU alone; an interrupt between the
// steps of note() may cost a record, and who prints another CPU's ring may see a torn one. Calls
// that are answered at entry are not in it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace exo {

enum class TraceKind : std::uint8_t {
    kNone,
    kSwitch,     ///< first, second: the name of the thread switched to
    kCall,       ///< number, program's address
    kFault,      ///< address, instruction
    kException,  ///< of a program: vector, instruction
    kInterrupt,  ///< vector, handler
};

struct TraceRecord {
    std::uint64_t tsc = 0;
    TraceKind kind = TraceKind::kNone;
    std::uint64_t first = 0, second = 0;
};

struct TraceRing {
    static constexpr std::uint32_t kRecords = 64;
    std::uint32_t next = 0;  ///< counts all that were ever written
    std::array<TraceRecord, kRecords> records = {};

    void note(std::uint64_t tsc, TraceKind kind, std::uint64_t first, std::uint64_t second) {
        records[next++ % kRecords] = {tsc, kind, first, second};
    }
};

/// What a call's number is called; set by who knows, nullptr until then.
extern const char* (*call_name)(std::uint64_t number);

/// Prints the newest records of all CPUs, oldest first. Of panic(): takes no lock.
void print_traces();

}  // namespace exo
