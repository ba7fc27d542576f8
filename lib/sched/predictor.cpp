#include "lib/sched/predictor.h"

#include <algorithm>

namespace exo::sched {

namespace {

// 0.3 in units of 1/1024; 307/1024 = 0.2998.
constexpr std::uint64_t kAlpha = 307;
constexpr unsigned kAlphaShift = 10;
constexpr std::uint64_t kAlphaRound = std::uint64_t{1} << (kAlphaShift - 1);

// A profile's counters grow by kStep up to kSettled; before one would pass kFull all lose a
// quarter, so that a program that changes its ways is learnt anew within a few bursts.
constexpr unsigned kStep = 4;
constexpr unsigned kSettled = 48;
constexpr unsigned kFull = 64;

struct Counters {
    unsigned of[kPredictedLevelCount];

    static Counters unpack(std::uint32_t word) {
        return {{word & 0xff, word >> 8 & 0xff, word >> 16 & 0xff}};
    }
    [[nodiscard]] std::uint32_t pack() const { return of[0] | of[1] << 8 | of[2] << 16; }

    [[nodiscard]] unsigned most() const {
        unsigned best = 0;
        for (unsigned level = 1; level < kPredictedLevelCount; ++level) {
            if (of[level] > of[best]) best = level;
        }
        return best;
    }
};

}  // namespace

void Predictor::record(std::uint64_t burst_ns) {
    const auto burst = static_cast<std::uint32_t>(std::min(burst_ns, kMaxBurst));
    if (samples_ == 0) {
        average_ns_ = burst;
    } else {
        const std::uint64_t sum =
            kAlpha * burst + ((std::uint64_t{1} << kAlphaShift) - kAlpha) * average_ns_;
        average_ns_ = static_cast<std::uint32_t>((sum + kAlphaRound) >> kAlphaShift);
    }
    history_[next_] = burst;
    next_ = static_cast<std::uint8_t>((next_ + 1) % kHistory);
    if (samples_ < kHistory) ++samples_;
    level_ = level_of_burst(average_ns_);
}

void Predictor::inherit(const Predictor& parent) {
    *this = Predictor{};
    average_ns_ = parent.average_ns_;
    level_ = parent.level_;
}

Level BurstProfile::predict(BurstContext context, Level fallback) const {
    // relaxed: a guess from one independent word; nothing else is read by what it says.
    const std::uint32_t word = counters_[context.index()].load(std::memory_order_relaxed);
    return word == 0 ? fallback : static_cast<Level>(Counters::unpack(word).most());
}

void BurstProfile::learn(BurstContext context, Level actual) {
    Atomic<std::uint32_t>& word = counters_[context.index()];
    // relaxed, and not one operation: what another CPU learns in between is lost, which costs a
    // sample and nothing else.
    Counters counters = Counters::unpack(word.load(std::memory_order_relaxed));
    const auto level = static_cast<unsigned>(actual);
    if (counters.of[level] >= kSettled && counters.most() == level) return;
    if (counters.of[0] + counters.of[1] + counters.of[2] + kStep > kFull) {
        for (unsigned& counter : counters.of) counter = counter * 3 / 4;
    }
    counters.of[level] += kStep;
    word.store(counters.pack(), std::memory_order_relaxed);
}

}  // namespace exo::sched
