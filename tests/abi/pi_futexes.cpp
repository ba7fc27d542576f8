// Futexes with priority inheritance (futex(2)): the calls and their errors, who gets the lock, what
// its owner is lent, and what becomes of it when that ends.
#include <errno.h>
#include <time.h>

#include "tests/abi/real_time.h"

using abi::expect_good_end;
using abi::Gate;
using abi::Order;
using abi::set_scheduler;
using abi::start;
using abi::stat_field;

namespace {

// Of <linux/futex.h>, which is not at hand.
constexpr int FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_LOCK_PI = 6, FUTEX_UNLOCK_PI = 7;
constexpr int FUTEX_TRYLOCK_PI = 8, FUTEX_LOCK_PI2 = 13;
constexpr int FUTEX_PRIVATE_FLAG = 128, FUTEX_CLOCK_REALTIME = 256;
constexpr uint32_t FUTEX_WAITERS = 0x80000000, FUTEX_OWNER_DIED = 0x40000000;

using Word = uint32_t;

long futex(Word* at, int operation, uintptr_t timeout = 0) {
    return syscall(SYS_futex, at, operation, 0, timeout, nullptr, 0);
}
long lock(Word* at, const timespec* until = nullptr) {
    return futex(at, FUTEX_LOCK_PI, reinterpret_cast<uintptr_t>(until));
}
long unlock(Word* at) {
    return futex(at, FUTEX_UNLOCK_PI);
}
Word now(const Word* at) {
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);
}
Word tid() {
    return static_cast<Word>(gettid());
}
Word tid_of(pid_t pid) {
    return static_cast<Word>(pid);
}

struct Shared {
    Word first, second;
    Order order;
};

/// A child that waits for `at`, seen asleep.
template <typename Then>
pid_t start_waiter(Word* at, int priority, Then then) {
    const pid_t pid = start([&] {
        if (priority != 0) set_scheduler(0, SCHED_FIFO, priority);
        CHECK_EQ(lock(at), 0);
        then();
        CHECK_EQ(unlock(at), 0);
    });
    while ((now(at) & FUTEX_WAITERS) == 0) usleep(1000);
    abi::wait_until_asleep(pid);
    return pid;
}

/// A child that owns `at` until the gate is opened.
pid_t start_owner(Word* at, int priority, const Gate& gate) {
    const pid_t pid = start([&] {
        if (priority != 0) set_scheduler(0, SCHED_FIFO, priority);
        CHECK_EQ(lock(at), 0);
        gate.pass();
        CHECK_EQ(unlock(at), 0);
    });
    while (now(at) != tid_of(pid)) usleep(1000);
    abi::wait_until_asleep(pid);
    return pid;
}

long priority_of(pid_t pid) {
    return stat_field(pid, abi::kPriorityField);
}

/// The id of a thread that has ended.
Word dead_tid() {
    const pid_t pid = start([] {});
    expect_good_end(pid);
    return tid_of(pid);
}

}  // namespace

ABI_TEST(a_free_pi_lock_is_taken_and_given_back) {
    for (const int flag : {0, FUTEX_PRIVATE_FLAG}) {
        for (const int command : {FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI}) {
            Word word = 0;
            CHECK_EQ(futex(&word, command | flag), 0);
            CHECK_EQ(word, tid());
            CHECK_ERRNO(futex(&word, command | flag), EDEADLK);
            CHECK_EQ(futex(&word, FUTEX_UNLOCK_PI | flag), 0);
            CHECK_EQ(word, 0);
            CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI | flag), EPERM);
        }
    }
}

ABI_TEST(pi_calls_refuse_what_is_no_lock) {
    alignas(8) char bytes[16] = {};
    auto* const odd = reinterpret_cast<Word*>(bytes + 2);
    const Word self = tid();
    auto* const nowhere = reinterpret_cast<Word*>(8);
    void* const page = mmap(nullptr, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    auto* const read_only = static_cast<Word*>(page);
    for (const int command : {FUTEX_LOCK_PI, FUTEX_LOCK_PI2, FUTEX_TRYLOCK_PI, FUTEX_UNLOCK_PI}) {
        CHECK_ERRNO(futex(odd, command), command == FUTEX_UNLOCK_PI ? EPERM : EINVAL);
        CHECK_ERRNO(futex(nowhere, command | FUTEX_PRIVATE_FLAG), EFAULT);
    }
    memcpy(odd, &self, sizeof self);
    CHECK_ERRNO(unlock(odd), EINVAL);
    CHECK_ERRNO(lock(read_only), EFAULT);
    Word word = 0;
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI | FUTEX_CLOCK_REALTIME), ENOSYS);
    CHECK_ERRNO(futex(&word, FUTEX_UNLOCK_PI | FUTEX_CLOCK_REALTIME), ENOSYS);
    CHECK_ERRNO(futex(&word, FUTEX_TRYLOCK_PI | FUTEX_CLOCK_REALTIME), ENOSYS);
    const timespec bad = {0, 1000000000};
    CHECK_ERRNO(lock(&word, &bad), EINVAL);
    CHECK_ERRNO(futex(&word, FUTEX_LOCK_PI, 8), EFAULT);
    CHECK_EQ(word, 0);
}

