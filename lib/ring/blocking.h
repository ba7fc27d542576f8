// Sending and receiving that wait: a polling endpoint joined with the ring's event counts. A
// waiting side first looks again for a while, where another CPU may be at work on it, then sleeps;
// an awake side makes no system call.
#pragma once

#include <cstdint>
#include <utility>

#include "lib/base/cpu.h"
#include "lib/ring/event_count.h"
#include "lib/ring/layout.h"
#include "lib/ring/message.h"

namespace exo::ring {

/// How many looks, a PAUSE apart, a wait is worth before sleeping. It learns: a look that found
/// something doubles the next wait's, a wait in vain halves it, down to none, where only every 64th
/// wait tries again (the peer may share our CPU, and then looking only keeps it from running).
class SpinBudget {
  public:
    explicit SpinBudget(std::uint32_t most) : most_(most), looks_(most / 4) {}

    [[nodiscard]] std::uint32_t looks() {
        if (looks_ == 0 && ++waits_ % 64 == 0) return most_ / 16;
        return looks_;
    }
    void found() { looks_ = looks_ > most_ / 2 ? most_ : 2 * looks_ + most_ / 64; }
    void in_vain() { looks_ /= 2; }

  private:
    std::uint32_t most_;
    std::uint32_t looks_;
    std::uint32_t waits_ = 0;
};

/// Looks of the longest spin: some 20 us, twice the price of a sleep and a wake-up.
inline constexpr std::uint32_t kLongestSpin = 512;

/// Calls `attempt` until it says something other than AGAIN, waiting on `event` between.
template <typename Port, typename Attempt>
auto wait_for(EventCount<Port>& event, SpinBudget& budget, Attempt attempt) -> decltype(attempt()) {
    const auto decided = [](const auto& result) {
        return result.has_value() ||
               (result.error() != Errno::AGAIN && result.error() != Errno::BUSY);
    };
    auto result = attempt();
    if (decided(result)) return result;
    const std::uint32_t looks = budget.looks();
    for (std::uint32_t look = 0; look < looks; ++look) {
        cpu_relax();
        auto again = attempt();
        if (!decided(again)) continue;
        budget.found();
        return again;
    }
    if (looks != 0) budget.in_vain();
    for (;;) {
        const auto key = event.prepare_wait();
        auto again = attempt();
        if (decided(again)) {
            event.cancel_wait(key);
            return again;
        }
        // BUSY was no look at all: sleep only on a clear "nothing there".
        if (again.error() == Errno::AGAIN) event.wait(key);
    }
}

template <typename Producer, typename Port>
class BlockingSender {
  public:
    /// `peers` is who else may wait for space in this ring.
    BlockingSender(Producer producer, Sleepers peers, std::uint32_t longest_spin = kLongestSpin)
        : producer_(std::move(producer)),
          data_(producer_.memory().header().data, Sleepers::kMany),
          space_(producer_.memory().header().space, peers),
          budget_(longest_spin) {}

    /// Sleeps while the ring is full. Errors as Producer::try_send(), without AGAIN and BUSY.
    Result<void> send(const Message& message) {
        auto sent = wait_for(space_, budget_, [&] { return producer_.try_send(message); });
        if (sent) data_.notify();
        return sent;
    }

    /// Sleeps until there is a free slot. What is committed becomes known to sleepers by notify().
    auto reserve(std::uint32_t want) {
        return wait_for(space_, budget_, [&] { return producer_.try_reserve(want); });
    }
    void notify() { data_.notify(); }

    void close() {
        producer_.close();
        data_.wake_all();
        space_.wake_all();
    }

    [[nodiscard]] Producer& endpoint() { return producer_; }

  private:
    Producer producer_;
    EventCount<Port> data_;
    EventCount<Port> space_;
    SpinBudget budget_;
};

template <typename Consumer, typename Port>
class BlockingReceiver {
  public:
    /// `peers` is who else may wait for messages of this ring.
    BlockingReceiver(Consumer consumer, Sleepers peers, std::uint32_t longest_spin = kLongestSpin)
        : consumer_(std::move(consumer)),
          data_(consumer_.memory().header().data, peers),
          space_(consumer_.memory().header().space, Sleepers::kMany),
          budget_(longest_spin) {}

    /// Sleeps while the ring is empty. Errors as Consumer::try_receive(), without AGAIN and BUSY.
    Result<Message> receive() {
        return wait_for(data_, budget_, [&] {
            auto received = consumer_.try_receive();
            // BUSY gave a slot back, too.
            if (received || received.error() == Errno::BUSY) space_.notify();
            return received;
        });
    }

    /// Sleeps until there is a message. What is released becomes known to sleepers by notify().
    auto acquire(std::uint32_t want) {
        return wait_for(data_, budget_, [&] { return consumer_.try_acquire(want); });
    }
    void notify() { space_.notify(); }

    void close() {
        consumer_.close();
        space_.wake_all();
        data_.wake_all();
    }

    [[nodiscard]] Consumer& endpoint() { return consumer_; }

  private:
    Consumer consumer_;
    EventCount<Port> data_;
    EventCount<Port> space_;
    SpinBudget budget_;
};

}  // namespace exo::ring
