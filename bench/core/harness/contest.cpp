#include "bench/core/harness/contest.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace exo::bench {

double Series::percentile(double fraction) const {
    if (batches.empty()) return 0;
    std::vector<double> sorted = batches;
    const auto rank = static_cast<std::size_t>(fraction * static_cast<double>(sorted.size() - 1));
    std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(rank),
                     sorted.end());
    return sorted[rank];
}

void Contest::add(std::string name, Batch batch) {
    contenders_.push_back({std::move(batch), Series{std::move(name), {}}});
}

void Contest::run(unsigned rounds) {
    const bool terminal = isatty(STDERR_FILENO) != 0;
    const unsigned warm_up = rounds / 10 + 1;
    const std::size_t count = contenders_.size();
    for (auto& contender : contenders_) contender.series.batches.reserve(rounds);
    for (unsigned round = 0; round < warm_up + rounds; ++round) {
        if (terminal && round % 64 == 0) {
            std::fprintf(stderr, "\r%-32s %3u %%", title_.c_str(),
                         round * 100 / (warm_up + rounds));
        }
        for (std::size_t i = 0; i < count; ++i) {
            Contender& contender = contenders_[(i + round) % count];
            const double figure = contender.batch();
            if (round >= warm_up) contender.series.batches.push_back(figure);
        }
    }
    std::fprintf(stderr, "%s%-32s done\n", terminal ? "\r" : "", title_.c_str());
}

const Series& Contest::operator[](std::string_view name) const {
    for (const auto& contender : contenders_) {
        if (contender.series.name == name) return contender.series;
    }
    std::fprintf(stderr, "%s: no contender named %.*s\n", title_.c_str(),
                 static_cast<int>(name.size()), name.data());
    std::abort();
}

std::vector<std::pair<std::string, double>> Contest::medians_except(std::string_view except) const {
    std::vector<std::pair<std::string, double>> medians;
    for (const auto& contender : contenders_) {
        if (contender.series.name != except) {
            medians.emplace_back(contender.series.name, contender.series.p50());
        }
    }
    return medians;
}

}  // namespace exo::bench