ABI_TEST(a_pi_lock_of_nobody_is_not_waited_for) {
    Word word = dead_tid();
    CHECK_ERRNO(lock(&word), ESRCH);
    CHECK_ERRNO(futex(&word, FUTEX_TRYLOCK_PI), ESRCH);
    CHECK_ERRNO(unlock(&word), EPERM);
}

ABI_TEST(a_pi_lock_whose_owner_died_is_taken_and_says_so) {
    for (const int command : {FUTEX_LOCK_PI, FUTEX_TRYLOCK_PI}) {
        Word word = FUTEX_OWNER_DIED;
        CHECK_EQ(futex(&word, command), 0);
        CHECK_EQ(word, tid() | FUTEX_OWNER_DIED);
        CHECK_EQ(unlock(&word), 0);
        CHECK_EQ(word, 0);
    }
}

ABI_TEST(trylock_pi_does_not_wait) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t owner = start_owner(&shared->first, 0, gate);
    CHECK_ERRNO(futex(&shared->first, FUTEX_TRYLOCK_PI), EAGAIN);
    CHECK_ERRNO(unlock(&shared->first), EPERM);
    gate.open();
    expect_good_end(owner);
    CHECK_EQ(shared->first, 0);
    CHECK_EQ(futex(&shared->first, FUTEX_TRYLOCK_PI), 0);
    CHECK_EQ(unlock(&shared->first), 0);
}

ABI_TEST(a_wait_for_a_pi_lock_ends_in_time) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t owner = start_owner(&shared->first, 0, gate);
    const timespec past = {1, 0};
    CHECK_ERRNO(lock(&shared->first, &past), ETIMEDOUT);
    CHECK_EQ(shared->first, tid_of(owner) | FUTEX_WAITERS);
    const struct {
        int operation;
        clockid_t clock;
    } all[] = {{FUTEX_LOCK_PI, CLOCK_REALTIME},
               {FUTEX_LOCK_PI2, CLOCK_MONOTONIC},
               {FUTEX_LOCK_PI2 | FUTEX_CLOCK_REALTIME, CLOCK_REALTIME}};
    for (const auto& each : all) {
        timespec until, after;
        CHECK_EQ(clock_gettime(each.clock, &until), 0);
        until.tv_nsec += 20000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        CHECK_ERRNO(futex(&shared->first, each.operation, reinterpret_cast<uintptr_t>(&until)),
                    ETIMEDOUT);
        CHECK_EQ(clock_gettime(each.clock, &after), 0);
        CHECK(after.tv_sec > until.tv_sec ||
              (after.tv_sec == until.tv_sec && after.tv_nsec >= until.tv_nsec));
    }
    gate.open();
    expect_good_end(owner);
    CHECK_EQ(shared->first, 0);
}

ABI_TEST(a_signal_does_not_end_a_wait_for_a_pi_lock) {
    auto* const shared = abi::share<Shared>();
    CHECK_EQ(lock(&shared->first), 0);
    static Order* seen;
    seen = &shared->order;
    const pid_t waiter = start([&] {
        struct sigaction action = {};
        action.sa_handler = [](int) { seen->note('s'); };
        CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
        shared->second = 1;
        CHECK_EQ(lock(&shared->first), 0);
        shared->order.note('l');
        CHECK_EQ(unlock(&shared->first), 0);
    });
    while ((now(&shared->first) & FUTEX_WAITERS) == 0) usleep(1000);
    abi::wait_until_asleep(waiter);
    CHECK_EQ(kill(waiter, SIGUSR1), 0);
    while (now(&shared->order.count) == 0) usleep(1000);
    abi::wait_until_asleep(waiter);
    CHECK_EQ(unlock(&shared->first), 0);
    expect_good_end(waiter);
    CHECK_EQ(strcmp(shared->order.names, "sl"), 0);
}

