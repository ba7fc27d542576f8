// Handing the CPU over: by sched_yield(2), all on one CPU, and by futexes.
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

// futex(2); musl has no header for them.
constexpr int kFutexWait = 0, kFutexWake = 1;

// Whose turn it is: this side's is 0, the other's 1; kOver ends the other.
constexpr int kOver = 2;
int* turn;
int in_this_process;
pthread_t thread;
int child;

int now() {
    return __atomic_load_n(turn, __ATOMIC_ACQUIRE);
}

void give(int whose) {
    __atomic_store_n(turn, whose, __ATOMIC_RELEASE);
}

void wait_yielding(int mine) {
    while (now() == 1 - mine) sched_yield();
}

void wait_sleeping(int mine) {
    while (now() == 1 - mine) syscall(SYS_futex, turn, kFutexWait, 1 - mine, nullptr);
}

void wake_other() {
    syscall(SYS_futex, turn, kFutexWake, 1);
}

/// The other side: gives each turn back.
void answer_yielding() {
    while (true) {
        wait_yielding(1);
        if (now() == kOver) return;
        give(0);
    }
}

void answer_waking() {
    while (true) {
        wait_sleeping(1);
        if (now() == kOver) return;
        give(0);
        wake_other();
    }
}

template <void (*kBody)()>
void start_thread() {
    in_this_process = 0;
    turn = &in_this_process;
    const auto body = [](void*) -> void* {
        kBody();
        return nullptr;
    };
    require(pthread_create(&thread, nullptr, body, nullptr) == 0, "pthread_create");
}

void stop_thread() {
    give(kOver);
    wake_other();
    pthread_join(thread, nullptr);
}

/// Two switches a turn: to the other and back; `times` counts switches.
void switch_yielding(int times) {
    for (int i = 0; i < times; i += 2) {
        give(1);
        wait_yielding(0);
    }
}

void round_trip_sleeping(int times) {
    for (int i = 0; i < times; ++i) {
        give(1);
        wake_other();
        wait_sleeping(0);
    }
}

template <void (*kBody)()>
void start_other_process() {
    turn = static_cast<int*>(shared_page());
    child = start_process(kBody);
}

void stop_process() {
    give(kOver);
    wake_other();
    end_process(child);
    drop_shared_page(turn);
}

constexpr Operation kSwitches[] = {
    {"thread switch", switch_yielding, 1'000,
     [] {
         bind_to_one_cpu();
         start_thread<answer_yielding>();
     },
     [] {
         stop_thread();
         bind_to_all_cpus();
     }},
    {"process switch", switch_yielding, 1'000,
     [] {
         bind_to_one_cpu();
         start_other_process<answer_yielding>();
     },
     [] {
         stop_process();
         bind_to_all_cpus();
     }},
    {"futex round trip, threads", round_trip_sleeping, 200, start_thread<answer_waking>,
     stop_thread},
    {"futex round trip, processes", round_trip_sleeping, 200, start_other_process<answer_waking>,
     stop_process},
};

}  // namespace

std::span<const Operation> switches() {
    return kSwitches;
}

}  // namespace bench
