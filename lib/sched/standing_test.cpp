// Urgency: its order, and what is lent.
#include "lib/sched/standing.h"

#include <gtest/gtest.h>

namespace exo::sched {
namespace {

constexpr Standing fair(int nice, Policy policy = Policy::Normal) {
    return {policy, 0, static_cast<std::int8_t>(nice)};
}
constexpr Standing fifo(unsigned priority) {
    return {Policy::Fifo, static_cast<std::uint8_t>(priority), 0};
}

TEST(Urgency, orders_idle_below_nice_values_below_real_time) {
    const Urgency in_order[] = {Urgency(),          Urgency(fair(0, Policy::Idle)),
                                Urgency(fair(19)),  Urgency(fair(0)),
                                Urgency(fair(-20)), Urgency(fifo(1)),
                                Urgency(fifo(50)),  Urgency(fifo(99))};
    for (std::size_t i = 1; i < std::size(in_order); ++i) EXPECT_LT(in_order[i - 1], in_order[i]);
    EXPECT_EQ(Urgency(fair(3)), Urgency(fair(3, Policy::Batch)));
    EXPECT_EQ(Urgency(fifo(7)), Urgency(Standing{Policy::RoundRobin, 7, 5}));
    EXPECT_EQ(Urgency(fifo(99)), Urgency(Standing{Policy::Deadline, 0, 0}));
}

TEST(Urgency, says_what_it_was_made_of) {
    for (int nice = kMinNice; nice <= kMaxNice; ++nice) {
        EXPECT_EQ(Urgency(fair(nice)).nice(), nice);
        EXPECT_EQ(Urgency(fair(nice)).rt_priority(), 0);
    }
    for (unsigned priority = kMinRtPriority; priority <= kMaxRtPriority; ++priority)
        EXPECT_EQ(Urgency(fifo(priority)).rt_priority(), priority);
}

TEST(Urgency, raises_and_never_lowers) {
    EXPECT_EQ(raised(fair(5), Urgency()), fair(5));
    EXPECT_EQ(raised(fair(5), Urgency(fair(9))), fair(5));
    EXPECT_EQ(raised(fair(5), Urgency(fair(-3))), fair(-3));
    EXPECT_EQ(raised(fair(5, Policy::Idle), Urgency(fair(19))), fair(19));
    EXPECT_EQ(raised(fair(5, Policy::Batch), Urgency(fair(0))), fair(0, Policy::Batch));
    EXPECT_EQ(raised(fair(5), Urgency(fifo(40))), (Standing{Policy::Fifo, 40, 5}));
    EXPECT_EQ(raised(fifo(40), Urgency(fifo(30))), fifo(40));
    EXPECT_EQ(raised({Policy::RoundRobin, 20, 0}, Urgency(fifo(30))),
              (Standing{Policy::RoundRobin, 30, 0}));
}

}  // namespace
}  // namespace exo::sched
