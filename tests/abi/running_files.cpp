// Files while they run: who writes to them meanwhile and who runs what is written to (open(2),
// execve(2)), scripts whose interpreters are scripts, and who may see what another process runs
// (ptrace(2)).
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "tests/abi/abi.h"

namespace {

constexpr int kNamesAreRight = 42;

/// A copy of this program, which with `--helper` ends with the number it is given or, with "wait",
/// when its standard input does.
void copy_program(const char* name) {
    const int from = open(abi::program, O_RDONLY);
    const int to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK(from >= 0 && to >= 0);
    char piece[65536];
    for (ssize_t got; (got = read(from, piece, sizeof piece)) > 0;)
        CHECK_EQ(write(to, piece, static_cast<size_t>(got)), got);
    CHECK_EQ(close(from), 0);
    CHECK_EQ(close(to), 0);
}

/// The exit code of executing `path`; -errno if it could not be.
int run(const char* path) {
    const int status = abi::status_of([&] {
        char helper[] = "--helper", code[] = "7";
        char* arguments[] = {const_cast<char*>(path), helper, code, nullptr};
        char* environment[] = {nullptr};
        execve(path, arguments, environment);
        _exit(100 + errno);
    });
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status) >= 100 ? 100 - WEXITSTATUS(status) : WEXITSTATUS(status);
}

/// A process that runs `path` until end() is called.
class Running {
  public:
    explicit Running(const char* path) {
        int input[2], output[2];
        CHECK_EQ(pipe2(input, O_CLOEXEC), 0);
        CHECK_EQ(pipe2(output, O_CLOEXEC), 0);
        pid_ = fork();
        CHECK(pid_ >= 0);
        if (pid_ == 0) {
            dup2(input[0], 0);
            dup2(output[1], 1);
            close(input[1]);
            close(output[0]);
            execl(path, path, "--helper", "wait", nullptr);
            _exit(99);
        }
        close(input[0]);
        close(output[1]);
        end_ = input[1];
        char byte;
        CHECK_EQ(read(output[0], &byte, 1), 1);  // it has begun
        close(output[0]);
    }
    void end() const {
        CHECK_EQ(close(end_), 0);
        int status = 0;
        CHECK_EQ(waitpid(pid_, &status, 0), pid_);
        CHECK_EQ(status, 0);
    }
    [[nodiscard]] pid_t pid() const { return pid_; }

  private:
    pid_t pid_ = 0;
    int end_ = -1;
};

/// "#!interpreter"; `directory` stands before it.
void make_script(const char* name, const char* interpreter, const char* directory = "") {
    char line[2048];
    const int length = snprintf(line, sizeof line, "#!%s%s\n", directory, interpreter);
    const int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    CHECK_EQ(write(fd, line, static_cast<size_t>(length)), length);
    CHECK_EQ(close(fd), 0);
}

volatile sig_atomic_t exceeded = 0;

/// Uses up the processor time that it may, in seconds, or until it is told so.
void use_processor(rlim_t soft, rlim_t hard) {
    const rlimit limit = {soft, hard};
    CHECK_EQ(setrlimit(RLIMIT_CPU, &limit), 0);
    while (exceeded == 0) continue;
}

}  // namespace

int helper_main(int count, char** arguments) {
    if (count <= 2) return 98;
    if (count > 4 && strcmp(arguments[2], "./inner") == 0) {
        const bool right =
            strcmp(arguments[3], "extra") == 0 && strcmp(arguments[4], "./outer") == 0;
        return right ? kNamesAreRight : 96;
    }
    if (strcmp(arguments[2], "wait") != 0) return atoi(arguments[2]);
    char byte = 'x';
    if (write(1, &byte, 1) != 1) return 97;
    return static_cast<int>(read(0, &byte, 1));
}