ABI_TEST(a_pi_lock_goes_to_the_most_urgent_waiter) {
    auto* const shared = abi::share<Shared>();
    CHECK_EQ(lock(&shared->first), 0);
    const int priorities[] = {0, 10, 30, 20, 30};
    pid_t waiters[5];
    for (int i = 0; i < 5; ++i) {
        waiters[i] = start_waiter(&shared->first, priorities[i],
                                  [&] { shared->order.note(static_cast<char>('a' + i)); });
    }
    CHECK_EQ(shared->first, tid() | FUTEX_WAITERS);
    CHECK_EQ(unlock(&shared->first), 0);
    for (const pid_t each : waiters) expect_good_end(each);
    CHECK_EQ(strcmp(shared->order.names, "cedba"), 0);
    CHECK_EQ(shared->first, 0);
}

ABI_TEST(an_owner_is_lent_the_priority_of_who_waits) {
    auto* const shared = abi::share<Shared>();
    const Gate gate, end;
    const pid_t owner = start([&] {
        CHECK_EQ(lock(&shared->first), 0);
        gate.pass();
        CHECK_EQ(unlock(&shared->first), 0);
        shared->order.note('u');
        end.pass();
    });
    while (now(&shared->first) == 0) usleep(1000);
    const long before = priority_of(owner);
    const pid_t low = start_waiter(&shared->first, 10, [] {});
    CHECK_EQ(priority_of(owner), -11);
    const pid_t high = start_waiter(&shared->first, 30, [] {});
    CHECK_EQ(priority_of(owner), -31);
    CHECK_EQ(abi::scheduler_of(owner), SCHED_OTHER);
    // Though one waits already: it is put where it belongs now.
    set_scheduler(low, SCHED_FIFO, 40);
    CHECK_EQ(priority_of(owner), -41);
    set_scheduler(low, SCHED_OTHER, 0);
    CHECK_EQ(priority_of(owner), -31);
    gate.open();
    while (now(&shared->order.count) == 0) usleep(1000);
    CHECK_EQ(priority_of(owner), before);
    end.open();
    for (const pid_t each : {owner, low, high}) expect_good_end(each);
}

ABI_TEST(what_a_waiter_lends_ends_with_its_wait) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t owner = start_owner(&shared->first, 5, gate);
    const pid_t waiter = start_waiter(&shared->first, 60, [] {});
    CHECK_EQ(priority_of(owner), -61);
    CHECK_EQ(kill(waiter, SIGKILL), 0);
    CHECK_EQ(waitpid(waiter, nullptr, 0), waiter);
    CHECK_EQ(priority_of(owner), -6);
    gate.open();
    expect_good_end(owner);
}

ABI_TEST(priorities_are_lent_along_a_chain_of_locks) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t low = start_owner(&shared->first, 5, gate);
    const pid_t middle = start([&] {
        set_scheduler(0, SCHED_FIFO, 10);
        CHECK_EQ(lock(&shared->second), 0);
        CHECK_EQ(lock(&shared->first), 0);
        CHECK_EQ(unlock(&shared->first), 0);
        CHECK_EQ(unlock(&shared->second), 0);
    });
    while ((now(&shared->first) & FUTEX_WAITERS) == 0) usleep(1000);
    abi::wait_until_asleep(middle);
    CHECK_EQ(priority_of(low), -11);
    const pid_t high = start_waiter(&shared->second, 30, [] {});
    CHECK_EQ(priority_of(middle), -31);
    CHECK_EQ(priority_of(low), -31);
    CHECK_EQ(kill(high, SIGKILL), 0);
    CHECK_EQ(waitpid(high, nullptr, 0), high);
    CHECK_EQ(priority_of(middle), -11);
    CHECK_EQ(priority_of(low), -11);
    gate.open();
    for (const pid_t each : {low, middle}) expect_good_end(each);
}

