// How processes and threads begin, are waited for and leave locks behind: clone and clone3, vfork,
// execveat, wait4 and waitid with their options, robust lists.
#include <sched.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

struct CloneArguments {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_bytes, tls;
    uint64_t set_tid, set_tid_size, cgroup;
};
constexpr size_t kSize0 = 64;

long clone3(const CloneArguments& arguments, size_t size = sizeof(CloneArguments)) {
    return syscall(SYS_clone3, &arguments, size);
}

int status_of_child(pid_t child, int options = 0) {
    int status = -1;
    CHECK_EQ(waitpid(child, &status, options), child);
    return status;
}

}  // namespace

int helper_main(int count, char** arguments) {
    return count > 2 ? atoi(arguments[2]) : 98;
}

ABI_TEST(clone3_makes_a_process) {
    pid_t* shared = static_cast<pid_t*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    pid_t told = 0;
    CloneArguments arguments = {};
    arguments.flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID;
    arguments.exit_signal = SIGCHLD;
    arguments.parent_tid = reinterpret_cast<uint64_t>(&told);
    arguments.child_tid = reinterpret_cast<uint64_t>(shared);
    const long child = clone3(arguments);
    if (child == 0) _exit(*shared == getpid() ? 5 : 6);
    CHECK(child > 0);
    CHECK_EQ(told, child);
    CHECK_EQ(WEXITSTATUS(status_of_child(static_cast<pid_t>(child))), 5);
}

ABI_TEST(clone3_of_the_first_size) {
    CloneArguments arguments = {};
    arguments.exit_signal = SIGCHLD;
    const long child = clone3(arguments, kSize0);
    if (child == 0) _exit(3);
    CHECK_EQ(WEXITSTATUS(status_of_child(static_cast<pid_t>(child))), 3);
}

ABI_TEST(clone3_errors) {
    CloneArguments arguments = {};
    CHECK_ERRNO(clone3(arguments, kSize0 - 8), EINVAL);
    CHECK_ERRNO(clone3(arguments, 8192), E2BIG);
    struct {
        CloneArguments known;
        uint64_t beyond;
    } larger = {{}, 1};
    CHECK_ERRNO(syscall(SYS_clone3, &larger, sizeof larger), E2BIG);
    arguments.exit_signal = 65;
    CHECK_ERRNO(clone3(arguments), EINVAL);
    arguments = {};
    arguments.flags = CLONE_THREAD;
    CHECK_ERRNO(clone3(arguments), EINVAL);
    arguments.flags = CLONE_SIGHAND;
    CHECK_ERRNO(clone3(arguments), EINVAL);
    arguments = {};
    arguments.stack = 0x1000;  // without a size
    CHECK_ERRNO(clone3(arguments), EINVAL);
    arguments = {};
    arguments.flags = SIGCHLD;  // belongs into exit_signal here
    CHECK_ERRNO(clone3(arguments), EINVAL);
}

ABI_TEST(clone_shares_files_and_places) {
    const long child = syscall(SYS_clone, CLONE_FILES | CLONE_FS | SIGCHLD, 0L, 0L, 0L, 0L);
    if (child == 0) {
        if (dup2(1, 77) != 77) _exit(1);
        umask(0123);
        _exit(0);
    }
    CHECK_EQ(status_of_child(static_cast<pid_t>(child)), 0);
    CHECK_EQ(fcntl(77, F_GETFD), 0);
    CHECK_EQ(umask(0), 0123);
}

ABI_TEST(clone_errors) {
    CHECK_ERRNO(syscall(SYS_clone, CLONE_SIGHAND, 0L, 0L, 0L, 0L), EINVAL);
    CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | CLONE_VM, 0L, 0L, 0L, 0L), EINVAL);
}

ABI_TEST(clone_children_need_wall) {
    const long child = syscall(SYS_clone, 0L, 0L, 0L, 0L, 0L);  // no signal at its end
    if (child == 0) _exit(4);
    CHECK_ERRNO(waitpid(static_cast<pid_t>(child), nullptr, 0), ECHILD);
    CHECK_EQ(WEXITSTATUS(status_of_child(static_cast<pid_t>(child), __WALL)), 4);
}

