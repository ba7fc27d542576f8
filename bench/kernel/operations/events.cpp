// Sets of descriptors, and counters that are descriptors.
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr int kCounters = 64;

int counters[kCounters];
int set;

/// 64 counters in a set, one of them ready.
void make_counters() {
    set = epoll_create1(0);
    require(set >= 0, "epoll_create1");
    for (int i = 0; i < kCounters; ++i) {
        counters[i] = eventfd(i == kCounters / 2 ? 1 : 0, 0);
        epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0}};
        require(counters[i] >= 0, "eventfd");
        require(epoll_ctl(set, EPOLL_CTL_ADD, counters[i], &event) == 0, "epoll_ctl");
    }
}

void close_counters() {
    close(set);
    for (const int counter : counters) close(counter);
}

void wait_for_one(int times) {
    epoll_event ready[kCounters];
    for (int i = 0; i < times; ++i) {
        require(epoll_wait(set, ready, kCounters, -1) == 1, "epoll_wait");
    }
}

void remove_and_add(int times) {
    for (int i = 0; i < times; ++i) {
        epoll_event event = {.events = EPOLLIN, .data = {.u64 = 0}};
        require(epoll_ctl(set, EPOLL_CTL_DEL, counters[0], nullptr) == 0, "EPOLL_CTL_DEL");
        require(epoll_ctl(set, EPOLL_CTL_ADD, counters[0], &event) == 0, "EPOLL_CTL_ADD");
    }
}

void poll_all(int times) {
    pollfd polled[kCounters];
    for (int i = 0; i < kCounters; ++i) polled[i] = {counters[i], POLLIN, 0};
    for (int i = 0; i < times; ++i) require(poll(polled, kCounters, -1) == 1, "poll");
}

void count_up_and_down(int times) {
    for (int i = 0; i < times; ++i) {
        std::uint64_t value = 1;
        require(write(counters[0], &value, sizeof value) == sizeof value, "write to an eventfd");
        require(read(counters[0], &value, sizeof value) == sizeof value, "read of an eventfd");
    }
}

constexpr Operation kEvents[] = {
    {"epoll_wait, 1 ready of 64", wait_for_one, 1'000, make_counters, close_counters},
    {"epoll_ctl, remove and add", remove_and_add, 500, make_counters, close_counters},
    {"poll, 1 ready of 64", poll_all, 200, make_counters, close_counters},
    {"eventfd, write and read", count_up_and_down, 1'000, make_counters, close_counters},
};

}  // namespace

std::span<const Operation> events() {
    return kEvents;
}

}  // namespace bench
