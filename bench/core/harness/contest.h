// A contest times several contenders for one job, interleaved in small batches: the machines this
// runs on lose their cores to others for long moments, and only the median of many short batches,
// taken in the same minutes for all, compares fairly.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace exo::bench {

/// Per-operation figures of one contender, one entry a batch.
struct Series {
    std::string name;
    std::vector<double> batches;

    [[nodiscard]] double percentile(double fraction) const;
    [[nodiscard]] double p50() const { return percentile(0.50); }
    [[nodiscard]] double p99() const { return percentile(0.99); }
};

class Contest {
  public:
    /// Runs one batch of at most about 100 us and returns its cost per operation (cycles, unless
    /// the row says otherwise). Start-up (waking the partner, filling caches) is outside its
    /// timing.
    using Batch = std::function<double()>;

    /// `title` is shown as progress on standard error.
    explicit Contest(std::string title) : title_(std::move(title)) {}

    void add(std::string name, Batch batch);

    /// A tenth of `rounds` to warm up, uncounted; then `rounds` rounds of one batch of each
    /// contender, the order rotating so that none always runs after the same neighbour.
    void run(unsigned rounds);

    /// The contender of that name; it must exist.
    [[nodiscard]] const Series& operator[](std::string_view name) const;

    /// Every contender but `except`, as (name, p50): the shape a Row wants for its peers.
    [[nodiscard]] std::vector<std::pair<std::string, double>> medians_except(
        std::string_view except) const;

  private:
    struct Contender {
        Batch batch;
        Series series;
    };

    std::string title_;
    std::vector<Contender> contenders_;
};

}  // namespace exo::bench
