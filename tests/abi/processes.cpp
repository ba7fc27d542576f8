// fork, exec, wait, exit codes, groups and sessions, identities.
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "tests/abi/abi.h"

using abi::make_file;
using abi::status_of;

namespace {

/// Copies the program under test to `name`, at most `size` bytes of it.
void copy_program(const char* name, size_t size, mode_t mode) {
    const int from = open(abi::program, O_RDONLY);
    const int to = open(name, O_WRONLY | O_CREAT, mode);
    CHECK(from >= 0 && to >= 0);
    static char block[65536];
    while (size > 0) {
        const ssize_t got = read(from, block, size < sizeof block ? size : sizeof block);
        if (got <= 0) break;
        CHECK_EQ(write(to, block, static_cast<size_t>(got)), got);
        size -= static_cast<size_t>(got);
    }
    close(from);
    close(to);
}

template <typename... Words>
int exec_status(const char* path, Words... words) {
    return status_of([&] {
        execl(path, path, words..., static_cast<char*>(nullptr));
        _exit(errno == 0 ? 200 : errno);
    });
}

}  // namespace

/// What the tests start by execve: each says by its exit code what it found.
int helper_main(int count, char** arguments) {
    const char* what = count > 2 ? arguments[2] : "";
    if (strcmp(what, "exit") == 0) return atoi(arguments[3]);
    if (strcmp(what, "words") == 0) {
        return count == 6 && strcmp(arguments[3], "") == 0 && strcmp(arguments[4], "a b") == 0 &&
                       strlen(arguments[5]) == 100'000
                   ? 0
                   : 1;
    }
    if (strcmp(what, "environment") == 0) {
        const char* value = getenv("ABI_VALUE");
        return value != nullptr && strcmp(value, "x=y") == 0 && getenv("HOME") == nullptr ? 0 : 1;
    }
    if (strcmp(what, "closed") == 0) return fcntl(atoi(arguments[3]), F_GETFD) == -1 ? 0 : 1;
    if (strcmp(what, "signals") == 0) {
        struct sigaction handled, ignored;
        sigaction(SIGUSR1, nullptr, &handled);
        sigaction(SIGUSR2, nullptr, &ignored);
        sigset_t mask;
        sigprocmask(SIG_BLOCK, nullptr, &mask);
        return handled.sa_handler == SIG_DFL && ignored.sa_handler == SIG_IGN &&
                       sigismember(&mask, SIGHUP) == 1
                   ? 0
                   : 1;
    }
    if (strcmp(what, "wait") == 0) {
        alarm(abi::kSeconds);  // not for ever if nobody ends it
        pause();
    }
    return 98;
}

ABI_TEST(exit_codes) {
    for (const int code : {0, 1, 42, 255}) {
        const int status = status_of([&] { _exit(code); });
        CHECK(WIFEXITED(status));
        CHECK_EQ(WEXITSTATUS(status), code);
    }
    CHECK_EQ(WEXITSTATUS(status_of([] { _exit(0x1ff); })), 255);
}

