#include "posix_x/pending_signals.h"

#include <gtest/gtest.h>

namespace exo::posix {

namespace {

constexpr std::uint64_t kAll = ~std::uint64_t{0};

constexpr Signal real_time(int above) {
    return static_cast<Signal>(static_cast<int>(Signal::kRealTime) + above);
}

class PendingSignalsTest : public testing::Test {
  protected:
    void send(Signal signal, std::int32_t code) {
        auto* record = new (std::nothrow) QueuedSignal;
        record->info.signo = static_cast<std::int32_t>(signal);
        record->info.code = code;
        pending_.add(signal, record);
    }
    void discard(std::uint64_t signals) {
        QueuedSignals dropped;
        pending_.discard(signals, dropped);
        release_all(dropped);
    }
    /// The next of `allowed`, and its code in code_.
    Signal take(std::uint64_t allowed = kAll) {
        abi::SigInfo info;
        const Signal taken = pending_.take(allowed, info);
        if (taken != Signal::kNone) EXPECT_EQ(info.signo, static_cast<std::int32_t>(taken));
        code_ = info.code;
        return taken;
    }

    PendingSignals pending_;
    std::int32_t code_ = 0;
};

TEST_F(PendingSignalsTest, nothing_is_pending_at_first) {
    EXPECT_EQ(pending_.set(), 0u);
    EXPECT_EQ(take(), Signal::kNone);
}

TEST_F(PendingSignalsTest, comes_by_number) {
    send(Signal::kTerm, 1);
    send(Signal::kHup, 2);
    send(Signal::kUsr1, 3);
    EXPECT_EQ(take(), Signal::kHup);
    EXPECT_EQ(take(), Signal::kUsr1);
    EXPECT_EQ(take(), Signal::kTerm);
    EXPECT_EQ(code_, 1);
    EXPECT_EQ(pending_.set(), 0u);
}

TEST_F(PendingSignalsTest, what_the_thread_caused_comes_first) {
    send(Signal::kHup, 1);
    send(Signal::kSegv, 2);
    send(Signal::kFpe, 3);
    EXPECT_EQ(take(), Signal::kFpe);
    EXPECT_EQ(take(), Signal::kSegv);
    EXPECT_EQ(take(), Signal::kHup);
}

TEST_F(PendingSignalsTest, a_standard_signal_is_pending_once_with_what_came_first) {
    send(Signal::kChld, 1);
    send(Signal::kChld, 2);
    EXPECT_EQ(take(), Signal::kChld);
    EXPECT_EQ(code_, 1);
    EXPECT_EQ(take(), Signal::kNone);
}

TEST_F(PendingSignalsTest, a_real_time_signal_comes_as_often_as_it_was_sent_in_that_order) {
    for (int code = 1; code <= 3; ++code) send(real_time(1), code);
    send(real_time(0), 10);
    EXPECT_EQ(take(), real_time(0));
    for (int code = 1; code <= 3; ++code) {
        EXPECT_EQ(pending_.set(), signal_bit(real_time(1)));
        EXPECT_EQ(take(), real_time(1));
        EXPECT_EQ(code_, code);
    }
    EXPECT_EQ(pending_.set(), 0u);
}

TEST_F(PendingSignalsTest, blocked_ones_stay) {
    send(Signal::kInt, 1);
    send(Signal::kTerm, 2);
    EXPECT_EQ(take(kAll & ~signal_bit(Signal::kInt)), Signal::kTerm);
    EXPECT_EQ(take(kAll & ~signal_bit(Signal::kInt)), Signal::kNone);
    EXPECT_EQ(take(), Signal::kInt);
    EXPECT_EQ(code_, 1);
}

TEST_F(PendingSignalsTest, a_signal_without_a_record_arrives_as_the_kernels) {
    pending_.add(Signal::kKill, nullptr);
    pending_.add(real_time(2), nullptr);
    EXPECT_EQ(take(), Signal::kKill);
    EXPECT_EQ(code_, abi::kSiKernel);
    EXPECT_EQ(take(), real_time(2));
    EXPECT_EQ(code_, abi::kSiKernel);
    EXPECT_EQ(take(), Signal::kNone);
}

TEST_F(PendingSignalsTest, discards_some_with_their_records) {
    send(Signal::kTstp, 1);
    send(real_time(0), 2);
    send(Signal::kStop, 3);
    send(real_time(0), 4);
    discard(kStopSignals);
    EXPECT_EQ(pending_.set(), signal_bit(real_time(0)));
    send(Signal::kTstp, 5);
    EXPECT_EQ(take(), Signal::kTstp);
    EXPECT_EQ(code_, 5);
    discard(kAll);
    EXPECT_EQ(take(), Signal::kNone);
}

// Each timer's record waits for its own turn, is never deleted here, and may be taken back.
TEST_F(PendingSignalsTest, records_of_timers_are_queued_though_the_signal_is_pending) {
    QueuedSignal timers[3];
    for (std::int32_t i = 0; i < 3; ++i) {
        timers[i].of_timer = true;
        timers[i].info.signo = static_cast<std::int32_t>(Signal::kAlrm);
        timers[i].info.code = 10 + i;
    }
    send(Signal::kAlrm, 1);
    for (QueuedSignal& each : timers) pending_.add(Signal::kAlrm, &each);
    EXPECT_TRUE(pending_.has(timers[1]));
    pending_.withdraw(timers[1]);
    EXPECT_FALSE(pending_.has(timers[1]));
    for (const std::int32_t code : {1, 10, 12}) {
        EXPECT_EQ(take(), Signal::kAlrm);
        EXPECT_EQ(code_, code);
    }
    EXPECT_EQ(take(), Signal::kNone);
    EXPECT_FALSE(timers[0].link.linked());
}

TEST_F(PendingSignalsTest, charged_records_are_counted_until_they_are_given_back) {
    Atomic<std::uint32_t> charged{0};
    const auto send_charged = [&](Signal signal) {
        auto* record = new (std::nothrow) QueuedSignal;
        record->info.signo = static_cast<std::int32_t>(signal);
        record->charged_to = &charged;
        charged.fetch_add(1);
        pending_.add(signal, record);
    };
    send_charged(Signal::kUsr1);
    send_charged(Signal::kUsr1);
    EXPECT_EQ(charged.load(), 1u);
    send_charged(real_time(3));
    send_charged(real_time(3));
    EXPECT_EQ(charged.load(), 3u);
    EXPECT_EQ(take(), Signal::kUsr1);
    EXPECT_EQ(charged.load(), 2u);
    discard(kAll);
    EXPECT_EQ(charged.load(), 0u);
}

// Every number that a program can name, and none of its neighbours.
TEST(SignalNumbers, bounds) {
    EXPECT_FALSE(is_valid_signal(0));
    EXPECT_FALSE(is_valid_signal(-1));
    EXPECT_TRUE(is_valid_signal(1));
    EXPECT_TRUE(is_valid_signal(64));
    EXPECT_FALSE(is_valid_signal(65));
    EXPECT_EQ(signal_bit(static_cast<Signal>(64)), std::uint64_t{1} << 63);
    EXPECT_FALSE(is_real_time(static_cast<Signal>(31)));
    EXPECT_TRUE(is_real_time(static_cast<Signal>(32)));
}

}  // namespace

}  // namespace exo::posix
