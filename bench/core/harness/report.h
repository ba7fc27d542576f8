// A benchmark's result: one row a figure, printed as a line of JSON on standard output.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace exo::bench {

enum class Better { kLower, kHigher };

struct Row {
    std::string name;  ///< "ring.inline.oneway"
    std::string unit;  ///< "cycles", "msg/s", "ratio", ...
    Better better = Better::kLower;
    double value = 0;              ///< median over the batches
    double p99 = 0;                ///< 99th percentile over the batches; 0 where meaningless
    std::optional<double> target;  ///< what `value` must reach in this run; none: only measured
    std::string rule;              ///< where the target comes from: "min(1.3x line, best peer)"
    std::vector<std::pair<std::string, double>> peers;
    std::string note;  ///< why a target is missed, if it is known and accepted
};

/// Prints the row. Whether it met its target is for the reader (tools/bench.py) to say.
void emit(const Row& row);

/// The lowest (or highest) peer: what a row must at most (at least) reach. No peers: none.
[[nodiscard]] std::optional<double> best_peer(const Row& row);

/// The tighter of two targets for a row where lower is better; absent ones do not count.
[[nodiscard]] std::optional<double> tighter(std::optional<double> a, std::optional<double> b);

}  // namespace exo::bench
