// Mutexes of pthreads with priority inheritance, of every type.
#include <pthread.h>
#include <time.h>

#include "tests/abi/real_time.h"

using abi::expect_good_end;
using abi::Gate;
using abi::start;

namespace {

struct Kind {
    int type = PTHREAD_MUTEX_NORMAL;
    int robust = PTHREAD_MUTEX_STALLED;
    int shared = PTHREAD_PROCESS_PRIVATE;
};

void make(pthread_mutex_t* mutex, const Kind& kind) {
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, kind.type), 0);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, kind.robust), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, kind.shared), 0);
    CHECK_EQ(pthread_mutex_init(mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
}

constexpr int kThreads = 8, kRounds = 1000;

struct Counter {
    pthread_mutex_t mutex;
    long value;
};

void* count(void* argument) {
    auto& counter = *static_cast<Counter*>(argument);
    for (int i = 0; i < kRounds; ++i) {
        CHECK_EQ(pthread_mutex_lock(&counter.mutex), 0);
        const long before = counter.value;
        if (i % 16 == 0) sched_yield();
        counter.value = before + 1;
        CHECK_EQ(pthread_mutex_unlock(&counter.mutex), 0);
    }
    return nullptr;
}

void let_threads_count(Counter& counter) {
    counter.value = 0;
    pthread_t threads[kThreads];
    for (pthread_t& each : threads) CHECK_EQ(pthread_create(&each, nullptr, count, &counter), 0);
    for (const pthread_t each : threads) CHECK_EQ(pthread_join(each, nullptr), 0);
    CHECK_EQ(counter.value, kThreads * kRounds);
    CHECK_EQ(pthread_mutex_destroy(&counter.mutex), 0);
}

void let_threads_count_by(int type) {
    for (const int robust : {PTHREAD_MUTEX_STALLED, PTHREAD_MUTEX_ROBUST}) {
        Counter counter;
        make(&counter.mutex, {.type = type, .robust = robust});
        let_threads_count(counter);
    }
}

/// Another thread's try.
int try_elsewhere(pthread_mutex_t* mutex) {
    struct Try {
        pthread_mutex_t* mutex;
        int result;
    } attempt = {mutex, -1};
    pthread_t thread;
    const auto run = [](void* argument) -> void* {
        auto& one = *static_cast<Try*>(argument);
        one.result = pthread_mutex_trylock(one.mutex);
        if (one.result == 0) CHECK_EQ(pthread_mutex_unlock(one.mutex), 0);
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, run, &attempt), 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
    return attempt.result;
}

timespec soon(clockid_t clock) {
    timespec time;
    CHECK_EQ(clock_gettime(clock, &time), 0);
    time.tv_nsec += 10000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

}  // namespace

// A type a test: a contended lock whose owner's CPU the host does not run takes seconds.
ABI_TEST(normal_pi_mutexes_exclude) {
    let_threads_count_by(PTHREAD_MUTEX_NORMAL);
}

ABI_TEST(recursive_pi_mutexes_exclude) {
    let_threads_count_by(PTHREAD_MUTEX_RECURSIVE);
}

ABI_TEST(checking_pi_mutexes_exclude) {
    let_threads_count_by(PTHREAD_MUTEX_ERRORCHECK);
}

ABI_TEST(pi_mutexes_exclude_among_processes) {
    auto* const counter = abi::share<Counter>();
    make(&counter->mutex, {.shared = PTHREAD_PROCESS_SHARED});
    pid_t children[4];
    for (pid_t& each : children) each = start([&] { count(counter); });
    for (const pid_t each : children) expect_good_end(each);
    CHECK_EQ(counter->value, 4 * kRounds);
}

ABI_TEST(a_recursive_pi_mutex_counts) {
    pthread_mutex_t mutex;
    make(&mutex, {.type = PTHREAD_MUTEX_RECURSIVE});
    for (int i = 0; i < 3; ++i) CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    for (int i = 0; i < 3; ++i) {
        CHECK_EQ(try_elsewhere(&mutex), EBUSY);
        CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
    }
    CHECK_EQ(try_elsewhere(&mutex), 0);
}

ABI_TEST(a_checking_pi_mutex_knows_its_owner) {
    pthread_mutex_t mutex;
    make(&mutex, {.type = PTHREAD_MUTEX_ERRORCHECK});
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
    CHECK_EQ(pthread_mutex_lock(&mutex), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

ABI_TEST(a_wait_for_a_pi_mutex_has_a_deadline) {
    auto* const mutex = abi::share<pthread_mutex_t>();
    make(mutex, {.shared = PTHREAD_PROCESS_SHARED});
    const Gate locked, gate;
    const pid_t owner = start([&] {
        CHECK_EQ(pthread_mutex_lock(mutex), 0);
        locked.open();
        gate.pass();
        CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    });
    locked.pass();
    const timespec until = soon(CLOCK_REALTIME);
    CHECK_EQ(pthread_mutex_timedlock(mutex, &until), ETIMEDOUT);
    CHECK_EQ(pthread_mutex_trylock(mutex), EBUSY);
    gate.open();
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    expect_good_end(owner);
}

ABI_TEST(a_robust_pi_mutex_tells_of_its_owner_s_death) {
    auto* const mutex = abi::share<pthread_mutex_t>();
    make(mutex, {.robust = PTHREAD_MUTEX_ROBUST, .shared = PTHREAD_PROCESS_SHARED});
    // With nobody waiting.
    expect_good_end(start([&] { CHECK_EQ(pthread_mutex_lock(mutex), 0); }));
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    // With one that waits.
    const Gate locked, gate;
    const pid_t owner = start([&] {
        CHECK_EQ(pthread_mutex_lock(mutex), 0);
        locked.open();
        gate.pass();
        raise(SIGKILL);
    });
    locked.pass();
    const pid_t waiter = start([&] {
        CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
        CHECK_EQ(pthread_mutex_consistent(mutex), 0);
        CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    });
    abi::wait_until_asleep(waiter);
    gate.open();
    CHECK_EQ(waitpid(owner, nullptr, 0), owner);
    expect_good_end(waiter);
    CHECK_EQ(pthread_mutex_lock(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
}

ABI_TEST(a_robust_pi_mutex_that_nobody_mends_is_lost) {
    auto* const mutex = abi::share<pthread_mutex_t>();
    make(mutex, {.robust = PTHREAD_MUTEX_ROBUST, .shared = PTHREAD_PROCESS_SHARED});
    expect_good_end(start([&] { CHECK_EQ(pthread_mutex_lock(mutex), 0); }));
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    CHECK_EQ(pthread_mutex_lock(mutex), ENOTRECOVERABLE);
}

ABI_TEST(a_thread_s_end_is_a_robust_pi_owner_s_death) {
    pthread_mutex_t mutex;
    make(&mutex, {.robust = PTHREAD_MUTEX_ROBUST});
    pthread_t thread;
    const auto run = [](void* argument) -> void* {
        CHECK_EQ(pthread_mutex_lock(static_cast<pthread_mutex_t*>(argument)), 0);
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, run, &mutex), 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
    CHECK_EQ(pthread_mutex_lock(&mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), 0);
}

ABI_TEST(a_condition_works_with_a_pi_mutex) {
    struct PingPong {
        pthread_mutex_t mutex;
        pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
        int turn = 0;
    } game;
    make(&game.mutex, {});
    constexpr int kTurns = 400;
    const auto play = [](PingPong& one, int parity) {
        CHECK_EQ(pthread_mutex_lock(&one.mutex), 0);
        while (one.turn < kTurns) {
            if (one.turn % 2 == parity) {
                ++one.turn;
                CHECK_EQ(pthread_cond_signal(&one.changed), 0);
            } else {
                CHECK_EQ(pthread_cond_wait(&one.changed, &one.mutex), 0);
            }
        }
        CHECK_EQ(pthread_mutex_unlock(&one.mutex), 0);
    };
    static void (*player)(PingPong&, int);
    player = play;
    pthread_t thread;
    const auto run = [](void* argument) -> void* {
        player(*static_cast<PingPong*>(argument), 1);
        return nullptr;
    };
    CHECK_EQ(pthread_create(&thread, nullptr, run, &game), 0);
    play(game, 0);
    CHECK_EQ(pthread_join(thread, nullptr), 0);
    CHECK_EQ(game.turn, kTurns);
}