ABI_TEST(vfork_shares_memory_until_exec) {
    volatile int seen = 0;
    const pid_t child = vfork();
    if (child == 0) {
        seen = 1;
        execl(abi::program, abi::program, "--helper", "7", static_cast<char*>(nullptr));
        _exit(1);
    }
    CHECK_EQ(seen, 1);
    CHECK_EQ(WEXITSTATUS(status_of_child(child)), 7);
}

ABI_TEST(execveat_of_a_descriptor) {
    char* words[] = {const_cast<char*>("x"), const_cast<char*>("--helper"), const_cast<char*>("9"),
                     nullptr};
    const int status = abi::status_of([&] {
        const int fd = open(abi::program, O_PATH);
        syscall(SYS_execveat, fd, "", words, environ, AT_EMPTY_PATH);
    });
    CHECK_EQ(WEXITSTATUS(status), 9);
}

ABI_TEST(execveat_below_a_descriptor) {
    char* words[] = {const_cast<char*>("x"), const_cast<char*>("--helper"), const_cast<char*>("8"),
                     nullptr};
    char path[512];
    snprintf(path, sizeof path, "%s", abi::program);
    char* const slash = strrchr(path, '/');
    *slash = '\0';
    const int status = abi::status_of([&] {
        const int fd = open(path, O_RDONLY | O_DIRECTORY);
        syscall(SYS_execveat, fd, slash + 1, words, environ, 0);
    });
    CHECK_EQ(WEXITSTATUS(status), 8);
}

ABI_TEST(execveat_errors) {
    char* words[] = {const_cast<char*>("x"), nullptr};
    const int fd = make_file("file", "no program");
    CHECK_EQ(symlink(abi::program, "link"), 0);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "file", words, environ, 0), EACCES);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "none", words, environ, 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "", words, environ, 0), ENOENT);
    CHECK_ERRNO(syscall(SYS_execveat, fd, "x", words, environ, 0), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_execveat, 99, "x", words, environ, 0), EBADF);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "link", words, environ, AT_SYMLINK_NOFOLLOW),
                ELOOP);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, "link", words, environ, 1), EINVAL);
    CHECK_ERRNO(syscall(SYS_execveat, AT_FDCWD, ".", words, environ, 0), EACCES);
}

ABI_TEST(wait4_options) {
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        _exit(6);
    }
    int status = 0;
    CHECK_EQ(syscall(SYS_wait4, child, &status, WUNTRACED, nullptr), child);
    CHECK(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP);
    CHECK_EQ(syscall(SYS_wait4, child, &status, WNOHANG | WUNTRACED, nullptr), 0);  // told once
    CHECK_EQ(kill(child, SIGCONT), 0);
    rusage use = {};
    use.ru_maxrss = -1;
    CHECK_EQ(syscall(SYS_wait4, -1, &status, __WALL, &use), child);
    CHECK_EQ(WEXITSTATUS(status), 6);
    CHECK(use.ru_maxrss >= 0);
    CHECK_ERRNO(syscall(SYS_wait4, -1, &status, 0, nullptr), ECHILD);
    CHECK_ERRNO(syscall(SYS_wait4, -1, &status, 0x100, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_wait4, INT32_MIN, &status, 0, nullptr), ESRCH);
}

ABI_TEST(wait4_of_groups) {
    const pid_t child = fork();
    if (child == 0) {
        setpgid(0, 0);
        _exit(1);
    }
    setpgid(child, child);
    int status;
    CHECK_ERRNO(syscall(SYS_wait4, 0, &status, 0, nullptr), ECHILD);  // none in the own group
    CHECK_EQ(syscall(SYS_wait4, -child, &status, 0, nullptr), child);
}

ABI_TEST(waitid_tells_what_happened) {
    const pid_t child = fork();
    if (child == 0) {
        raise(SIGSTOP);
        for (;;) pause();
    }
    siginfo_t info = {};
    CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WSTOPPED), 0);
    CHECK(info.si_code == CLD_STOPPED && info.si_status == SIGSTOP && info.si_pid == child);
    CHECK_EQ(kill(child, SIGCONT), 0);
    CHECK_EQ(waitid(P_ALL, 0, &info, WCONTINUED), 0);
    CHECK(info.si_code == CLD_CONTINUED && info.si_status == SIGCONT);
    CHECK_EQ(kill(child, SIGTERM), 0);
    CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED), 0);
    CHECK(info.si_code == CLD_KILLED && info.si_status == SIGTERM && info.si_signo == SIGCHLD);
    info.si_pid = 77;
    CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
}

