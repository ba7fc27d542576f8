// What an operation of the core libraries costs in instructions, counted by the same loops in the
// kernel (kernel/instructions.cpp) and in a Linux program (bench/kernel/core.cpp): where the TSC
// counts instructions, as under QEMU's -icount shift=0. Names are the same on both sides.
#pragma once

#include <cstdint>
#include <new>

#include "lib/alloc/heap.h"
#include "lib/base/cpu.h"
#include "lib/ring/spsc.h"
#include "lib/sched/run_queue.h"
#include "lib/switch/context.h"

namespace exo::measure {

inline constexpr std::uint64_t kTurns = 4096;

/// Hundredths of a tick of the TSC for one `operation()`: the least of some rounds, without the
/// loop.
template <typename Operation>
[[gnu::noinline]] std::uint64_t ticks_of(Operation operation) {
    const auto least = [](auto&& once) {
        std::uint64_t best = ~std::uint64_t{0};
        for (int round = 0; round < 4; ++round) {
            const std::uint64_t begin = read_tsc();
            for (std::uint64_t i = 0; i < kTurns; ++i) {
                once();
                asm volatile("" ::: "memory");
            }
            const std::uint64_t took = read_tsc() - begin;
            if (took < best) best = took;
        }
        return best;
    };
    const std::uint64_t loop = least([] {});
    const std::uint64_t all = least(operation);
    return all <= loop ? 0 : (all - loop) * 100 / kTurns;
}

/// One message of 56 bytes in and out of a ring.
inline std::uint64_t ring_pair(const ring::RingMemory& memory) {
    auto producer = ring::SpscProducer::attach(memory);
    auto consumer = ring::SpscConsumer::attach(memory);
    if (!producer || !consumer) return 0;
    std::byte payload[abi::kRingPayload] = {};
    const ring::SlotHeader header{.length = abi::kRingPayload};
    return ticks_of([&] {
        static_cast<void>(producer->try_send(payload, header));
        static_cast<void>(consumer->try_receive(payload));
    });
}

/// 64 bytes allocated and freed by a heap's cache.
inline std::uint64_t allocation_pair(alloc::Heap& heap, alloc::Cache& cache) {
    return ticks_of([&] {
        void* volatile p = heap.allocate(cache, 64);
        heap.free(cache, p);
    });
}

/// There and back between two contexts on `stack_top`: half of it is a switch.
inline std::uint64_t context_switch(void* stack_top) {
    struct Pair {
        Context main{}, other{};
        static void bounce(void* self) {
            auto& pair = *static_cast<Pair*>(self);
            for (;;) switch_context(pair.other, pair.main);
        }
    } pair;
    pair.other = make_context(stack_top, &Pair::bounce, &pair);
    return ticks_of([&] { switch_context(pair.main, pair.other); }) / 2;
}

/// A turn of one of `kThreads` threads ends and the next is picked.
class PickLoop {
  public:
    static constexpr int kThreads = 10;

    std::uint64_t run() {
        std::uint64_t now = 0;
        for (sched::SchedEntity& each : threads_) queue_.enqueue(each, sched::Enqueue::New, now++);
        static_cast<void>(queue_.pick_next(now));
        return ticks_of([&] {
            now += 1000;
            queue_.account(1000, now);
            queue_.put_prev(sched::Put::Yielded, now);
            static_cast<void>(queue_.pick_next(now));
        });
    }

    /// What else a scheduler asks at each switch: when to look again. After run().
    std::uint64_t run_checks() {
        const std::uint64_t now = queue_.waiting();
        return ticks_of([&] {
            static_cast<void>(queue_.unthrottle(now));
            const std::uint64_t volatile at = queue_.next_unthrottle_ns() +
                                              queue_.next_check_ns(now) + queue_.waiting() +
                                              queue_.load().word;
            static_cast<void>(at);
        });
    }

  private:
    sched::SchedEntity threads_[kThreads];
    sched::RunQueue queue_{0};
};

}  // namespace exo::measure
