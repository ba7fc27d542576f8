// Signals: delivery, masks, handlers, interruption, stops, timers.
#include <sched.h>
#include <sys/time.h>
#include <time.h>
#include <ucontext.h>

#include "tests/abi/abi.h"

using abi::status_of;

namespace {

volatile sig_atomic_t count;
volatile sig_atomic_t last;

void note(int number) {
    ++count;
    last = number;
}

void handle(int number, void (*handler)(int), int flags = 0) {
    struct sigaction action = {};
    action.sa_handler = handler;
    action.sa_flags = flags;
    CHECK_EQ(sigaction(number, &action, nullptr), 0);
}

sigset_t set_of(int number) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, number);
    return set;
}

}  // namespace

ABI_TEST(default_actions) {
    for (const int number : {SIGHUP, SIGTERM, SIGKILL, SIGUSR1, SIGALRM, SIGPIPE}) {
        const int status = status_of([&] { raise(number); });
        CHECK(WIFSIGNALED(status));
        CHECK_EQ(WTERMSIG(status), number);
    }
    for (const int number : {SIGCHLD, SIGURG, SIGWINCH, SIGCONT}) {
        CHECK_EQ(status_of([&] { raise(number); }), 0);
    }
}

ABI_TEST(handler_runs_and_returns) {
    handle(SIGUSR1, note);
    for (int i = 1; i <= 100; ++i) {
        CHECK_EQ(raise(SIGUSR1), 0);
        CHECK_EQ(count, i);
    }
    CHECK_EQ(last, SIGUSR1);
    signal(SIGUSR1, SIG_IGN);
    raise(SIGUSR1);
    CHECK_EQ(count, 100);
}

ABI_TEST(blocked_signals_wait) {
    handle(SIGUSR1, note);
    const sigset_t set = set_of(SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, nullptr), 0);
    raise(SIGUSR1);
    raise(SIGUSR1);
    CHECK_EQ(count, 0);
    sigset_t pending;
    CHECK_EQ(sigpending(&pending), 0);
    CHECK_EQ(sigismember(&pending, SIGUSR1), 1);
    CHECK_EQ(sigprocmask(SIG_UNBLOCK, &set, nullptr), 0);
    CHECK_EQ(count, 1);  // not queued: a standard signal is pending once
    CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 99, &set, nullptr, 8), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, nullptr, 4), EINVAL);
}

ABI_TEST(kill_and_stop_cannot_be_caught) {
    struct sigaction action = {};
    action.sa_handler = note;
    CHECK_ERRNO(sigaction(SIGKILL, &action, nullptr), EINVAL);
    CHECK_ERRNO(sigaction(SIGSTOP, &action, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_rt_sigaction, 65, nullptr, nullptr, 8), EINVAL);
    sigset_t all;
    sigfillset(&all);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &all, nullptr), 0);
    const int status = status_of([] { kill(getpid(), SIGKILL); });
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

ABI_TEST(kill_all_of_others_is_no_error) {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        for (;;) pause();
    }
    setpgid(child, child);
    abi::as_nobody([child] {
        CHECK_EQ(kill(-1, 0), 0);
        CHECK_ERRNO(kill(child, 0), EPERM);
        CHECK_ERRNO(kill(-child, 0), EPERM);
    });
    CHECK_EQ(kill(child, SIGKILL), 0);
}

ABI_TEST(kill_comes_before_what_a_thread_has_pending) {
    const pid_t child = fork();
    if (child == 0) {
        kill(getpid(), SIGSTOP);  // not raise(3), which blocks the others meanwhile
        _exit(0);
    }
    int status = 0;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(syscall(SYS_tgkill, child, child, SIGSEGV), 0);
    CHECK_EQ(kill(child, SIGKILL), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGKILL);
}

ABI_TEST(kill_errors_and_groups) {
    CHECK_EQ(kill(getpid(), 0), 0);
    CHECK_ERRNO(kill(4'000'000, SIGTERM), ESRCH);
    CHECK_ERRNO(kill(getpid(), 65), EINVAL);
    const pid_t first = fork();
    if (first == 0) {
        setpgid(0, 0);
        for (;;) pause();
    }
    setpgid(first, first);
    const pid_t second = fork();
    if (second == 0) {
        for (;;) pause();
    }
    CHECK_EQ(setpgid(second, first), 0);
    CHECK_EQ(kill(-first, SIGTERM), 0);
    int status;
    CHECK_EQ(waitpid(first, &status, 0), first);
    CHECK_EQ(WTERMSIG(status), SIGTERM);
    CHECK_EQ(waitpid(second, &status, 0), second);
    CHECK_EQ(WTERMSIG(status), SIGTERM);
}