ABI_TEST(waitid_errors) {
    siginfo_t info;
    CHECK_ERRNO(syscall(SYS_waitid, P_ALL, 0, &info, 0, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_waitid, P_ALL, 0, &info, WEXITED | 0x100, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_waitid, 99, 0, &info, WEXITED, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_waitid, P_PID, 0, &info, WEXITED, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_waitid, P_PGID, -5, &info, WEXITED, nullptr), EINVAL);
    CHECK_ERRNO(syscall(SYS_waitid, P_PID, getpid(), &info, WEXITED, nullptr), ECHILD);
}

// A robust list tells whom a dead thread's locks belonged to (get_robust_list(2)).
ABI_TEST(robust_locks_of_the_dead_are_marked) {
    struct Lock {
        Lock* next;
        uint32_t word;
    };
    struct Head {
        Lock* first;
        long offset;
        Lock* pending;
    };
    struct Shared {
        Head head;
        Lock lock;
    };
    Shared* shared = static_cast<Shared*>(
        mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const int status = abi::status_of([=] {
        shared->lock = {reinterpret_cast<Lock*>(&shared->head),
                        static_cast<uint32_t>(gettid()) | 0x80000000};
        shared->head = {&shared->lock, offsetof(Lock, word), nullptr};
        CHECK_EQ(syscall(SYS_set_robust_list, &shared->head, sizeof(Head)), 0);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(shared->lock.word, 0x80000000u | 0x40000000u);  // waiters, and its owner died
}

ABI_TEST(robust_list_errors_and_circles) {
    long head[3] = {};
    CHECK_ERRNO(syscall(SYS_set_robust_list, head, 8), EINVAL);
    const int status = abi::status_of([] {  // a list that never comes back to its head
        static long circle[3];
        static long node[2];
        node[0] = reinterpret_cast<long>(node);
        circle[0] = reinterpret_cast<long>(node);
        CHECK_EQ(syscall(SYS_set_robust_list, circle, sizeof circle), 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(robust_list_is_told) {
    static long head[3];
    void* told = nullptr;
    size_t bytes = 0;
    CHECK_EQ(syscall(SYS_set_robust_list, head, sizeof head), 0);
    CHECK_EQ(syscall(SYS_get_robust_list, 0, &told, &bytes), 0);
    CHECK(told == head && bytes == sizeof head);
    CHECK_EQ(syscall(SYS_get_robust_list, gettid(), &told, &bytes), 0);
}

ABI_TEST(robust_list_of_nobody) {
    void* told = nullptr;
    size_t bytes = 0;
    CHECK_ERRNO(syscall(SYS_get_robust_list, 0x7fffffff, &told, &bytes), ESRCH);
    CHECK_ERRNO(syscall(SYS_get_robust_list, 0, nullptr, &bytes), EFAULT);
    CHECK_ERRNO(syscall(SYS_get_robust_list, 0, &told, nullptr), EFAULT);
}

ABI_TEST(thread_id_is_cleared_at_the_end) {
    CHECK_EQ(syscall(SYS_set_tid_address, nullptr), gettid());
    static volatile int tid = 77;
    static char stack[16384];
    const int child = clone([](void*) { return 0; }, stack + sizeof stack,
                            CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, nullptr, nullptr, nullptr,
                            const_cast<int*>(&tid));
    CHECK(child > 0);
    CHECK_EQ(status_of_child(child), 0);
    CHECK_EQ(tid, 0);
}

ABI_TEST(sessions_are_inherited_and_left) {
    const pid_t session = getsid(0);
    const int status = abi::status_of([=] {
        CHECK_EQ(getsid(0), session);
        CHECK_EQ(setsid(), getpid());
        CHECK_EQ(getsid(0), getpid());
        CHECK_ERRNO(setpgid(getppid(), 0), ESRCH);
    });
    CHECK_EQ(status, 0);
}
