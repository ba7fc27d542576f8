// RaceDetector: finds unordered accesses of ordinary memory, one of them a write ([intro.races]
// 21), by vector clocks. Ordinary accesses are no scheduling points: whether two of them race does
// not depend on which came first, only on what happens before what.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <source_location>
#include <vector>

#include "lib/base/model/memory.h"

namespace exo::model {

enum class PlainAccess : std::uint8_t { kRead, kWrite };

struct Race {
    ThreadId other = 0;
    PlainAccess other_access = PlainAccess::kRead;
    std::source_location other_where;
};

class RaceDetector {
  public:
    void reset() { cells_.clear(); }

    /// Notes an access of [address, address + size) by `thread`; an earlier access that it races
    /// with, if there is one.
    std::optional<Race> access(const Memory& memory, ThreadId thread, const void* address,
                               std::size_t size, PlainAccess how, std::source_location where);

  private:
    struct Mark {
        std::uint32_t clock = 0;  // the accessing thread's own clock; 0: never
        std::source_location where;
    };
    struct Cell {
        std::uintptr_t begin = 0;
        std::uintptr_t end = 0;
        ThreadId writer = 0;
        Mark write;
        std::array<Mark, kMaxThreads> reads{};
    };

    void cut(std::uintptr_t at);
    void cover(std::uintptr_t begin, std::uintptr_t end);
    static std::optional<Race> touch(Cell& cell, const Memory& memory, ThreadId thread,
                                     PlainAccess how, std::source_location where);

    std::vector<Cell> cells_;  // disjoint, sorted by address
};

}  // namespace exo::model