ABI_TEST(fork_copies_memory_and_shares_offsets) {
    int value = 1;
    const int fd = make_file("file", "abcdef");
    const int status = status_of([&] {
        value = 2;
        char byte;
        CHECK_EQ(read(fd, &byte, 1), 1);
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(value, 1);
    CHECK_EQ(lseek(fd, 0, SEEK_CUR), 1);
}

ABI_TEST(command_line_of_another_process) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        execl(abi::program, "a name", "--helper", "wait", "", "last", static_cast<char*>(nullptr));
        _exit(1);
    }
    // Until execve() it is this program's own.
    char path[64], text[256] = {};
    snprintf(path, sizeof path, "/proc/%d/cmdline", child);
    constexpr char kWanted[] = "a name\0--helper\0wait\0\0last";
    for (int i = 0; i < 1000 && memcmp(text, kWanted, sizeof kWanted) != 0; ++i) {
        usleep(5'000);
        const int fd = open(path, O_RDONLY);
        CHECK(fd >= 0);
        const ssize_t got = read(fd, text, sizeof text);
        close(fd);
        if (memcmp(text, kWanted, sizeof kWanted) == 0) CHECK_EQ(got, sizeof kWanted);
    }
    CHECK_EQ(memcmp(text, kWanted, sizeof kWanted), 0);
    kill(child, SIGKILL);
    siginfo_t info;
    CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    const int fd = open(path, O_RDONLY);  // a zombie has none
    CHECK(fd >= 0);
    CHECK_EQ(read(fd, text, sizeof text), 0);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(process_ids) {
    const pid_t self = getpid();
    CHECK_EQ(syscall(SYS_gettid), self);
    const int status = status_of([&] {
        CHECK_EQ(getppid(), self);
        CHECK(getpid() != self);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(wait_for_any_for_one_and_for_none) {
    CHECK_ERRNO(waitpid(-1, nullptr, 0), ECHILD);
    const pid_t slow = fork();
    if (slow == 0) {
        usleep(100'000);
        _exit(1);
    }
    const pid_t quick = fork();
    if (quick == 0) _exit(2);
    int status;
    CHECK_EQ(waitpid(slow, &status, WNOHANG), 0);
    CHECK_EQ(waitpid(slow, &status, 0), slow);
    CHECK_EQ(WEXITSTATUS(status), 1);
    CHECK_EQ(wait(&status), quick);
    CHECK_EQ(WEXITSTATUS(status), 2);
    CHECK_ERRNO(waitpid(quick, &status, 0), ECHILD);
    CHECK_ERRNO(waitpid(-1, &status, 0x4000), EINVAL);
}

ABI_TEST(waitid_leaves_and_takes) {
    const pid_t child = fork();
    if (child == 0) _exit(7);
    siginfo_t info = {};
    CHECK_EQ(waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    CHECK_EQ(info.si_pid, child);
    CHECK_EQ(info.si_code, CLD_EXITED);
    CHECK_EQ(info.si_status, 7);
    CHECK_EQ(waitid(P_ALL, 0, &info, WEXITED), 0);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, WEXITED), ECHILD);
    CHECK_ERRNO(waitid(P_ALL, 0, &info, 0), EINVAL);
}

ABI_TEST(many_children_at_once) {
    constexpr int kChildren = 100;
    for (int i = 0; i < kChildren; ++i) {
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) _exit(i);
    }
    int sum = 0;
    for (int i = 0; i < kChildren; ++i) {
        int status;
        CHECK(wait(&status) > 0);
        sum += WEXITSTATUS(status);
    }
    CHECK_EQ(sum, kChildren * (kChildren - 1) / 2);
}

ABI_TEST(vfork_runs_the_child_first) {
    volatile int order = 0;
    const pid_t child = vfork();
    if (child == 0) {
        order = 1;
        _exit(3);
    }
    CHECK_EQ(order, 1);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(WEXITSTATUS(status), 3);
}

ABI_TEST(exec_arguments) {
    CHECK_EQ(WEXITSTATUS(exec_status(abi::program, "--helper", "exit", "33")), 33);
    static char big[100'001];
    memset(big, 'b', sizeof big - 1);
    CHECK_EQ(exec_status(abi::program, "--helper", "words", "", "a b", big), 0);
}

ABI_TEST(exec_environment) {
    const int status = status_of([] {
        char program[] = "program", helper[] = "--helper", what[] = "environment";
        char value[] = "ABI_VALUE=x=y";
        char* arguments[] = {program, helper, what, nullptr};
        char* environment[] = {value, nullptr};
        execve(abi::program, arguments, environment);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(exec_closes_what_is_marked) {
    const int marked = open("/dev/null", O_RDONLY | O_CLOEXEC);
    const int open_still = open("/dev/null", O_RDONLY);
    char number[16];
    snprintf(number, sizeof number, "%d", marked);
    CHECK_EQ(exec_status(abi::program, "--helper", "closed", number), 0);
    snprintf(number, sizeof number, "%d", open_still);
    CHECK_EQ(WEXITSTATUS(exec_status(abi::program, "--helper", "closed", number)), 1);
}

ABI_TEST(exec_resets_handlers_and_keeps_mask) {
    signal(SIGUSR1, [](int) {});
    signal(SIGUSR2, SIG_IGN);
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    CHECK_EQ(exec_status(abi::program, "--helper", "signals"), 0);
}

ABI_TEST(exec_errors) {
    CHECK_EQ(WEXITSTATUS(exec_status("missing")), ENOENT);
    CHECK_EQ(WEXITSTATUS(exec_status(".")), EACCES);
    close(make_file("plain", "text\n"));
    CHECK_EQ(WEXITSTATUS(exec_status("./plain")), EACCES);
    CHECK_EQ(WEXITSTATUS(exec_status("plain/below")), ENOTDIR);
    CHECK_EQ(chmod("plain", 0755), 0);
    CHECK_EQ(WEXITSTATUS(exec_status("./plain")), ENOEXEC);
}

ABI_TEST(exec_of_corrupt_elf_files) {
    copy_program("whole", SIZE_MAX, 0755);
    CHECK_EQ(WEXITSTATUS(exec_status("./whole", "--helper", "exit", "5")), 5);
    copy_program("header", 40, 0755);
    CHECK_EQ(WEXITSTATUS(exec_status("./header")), ENOEXEC);
    copy_program("phdrs", 64, 0755);
    const int no_phdrs = WEXITSTATUS(exec_status("./phdrs"));
    CHECK(no_phdrs == ENOEXEC || no_phdrs == EIO);
    copy_program("machine", SIZE_MAX, 0755);
    int fd = open("machine", O_RDWR);
    CHECK_EQ(pwrite(fd, "\x28", 1, 18), 1);  // e_machine: Arm
    close(fd);
    CHECK_EQ(WEXITSTATUS(exec_status("./machine")), ENOEXEC);
    copy_program("cut", 6000, 0755);  // segments beyond its end
    const int status = exec_status("./cut", "--helper", "exit", "5");
    CHECK(WIFSIGNALED(status) || WEXITSTATUS(status) != 5);
    copy_program("kernel", SIZE_MAX, 0755);
    fd = open("kernel", O_RDWR);
    const uint64_t address = 0xffff800000000000;
    CHECK_EQ(pwrite(fd, &address, 8, 64 + 56 + 16), 8);  // p_vaddr of the second segment
    close(fd);
    const int high = exec_status("./kernel", "--helper", "exit", "5");
    CHECK(WIFSIGNALED(high) || WEXITSTATUS(high) != 5);
}

ABI_TEST(exec_of_scripts) {
    char script[512];
    snprintf(script, sizeof script, "#!%s --helper\n", abi::program);
    close(make_file("exit", script));
    CHECK_EQ(chmod("exit", 0755), 0);
    // Becomes: program --helper ./exit 44; the helper knows no "./exit".
    CHECK_EQ(WEXITSTATUS(exec_status("./exit", "44")), 98);
    close(make_file("bad", "#!/nonexistent/interpreter\n"));
    CHECK_EQ(chmod("bad", 0755), 0);
    CHECK_EQ(WEXITSTATUS(exec_status("./bad")), ENOENT);
}

ABI_TEST(groups_and_sessions) {
    CHECK_EQ(getpgrp(), getpid());
    CHECK_EQ(getpgid(0), getpid());
    const int status = status_of([] {
        const pid_t parent_group = getpgrp();
        CHECK_EQ(parent_group, getppid());
        CHECK_EQ(setpgid(0, 0), 0);
        CHECK_EQ(getpgrp(), getpid());
        CHECK_EQ(setpgid(0, parent_group), 0);
        CHECK_EQ(setsid(), getpid());
        CHECK_EQ(getsid(0), getpid());
        CHECK_EQ(getpgrp(), getpid());
        CHECK_ERRNO(setsid(), EPERM);
        CHECK_ERRNO(setpgid(0, 0), EPERM);
    });
    CHECK_EQ(status, 0);
    CHECK_ERRNO(getpgid(4'000'000), ESRCH);
    CHECK_ERRNO(setpgid(4'000'000, 0), ESRCH);
    CHECK_ERRNO(setpgid(0, -1), EINVAL);
}

ABI_TEST(a_subreaper_adopts_orphans) {
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    int is = 0;
    CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &is), 0);
    CHECK_EQ(is, 1);
    CHECK_ERRNO(prctl(PR_GET_CHILD_SUBREAPER, 8), EFAULT);
    const pid_t self = getpid();
    CHECK_EQ(abi::status_of([self] {
                 int inherited = 1;
                 CHECK_EQ(prctl(PR_GET_CHILD_SUBREAPER, &inherited), 0);
                 CHECK_EQ(inherited, 0);
                 const pid_t middle = getpid();
                 if (fork() != 0) _exit(0);
                 while (getppid() == middle) usleep(1000);
                 _exit(getppid() == self ? 7 : 8);
             }),
             0);
    int status = 0;
    CHECK(wait(&status) > 0);
    CHECK_EQ(WEXITSTATUS(status), 7);
}

ABI_TEST(a_signal_at_the_parents_death) {
    CHECK_EQ(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
    sigset_t one;
    sigemptyset(&one);
    sigaddset(&one, SIGUSR1);
    CHECK_EQ(sigprocmask(SIG_BLOCK, &one, nullptr), 0);
    int go[2];
    CHECK_EQ(pipe(go), 0);
    CHECK_EQ(abi::status_of([&] {
                 if (fork() != 0) {
                     char byte;
                     _exit(read(go[0], &byte, 1) == 1 ? 0 : 1);
                 }
                 CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGUSR1), 0);
                 int told = 0;
                 CHECK_EQ(prctl(PR_GET_PDEATHSIG, &told), 0);
                 CHECK_EQ(told, SIGUSR1);
                 CHECK_EQ(abi::status_of([] {
                              int inherited = 1;
                              CHECK_EQ(prctl(PR_GET_PDEATHSIG, &inherited), 0);
                              CHECK_EQ(inherited, 0);
                          }),
                          0);
                 CHECK_EQ(write(go[1], "x", 1), 1);
                 int signal = 0;
                 CHECK_EQ(sigwait(&one, &signal), 0);
                 _exit(signal == SIGUSR1 ? 9 : 10);
             }),
             0);
    int status = 0;
    CHECK(wait(&status) > 0);
    CHECK_EQ(WEXITSTATUS(status), 9);
}

ABI_TEST(orphans_get_a_new_parent) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    pid_t middle = fork();
    if (middle == 0) {
        middle = getpid();
        if (fork() == 0) {
            while (getppid() == middle) usleep(1000);
            (void)!write(ends[1], "x", 1);
        }
        _exit(0);
    }
    CHECK_EQ(waitpid(middle, nullptr, 0), middle);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 1);
}

ABI_TEST(user_and_group_ids) {
    const int status = status_of([] {
        CHECK_EQ(setgid(1234), 0);
        CHECK_EQ(getegid(), 1234);
        CHECK_EQ(setuid(1234), 0);
        CHECK_EQ(getuid(), 1234);
        CHECK_EQ(geteuid(), 1234);
        CHECK_ERRNO(setuid(0), EPERM);
        CHECK_ERRNO(setgid(0), EPERM);
        CHECK_ERRNO(kill(1, 0), EPERM);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(names) {
    utsname name;
    CHECK_EQ(uname(&name), 0);
    CHECK(strcmp(name.machine, "x86_64") == 0);
    CHECK(strlen(name.sysname) > 0 && strlen(name.release) > 0);
    CHECK_EQ(prctl(PR_SET_NAME, "a-name-that-is-too-long"), 0);
    char own[16];
    CHECK_EQ(prctl(PR_GET_NAME, own), 0);
    CHECK(strcmp(own, "a-name-that-is-") == 0);
    CHECK_ERRNO(prctl(99999), EINVAL);
}

ABI_TEST(resource_limits) {
    rlimit limit;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK(limit.rlim_cur <= limit.rlim_max);
    limit.rlim_cur = 10;
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    rlimit again;
    CHECK_EQ(getrlimit(RLIMIT_NOFILE, &again), 0);
    CHECK_EQ(again.rlim_cur, 10);
    CHECK_EQ(again.rlim_max, limit.rlim_max);
    limit.rlim_cur = limit.rlim_max + 1;
    CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit), EINVAL);
    CHECK_ERRNO(getrlimit(99, &limit), EINVAL);
}
