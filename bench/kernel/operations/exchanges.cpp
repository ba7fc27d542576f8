// Data between two processes: a byte there and back, and streams.
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr std::size_t kBlock = 65536;
// More than a pipe holds, so that a batch is what flows through, not what fits in.
constexpr int kBlocks = 16;

// What this process writes to and reads from, and the same of the child.
int out, in, child_out, child_in;
int child;
char block[kBlock];

void make_pipes() {
    int there[2], back[2];
    require(pipe(there) == 0 && pipe(back) == 0, "pipe");
    out = there[1], child_in = there[0];
    child_out = back[1], in = back[0];
}

void make_sockets() {
    int ends[2];
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
    out = in = ends[0];
    child_out = child_in = ends[1];
}

void make_counters() {
    out = child_in = eventfd(0, 0);
    in = child_out = eventfd(0, 0);
    require(out >= 0 && in >= 0, "eventfd");
}

void close_both(int first, int second) {
    close(first);
    if (second != first) close(second);
}

/// A child with `body`, which has only its own ends.
void start(void (*body)()) {
    child = start_process(body);
}

/// Ends a child that reads until there is no more.
void stop() {
    close_both(out, in);
    close_both(child_out, child_in);
    end_process(child);
}

/// Sends back what comes, `kSize` bytes each, until the end.
template <std::size_t kSize>
void echo() {
    close_both(out, in);
    while (read(child_in, block, kSize) == kSize) {
        if (write(child_out, block, kSize) != kSize) return;
    }
}

template <std::size_t kSize>
void there_and_back(int times) {
    for (int i = 0; i < times; ++i) {
        require(write(out, block, kSize) == kSize, "write");
        require(read(in, block, kSize) == kSize, "read");
    }
}

/// One byte in, through a pipe of this process, and out.
void through_itself(int times) {
    for (int i = 0; i < times; ++i) {
        require(write(out, block, 1) == 1, "write");
        require(read(child_in, block, 1) == 1, "read");
    }
}

void close_all() {
    close_both(out, in);
    close_both(child_out, child_in);
}

/// A byte asks for kBlocks blocks.
void pour() {
    close_both(out, in);
    while (read(child_in, block, 1) == 1) {
        for (int i = 0; i < kBlocks; ++i) {
            if (write(child_out, block, kBlock) != static_cast<ssize_t>(kBlock)) return;
        }
    }
}

/// `times` counts blocks of 64 KiB.
void drain(int times) {
    for (int i = 0; i < times; i += kBlocks) {
        require(write(out, block, 1) == 1, "write");
        for (std::size_t left = kBlocks * kBlock; left > 0;) {
            const ssize_t got = read(in, block, kBlock);
            require(got > 0, "read");
            left -= static_cast<std::size_t>(got);
        }
    }
}

// Counters carry eight bytes and have no end: a value says that it is over.
constexpr std::uint64_t kOver = 1'000;

void echo_count() {
    std::uint64_t value;
    while (read(child_in, &value, sizeof value) == sizeof value && value != kOver) {
        if (write(child_out, &value, sizeof value) != sizeof value) return;
    }
}

void count_there_and_back(int times) {
    for (int i = 0; i < times; ++i) {
        std::uint64_t value = 1;
        require(write(out, &value, sizeof value) == sizeof value, "write");
        require(read(in, &value, sizeof value) == sizeof value, "read");
    }
}

void stop_counting() {
    require(write(out, &kOver, sizeof kOver) == sizeof kOver, "write");
    end_process(child);
    close_both(out, in);
}

constexpr Operation kExchanges[] = {
    {"pipe, write and read 1 byte", through_itself, 1'000, make_pipes, close_all},
    {"pipe round trip, processes", there_and_back<1>, 200,
     [] {
         make_pipes();
         start(echo<1>);
     },
     stop},
    {"pipe bandwidth, 64 KiB", drain, 4 * kBlocks,
     [] {
         make_pipes();
         start(pour);
     },
     stop},
    {"Unix socket round trip, processes", there_and_back<1>, 200,
     [] {
         make_sockets();
         start(echo<1>);
     },
     stop},
    {"Unix socket bandwidth, 64 KiB", drain, 4 * kBlocks,
     [] {
         make_sockets();
         start(pour);
     },
     stop},
    {"eventfd round trip, processes", count_there_and_back, 200,
     [] {
         make_counters();
         start(echo_count);
     },
     stop_counting},
};

}  // namespace

std::span<const Operation> exchanges() {
    return kExchanges;
}

}  // namespace bench