ABI_TEST(alarm_interrupts_a_read) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    handle(SIGALRM, note);
    itimerval timer = {{0, 0}, {0, 50'000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    char byte;
    CHECK_ERRNO(read(ends[0], &byte, 1), EINTR);
    CHECK_EQ(count, 1);
}

ABI_TEST(restart_goes_on_with_a_read) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    handle(SIGUSR1, note, SA_RESTART);
    const pid_t parent = getpid();
    if (fork() == 0) {
        usleep(50'000);
        kill(parent, SIGUSR1);
        usleep(50'000);
        (void)!write(ends[1], "x", 1);
        _exit(0);
    }
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
    CHECK_EQ(count, 1);
}

ABI_TEST(alarm_counts_seconds) {
    CHECK_EQ(alarm(100), 0);
    const unsigned left = alarm(0);
    CHECK(left == 99 || left == 100);
    itimerval timer = {{0, 5'000}, {0, 5'000}};
    handle(SIGALRM, note, SA_RESTART);
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    while (count < 3) pause();
    timer = {};
    itimerval before;
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, &before), 0);
    CHECK_EQ(before.it_interval.tv_usec, 5'000);
}

ABI_TEST(alarm_once_is_over_when_it_fired) {
    handle(SIGALRM, note);
    const itimerval timer = {{0, 0}, {0, 1'000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    while (count < 1) usleep(1'000);
    itimerval now = {{1, 1}, {1, 1}};
    CHECK_EQ(getitimer(ITIMER_REAL, &now), 0);
    CHECK_EQ(now.it_interval.tv_sec + now.it_interval.tv_usec, 0);
    CHECK_EQ(now.it_value.tv_sec + now.it_value.tv_usec, 0);
}

ABI_TEST(alarm_with_a_tiny_period_leaves_time) {
    const sigset_t set = set_of(SIGALRM);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, nullptr), 0);
    itimerval timer = {{0, 1}, {0, 1}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    const timespec brief = {0, 20'000'000};
    CHECK_EQ(nanosleep(&brief, nullptr), 0);
    // The periods go on with a signal that is taken without a handler.
    for (int i = 0; i < 3; ++i) CHECK_EQ(sigwaitinfo(&set, nullptr), SIGALRM);
    timer = {};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    const timespec none = {0, 0};
    sigtimedwait(&set, nullptr, &none);
    CHECK_ERRNO(sigtimedwait(&set, nullptr, &brief), EAGAIN);
}

ABI_TEST(posix_timer_tells_its_value) {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        if (info->si_code == SI_TIMER && info->si_value.sival_int == 31) ++count;
    };
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    timer_t timer;
    sigevent event = {};
    event.sigev_notify = SIGEV_SIGNAL;
    event.sigev_signo = SIGUSR1;
    event.sigev_value.sival_int = 31;
    CHECK_EQ(timer_create(CLOCK_MONOTONIC, &event, &timer), 0);
    const itimerspec often = {{0, 1'000'000}, {0, 1'000'000}};
    CHECK_EQ(timer_settime(timer, 0, &often, nullptr), 0);
    while (count < 3) usleep(1'000);
    CHECK_EQ(timer_delete(timer), 0);
}

ABI_TEST(nanosleep_says_what_is_left) {
    handle(SIGALRM, note);
    const itimerval timer = {{0, 0}, {0, 30'000}};
    CHECK_EQ(setitimer(ITIMER_REAL, &timer, nullptr), 0);
    const timespec wanted = {10, 0};
    timespec left = {};
    CHECK_ERRNO(nanosleep(&wanted, &left), EINTR);
    CHECK(left.tv_sec == 9 || left.tv_sec == 8);
}

ABI_TEST(sigsuspend_waits_with_another_mask) {
    handle(SIGUSR1, note);
    const sigset_t set = set_of(SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &set, nullptr), 0);
    raise(SIGUSR1);
    sigset_t none;
    sigemptyset(&none);
    CHECK_ERRNO(sigsuspend(&none), EINTR);
    CHECK_EQ(count, 1);
    sigset_t now;
    CHECK_EQ(sigprocmask(SIG_BLOCK, nullptr, &now), 0);
    CHECK_EQ(sigismember(&now, SIGUSR1), 1);
}

ABI_TEST(handler_has_its_signal_blocked_and_its_mask) {
    struct sigaction action = {};
    action.sa_handler = [](int) {
        raise(SIGUSR1);
        raise(SIGUSR2);
        if (count != 0) _exit(9);
        ++count;
    };
    sigaddset(&action.sa_mask, SIGUSR2);
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    handle(SIGUSR2, [](int) { last = SIGUSR2; });
    const int status = status_of([] {
        signal(SIGALRM, SIG_DFL);
        sigset_t set = set_of(SIGUSR1);
        struct sigaction once = {};
        sigaction(SIGUSR1, nullptr, &once);
        once.sa_flags = static_cast<int>(SA_RESETHAND | static_cast<unsigned>(once.sa_flags));
        sigaction(SIGUSR1, &once, nullptr);
        sigprocmask(SIG_UNBLOCK, &set, nullptr);
        raise(SIGUSR1);
    });
    // The handler ran once; the second SIGUSR1 found the default action.
    CHECK(WIFSIGNALED(status));
    CHECK_EQ(WTERMSIG(status), SIGUSR1);
}

ABI_TEST(fault_tells_its_address) {
    static volatile char* const kWild = reinterpret_cast<volatile char*>(0x123450);
    struct sigaction action = {};
    action.sa_sigaction = [](int number, siginfo_t* info, void*) {
        const bool right =
            number == SIGSEGV && info->si_addr == kWild && info->si_code == SEGV_MAPERR;
        _exit(right ? 0 : 1);
    };
    action.sa_flags = SA_SIGINFO;
    CHECK_EQ(status_of([&] {
                 sigaction(SIGSEGV, &action, nullptr);
                 *kWild = 1;
                 _exit(2);
             }),
             0);
    const int status = status_of([] { *kWild = 1; });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

ABI_TEST(exceptions_become_signals) {
    int status = status_of([] { asm volatile("ud2"); });
    CHECK_EQ(WTERMSIG(status), SIGILL);
    status = status_of([] { asm volatile("int3"); });
    CHECK_EQ(WTERMSIG(status), SIGTRAP);
    status = status_of([] {
        int zero;
        asm volatile("xorl %0, %0; movl $1, %%eax; cltd; idivl %0" : "=&r"(zero)::"eax", "edx");
    });
    CHECK_EQ(WTERMSIG(status), SIGFPE);
    status = status_of([] { asm volatile("cli"); });
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
    status = status_of([] {
        asm volatile("movq 0(%0), %%rax" ::"r"(0x8000000000000000UL) : "rax");
    });
    CHECK_EQ(WTERMSIG(status), SIGSEGV);
}

ABI_TEST(handler_may_change_where_it_returns) {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t*, void* context) {
        static_cast<ucontext_t*>(context)->uc_mcontext.gregs[REG_RIP] += 2;  // over the ud2
        ++count;
    };
    CHECK_EQ(sigaction(SIGILL, &action, nullptr), 0);
    asm volatile("ud2" ::: "memory");
    CHECK_EQ(count, 1);
}

ABI_TEST(handler_on_another_stack) {
    static char stack[65536];
    stack_t other = {};
    other.ss_sp = stack;
    other.ss_size = sizeof stack;
    CHECK_EQ(sigaltstack(&other, nullptr), 0);
    handle(
        SIGUSR1,
        [](int) {
            char here;
            if (&here >= stack && &here < stack + sizeof stack) ++count;
        },
        SA_ONSTACK);
    raise(SIGUSR1);
    CHECK_EQ(count, 1);
    other.ss_size = 100;
    CHECK_ERRNO(sigaltstack(&other, nullptr), ENOMEM);
}

ABI_TEST(stack_overflow_is_a_signal) {
    const int status = status_of([] {
        volatile char block[4096];
        asm volatile("" : : "r"(block) : "memory");
        // Pushes without end, as a recursion would.
        asm volatile("1: pushq %rax; jmp 1b");
    });
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
}

ABI_TEST(child_signal_and_stop) {
    handle(SIGCHLD, note);
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    int status;
    CHECK_EQ(kill(child, SIGSTOP), 0);
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    while (count < 1) usleep(1000);  // the state may be seen before the signal comes
    CHECK_EQ(kill(child, SIGCONT), 0);
    while (waitpid(child, &status, WCONTINUED) < 0) CHECK_EQ(errno, EINTR);
    CHECK(WIFCONTINUED(status));
    CHECK_EQ(kill(child, SIGTERM), 0);
    while (waitpid(child, &status, 0) < 0) CHECK_EQ(errno, EINTR);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

ABI_TEST(stops_and_continues_are_not_lost) {
    const pid_t child = fork();
    if (child == 0) {
        for (;;) pause();
    }
    int status;
    for (int i = 0; i < 300; ++i) {
        CHECK_EQ(kill(child, SIGSTOP), 0);
        CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
        CHECK(WIFSTOPPED(status));
        CHECK_EQ(kill(child, SIGCONT), 0);
        CHECK_EQ(waitpid(child, &status, WCONTINUED), child);
        CHECK(WIFCONTINUED(status));
    }
    for (int i = 0; i < 300; ++i) {
        CHECK_EQ(kill(child, SIGSTOP), 0);
        if (i % 2 == 0) sched_yield();
        CHECK_EQ(kill(child, SIGCONT), 0);
    }
    // One that was stopped still would not take it.
    CHECK_EQ(kill(child, SIGTERM), 0);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
}

ABI_TEST(ignored_children_leave_no_zombies) {
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 10; ++i) {
        if (fork() == 0) _exit(0);
    }
    CHECK_ERRNO(waitpid(-1, nullptr, 0), ECHILD);
}

ABI_TEST(sender_is_told) {
    struct sigaction action = {};
    action.sa_flags = SA_SIGINFO;
    action.sa_sigaction = [](int, siginfo_t* info, void*) {
        if (info->si_code == SI_USER && info->si_pid == getpid()) ++count;
    };
    CHECK_EQ(sigaction(SIGUSR1, &action, nullptr), 0);
    kill(getpid(), SIGUSR1);
    CHECK_EQ(count, 1);
}