ABI_TEST(what_is_open_for_writing_does_not_run) {
    copy_program("copy");
    CHECK_EQ(run("./copy"), 7);
    const int fd = open("copy", O_RDWR);
    CHECK_EQ(run("./copy"), -ETXTBSY);
    const int again = dup(fd);
    CHECK_EQ(close(fd), 0);
    CHECK_EQ(run("./copy"), -ETXTBSY);
    CHECK_EQ(close(again), 0);
    CHECK_EQ(run("./copy"), 7);
    const int reader = open("copy", O_RDONLY);
    CHECK_EQ(run("./copy"), 7);
    CHECK_EQ(close(reader), 0);
}

ABI_TEST(scripts_open_for_writing_do_not_run) {
    make_script("script", "./nothing");
    const int fd = open("script", O_WRONLY | O_APPEND);
    CHECK_EQ(run("./script"), -ETXTBSY);
    CHECK_EQ(close(fd), 0);
}

ABI_TEST(what_runs_is_not_written_to) {
    copy_program("copy");
    CHECK_EQ(link("copy", "other_name"), 0);
    const Running running("./copy");
    for (const char* name : {"copy", "other_name"}) {
        CHECK_ERRNO(open(name, O_WRONLY), ETXTBSY);
        CHECK_ERRNO(open(name, O_RDWR | O_APPEND), ETXTBSY);
        CHECK_ERRNO(open(name, O_RDONLY | O_TRUNC), ETXTBSY);
        CHECK_ERRNO(open(name, O_WRONLY | O_CREAT, 0600), ETXTBSY);
        CHECK_ERRNO(truncate(name, 0), ETXTBSY);
    }
    CHECK_EQ(chmod("copy", 0700), 0);
    CHECK_EQ(unlink("other_name"), 0);
    running.end();
    CHECK_EQ(truncate("copy", 1), 0);
}

ABI_TEST(what_two_run_stays_until_both_have_ended) {
    copy_program("copy");
    const Running first("./copy");
    const Running second("./copy");
    first.end();
    CHECK_ERRNO(open("copy", O_WRONLY), ETXTBSY);
    second.end();
    const int fd = open("copy", O_WRONLY);
    CHECK(fd >= 0);
}

ABI_TEST(interpreters_may_be_scripts) {
    copy_program("program");
    char here[128];
    CHECK(getcwd(here, sizeof here - 1) != nullptr);
    strcat(here, "/");
    // Each passes on its own name; the program, "--helper" and what is no number.
    make_script("s1", "program --helper", here);
    CHECK_EQ(run("s1"), 0);
    const char* above = "s1";
    for (const char* name : {"s2", "s3", "s4", "s5"}) {
        make_script(name, above, here);
        above = name;
        CHECK_EQ(run(name), 0);
    }
    make_script("s6", above, here);
    CHECK_EQ(run("s6"), -ELOOP);
    make_script("self", "self", here);
    CHECK_EQ(run("self"), -ELOOP);
}

ABI_TEST(a_script_gets_the_name_of_the_script_above_it) {
    copy_program("program");
    make_script("inner", "./program --helper");
    make_script("outer", "./inner extra");
    CHECK_EQ(run("./outer"), kNamesAreRight);
}

ABI_TEST(who_runs_what_is_not_told_to_everybody) {
    if (geteuid() != 0) return;
    copy_program("copy");
    CHECK_EQ(chmod("copy", 0755), 0);
    const Running running("./copy");
    const auto open_of = [&](const char* name) {
        char path[64];
        snprintf(path, sizeof path, "/proc/%d/%s", running.pid(), name);
        return open(path, O_RDONLY);
    };
    abi::as_nobody([&] {
        char text[4096];
        for (const char* name : {"exe", "cwd", "root"}) {
            snprintf(text, sizeof text, "/proc/%d/%s", running.pid(), name);
            CHECK_ERRNO(readlink(text, text, sizeof text), EACCES);
            CHECK_ERRNO(open_of(name), EACCES);
        }
        CHECK_ERRNO(open_of("environ"), EACCES);
        CHECK_ERRNO(open_of("maps"), EACCES);
        const int fd = open_of("cmdline");
        CHECK(fd >= 0);
        CHECK(readlink("/proc/self/exe", text, sizeof text) > 0);
    });
    running.end();
}