// The owner of what the highest waits for runs before the middle one, which does not: without
// inheritance, the order would be m, l, h.
ABI_TEST(an_owner_gets_ahead_of_who_is_less_urgent_than_its_waiter) {
    abi::stay_on_one_cpu();
    set_scheduler(0, SCHED_FIFO, 50);
    auto* const shared = abi::share<Shared>();
    const Gate for_low, for_middle;
    const pid_t low = start([&] {
        set_scheduler(0, SCHED_FIFO, 10);
        CHECK_EQ(lock(&shared->first), 0);
        for_low.pass();
        shared->order.note('l');
        CHECK_EQ(unlock(&shared->first), 0);
        shared->order.note('e');
    });
    while (now(&shared->first) == 0) usleep(1000);
    abi::wait_until_asleep(low);
    const pid_t middle = start([&] {
        set_scheduler(0, SCHED_FIFO, 20);
        for_middle.pass();
        shared->order.note('m');
    });
    abi::wait_until_asleep(middle);
    const pid_t high = start_waiter(&shared->first, 30, [&] { shared->order.note('h'); });
    // Both could run now, and neither does before this one sleeps.
    for_middle.open();
    for_low.open();
    for (const pid_t each : {low, middle, high}) expect_good_end(each);
    CHECK_EQ(strcmp(shared->order.names, "lhme"), 0);
}

ABI_TEST(a_circle_of_pi_locks_is_refused) {
    auto* const shared = abi::share<Shared>();
    CHECK_EQ(lock(&shared->first), 0);
    const pid_t other = start([&] {
        CHECK_EQ(lock(&shared->second), 0);
        CHECK_EQ(lock(&shared->first), 0);
        CHECK_EQ(unlock(&shared->first), 0);
        CHECK_EQ(unlock(&shared->second), 0);
    });
    while ((now(&shared->first) & FUTEX_WAITERS) == 0) usleep(1000);
    abi::wait_until_asleep(other);
    CHECK_ERRNO(lock(&shared->second), EDEADLK);
    CHECK_EQ(unlock(&shared->first), 0);
    expect_good_end(other);
    CHECK_EQ(lock(&shared->second), 0);
    CHECK_EQ(unlock(&shared->second), 0);
}

ABI_TEST(pi_locks_and_plain_futexes_do_not_mix) {
    auto* const shared = abi::share<Shared>();
    CHECK_EQ(lock(&shared->first), 0);
    const pid_t waiter = start_waiter(&shared->first, 0, [] {});
    CHECK_ERRNO(futex(&shared->first, FUTEX_WAKE), EINVAL);
    // Whoever the word says owns it, the kernel knows better.
    const Word right = shared->first;
    shared->first = FUTEX_WAITERS | tid_of(getppid());
    CHECK_ERRNO(lock(&shared->first), EINVAL);
    shared->first = right;
    CHECK_EQ(unlock(&shared->first), 0);
    expect_good_end(waiter);
    const pid_t plain = start([&] { CHECK_EQ(futex(&shared->second, FUTEX_WAIT), 0); });
    abi::wait_until_asleep(plain);
    shared->second = tid_of(plain);
    CHECK_ERRNO(lock(&shared->second), EINVAL);
    shared->second = tid();
    CHECK_ERRNO(unlock(&shared->second), EINVAL);
    CHECK_EQ(futex(&shared->second, FUTEX_WAKE), 1);
    expect_good_end(plain);
}

ABI_TEST(a_dead_owner_s_pi_lock_goes_to_who_waits) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t owner = start([&] {
        CHECK_EQ(lock(&shared->first), 0);
        gate.pass();
    });
    while (now(&shared->first) == 0) usleep(1000);
    const auto take = [&] { CHECK_EQ(shared->first, tid() | FUTEX_WAITERS | FUTEX_OWNER_DIED); };
    const pid_t waiter = start_waiter(&shared->first, 10, take);
    gate.open();
    expect_good_end(owner);
    expect_good_end(waiter);
    CHECK_EQ(shared->first, 0);
}

ABI_TEST(a_killed_owner_s_pi_lock_goes_from_one_to_the_next) {
    auto* const shared = abi::share<Shared>();
    const Gate gate;
    const pid_t owner = start_owner(&shared->first, 0, gate);
    pid_t waiters[4];
    for (pid_t& each : waiters)
        each = start_waiter(&shared->first, 0, [&] { shared->order.note('w'); });
    CHECK_EQ(kill(owner, SIGKILL), 0);
    CHECK_EQ(waitpid(owner, nullptr, 0), owner);
    for (const pid_t each : waiters) expect_good_end(each);
    CHECK_EQ(shared->order.count, 4);
    CHECK_EQ(shared->first, 0);
}
