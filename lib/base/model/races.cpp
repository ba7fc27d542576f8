#include "lib/base/model/races.h"

#include <algorithm>

namespace exo::model {

std::optional<Race> RaceDetector::access(const Memory& memory, ThreadId thread, const void* address,
                                         std::size_t size, PlainAccess how,
                                         std::source_location where) {
    const auto begin = reinterpret_cast<std::uintptr_t>(address);
    const auto end = begin + size;
    cut(begin);
    cut(end);
    cover(begin, end);
    std::optional<Race> race;
    for (Cell& cell : cells_) {
        if (cell.begin < begin || cell.end > end) continue;
        if (auto found = touch(cell, memory, thread, how, where); found && !race) race = found;
    }
    return race;
}

// Makes `at` a boundary between cells.
void RaceDetector::cut(std::uintptr_t at) {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
        if (cells_[i].begin >= at || cells_[i].end <= at) continue;
        Cell upper = cells_[i];
        upper.begin = at;
        cells_[i].end = at;
        cells_.insert(cells_.begin() + static_cast<std::ptrdiff_t>(i) + 1, upper);
        return;
    }
}

// Makes cells for what no cell covers between two boundaries.
void RaceDetector::cover(std::uintptr_t begin, std::uintptr_t end) {
    std::vector<Cell> missing;
    std::uintptr_t at = begin;
    for (const Cell& cell : cells_) {
        if (cell.end <= at || cell.begin >= end) continue;
        if (cell.begin > at) missing.push_back(Cell{.begin = at, .end = cell.begin, .write = {}});
        at = cell.end;
    }
    if (at < end) missing.push_back(Cell{.begin = at, .end = end, .write = {}});
    if (missing.empty()) return;
    cells_.insert(cells_.end(), missing.begin(), missing.end());
    std::sort(cells_.begin(), cells_.end(),
              [](const Cell& a, const Cell& b) { return a.begin < b.begin; });
}

std::optional<Race> RaceDetector::touch(Cell& cell, const Memory& memory, ThreadId thread,
                                        PlainAccess how, std::source_location where) {
    std::optional<Race> race;
    if (cell.write.clock > memory.clock(thread, cell.writer))
        race = Race{cell.writer, PlainAccess::kWrite, cell.write.where};
    const std::uint32_t now = memory.clock(thread, thread);
    if (how == PlainAccess::kRead) {
        cell.reads[thread] = Mark{now, where};
        return race;
    }
    for (unsigned i = 0; i < kMaxThreads && !race; ++i)
        if (cell.reads[i].clock > memory.clock(thread, static_cast<ThreadId>(i)))
            race = Race{static_cast<ThreadId>(i), PlainAccess::kRead, cell.reads[i].where};
    cell.writer = thread;
    cell.write = Mark{now, where};
    cell.reads = {};
    return race;
}

}  // namespace exo::model