ABI_TEST(RLIMIT_CPU_signals) {
    const int status = abi::status_of([] { use_processor(1, RLIM_INFINITY); });
    CHECK_EQ(status & 0x7f, SIGXCPU);
}

ABI_TEST(RLIMIT_CPU_kills) {
    CHECK_EQ(abi::status_of([] { use_processor(1, 1); }), SIGKILL);
}

ABI_TEST(RLIMIT_CPU_signals_first_and_kills_later) {
    CHECK_EQ(abi::status_of([] {
                 CHECK(signal(SIGXCPU, [](int) { exceeded = 1; }) != SIG_ERR);
                 use_processor(1, 2);
                 if (exceeded == 0) _exit(1);
                 while (exceeded != 0) continue;  // until it is killed
             }),
             SIGKILL);
}

ABI_TEST(a_directory_deeper_than_a_path_is_no_end) {
    char name[251] = {};
    memset(name, 'd', sizeof name - 1);
    for (int i = 0; i < 20; ++i) {
        CHECK_EQ(mkdir(name, 0700), 0);
        CHECK_EQ(chdir(name), 0);
    }
    static char text[16384];
    CHECK_ERRNO(syscall(SYS_getcwd, text, sizeof text), ENAMETOOLONG);
    for (int i = 0; i < 20; ++i) {
        CHECK_EQ(chdir(".."), 0);
        CHECK_EQ(rmdir(name), 0);
    }
}

ABI_TEST(allocation_is_bounded_by_RLIMIT_FSIZE) {
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    const rlimit limit = {8192, 8192};
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
    const int fd = open("file", O_RDWR | O_CREAT, 0600);
    CHECK_EQ(fallocate(fd, 0, 0, 8192), 0);
    CHECK_ERRNO(fallocate(fd, 0, 8191, 2), EFBIG);
    CHECK_ERRNO(fallocate(fd, 0, INT64_MAX, 1), EFBIG);
    struct stat stat;
    CHECK_EQ(fstat(fd, &stat), 0);
    CHECK_EQ(stat.st_size, 8192);
}

ABI_TEST(further_names_count_as_inodes_of_a_tmpfs) {
    if (geteuid() != 0) return;
    CHECK_EQ(mkdir("m", 0700), 0);
    CHECK_EQ(mount("none", "m", "tmpfs", 0, "nr_inodes=4"), 0);
    CHECK_EQ(chdir("m"), 0);
    CHECK_EQ(mknod("a", S_IFREG | 0600, 0), 0);
    CHECK_EQ(link("a", "b"), 0);
    CHECK_EQ(link("a", "c"), 0);
    CHECK_ERRNO(link("a", "d"), ENOSPC);
    CHECK_ERRNO(mkdir("d", 0700), ENOSPC);
    CHECK_EQ(unlink("a"), 0);
    CHECK_EQ(mknod("e", S_IFREG | 0600, 0), 0);
    CHECK_EQ(rename("e", "b"), 0);
    CHECK_EQ(mkdir("d", 0700), 0);
    CHECK_ERRNO(link("c", "f"), ENOSPC);
    CHECK_EQ(chdir(".."), 0);
    CHECK_EQ(umount("m"), 0);
}

ABI_TEST(blocks_are_not_shared_on_a_tmpfs) {
    if (geteuid() != 0) return;
    CHECK_EQ(mkdir("m", 0700), 0);
    CHECK_EQ(mount("none", "m", "tmpfs", 0, nullptr), 0);
    const int from = open("m/from", O_RDWR | O_CREAT, 0600);
    const int to = open("m/to", O_RDWR | O_CREAT, 0600);
    constexpr unsigned long kClone = 0x40049409;  // FICLONE
    CHECK_ERRNO(ioctl(to, kClone, from), EOPNOTSUPP);
    CHECK_ERRNO(ioctl(to, kClone, 99), EBADF);
    CHECK_EQ(close(from), 0);
    CHECK_EQ(close(to), 0);
    CHECK_EQ(umount("m"), 0);
}
