#include "posix_x/inotify_queue.h"

#include <gtest/gtest.h>

#include <string>

namespace exo::posix {
namespace {

constexpr std::size_t kRoom = 4096;

InotifyRecord next(InotifyQueue& queue) {
    InotifyRecord record;
    EXPECT_EQ(queue.take(kRoom, record), InotifyQueue::Taken::kOne);
    return record;
}

TEST(InotifyQueue, GivesEventsInTheirOrder) {
    InotifyQueue queue(10);
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(queue.push(1, 2, 3, "name"));
    EXPECT_TRUE(queue.push(2, 4, 0, ""));
    EXPECT_EQ(queue.bytes(), 32u + 16u);
    const InotifyRecord first = next(queue);
    EXPECT_EQ(first.header.watch, 1);
    EXPECT_EQ(first.header.mask, 2u);
    EXPECT_EQ(first.header.cookie, 3u);
    EXPECT_EQ(first.name.view(), "name");
    EXPECT_EQ(next(queue).header.name_bytes, 0u);
    EXPECT_TRUE(queue.empty());
    EXPECT_EQ(queue.bytes(), 0u);
}

TEST(InotifyQueue, NamesEndInAtLeastOneNul) {
    InotifyQueue queue(10);
    for (const std::size_t size : {1u, 15u, 16u, 255u}) {
        queue.push(1, 2, 0, std::string(size, 'x'));
        EXPECT_EQ(next(queue).header.name_bytes, (size / 16 + 1) * 16);
    }
}

TEST(InotifyQueue, TheSameEventTwiceInARowIsOne) {
    InotifyQueue queue(10);
    EXPECT_TRUE(queue.push(1, 2, 0, "a"));
    EXPECT_FALSE(queue.push(1, 2, 0, "a"));
    EXPECT_TRUE(queue.push(1, 2, 0, "b"));
    EXPECT_TRUE(queue.push(2, 2, 0, "b"));
    EXPECT_TRUE(queue.push(2, 4, 0, "b"));
    EXPECT_TRUE(queue.push(1, 2, 0, "a"));
    EXPECT_EQ(queue.bytes(), 5u * 32);
    EXPECT_TRUE(queue.push(3, abi::kInIgnored, 0, ""));
    EXPECT_TRUE(queue.push(3, abi::kInIgnored, 0, ""));
}

TEST(InotifyQueue, WhatDoesNotFitIsToldOnce) {
    InotifyQueue queue(2);
    EXPECT_TRUE(queue.push(1, 2, 0, ""));
    EXPECT_TRUE(queue.push(2, 2, 0, ""));
    EXPECT_TRUE(queue.push(3, 2, 0, ""));
    EXPECT_FALSE(queue.push(4, 2, 0, ""));
    next(queue);
    EXPECT_FALSE(queue.push(4, 2, 0, ""));  // the overflow counts too, as on Linux
    next(queue);
    const InotifyRecord overflow = next(queue);
    EXPECT_EQ(overflow.header.watch, -1);
    EXPECT_EQ(overflow.header.mask, abi::kInOverflow);
    EXPECT_TRUE(queue.empty());
    EXPECT_TRUE(queue.push(4, 2, 0, ""));
    EXPECT_TRUE(queue.push(5, 2, 0, ""));
    EXPECT_TRUE(queue.push(6, 2, 0, ""));  // it can be told again
}

TEST(InotifyQueue, AnEventThatIsTooLargeStays) {
    InotifyQueue queue(2);
    InotifyRecord record;
    EXPECT_EQ(queue.take(kRoom, record), InotifyQueue::Taken::kNone);
    queue.push(1, 2, 0, "name");
    EXPECT_EQ(queue.take(31, record), InotifyQueue::Taken::kTooLarge);
    EXPECT_EQ(queue.take(32, record), InotifyQueue::Taken::kOne);
}

}  // namespace
}  // namespace exo::posix
