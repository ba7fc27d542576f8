#include "tests/abi/abi.h"

#include <dirent.h>
#include <stdarg.h>

#include "tests/abi/call_counts.h"

extern const abi::Test __start_abi_tests[], __stop_abi_tests[];

namespace abi {

const char* program;

namespace {

const char* running;

void remove_tree(const char* path) {
    DIR* directory = opendir(path);
    if (directory != nullptr) {
        while (const dirent* entry = readdir(directory)) {
            if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
            char inner[512];
            snprintf(inner, sizeof inner, "%s/%s", path, entry->d_name);
            struct stat about;
            if (lstat(inner, &about) == 0 && S_ISDIR(about.st_mode)) {
                remove_tree(inner);
            } else {
                unlink(inner);
            }
        }
        closedir(directory);
    }
    rmdir(path);
}

void nothing() {}

[[noreturn]] void run_child(const Test& test, const char* directory) {
    setpgid(0, 0);
    // A test begins with all signals at their defaults, whatever whoever started it ignores
    // (nohup).
    for (int number = 1; number < NSIG; ++number) signal(number, SIG_DFL);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    if (chdir(directory) != 0) fail("abi.cpp", __LINE__, "chdir: %s", strerror(errno));
    test.run();
    fflush(stdout);
    _exit(0);
}

/// What the harness itself calls for each test, in Exo-OS.
abi::CallCounts own_calls;

/// False: it failed; the child, or this, has said why.
bool run(const Test& test) {
    // On a tmpfs, as the guest's /tmp is, so that both machines' files have the same limits.
    char directory[32];
    snprintf(directory, sizeof directory, "%s/abi-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(directory) == nullptr) {
        printf("FAIL %s mkdtemp: %s\n", test.name, strerror(errno));
        return false;
    }
    running = test.name;
    fflush(stdout);
    abi::CallCounts before, after;
    before.read();
    const pid_t child = fork();
    if (child == 0) run_child(test, directory);
    int status = 0;
    alarm(kSeconds);
    const pid_t ended = child > 0 ? waitpid(child, &status, 0) : -1;
    const int error = errno;
    alarm(0);
    after.read();
    bool passed = false;
    if (ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        if (test.run != nothing) printf("ok %s\n", test.name);
        passed = true;
    } else if (ended == -1 && error == EINTR) {
        printf("FAIL %s hung for %u s\n", test.name, kSeconds);
    } else if (ended == -1) {
        printf("FAIL %s fork or wait: %s\n", test.name, strerror(error));
    } else if (WIFSIGNALED(status)) {
        printf("FAIL %s ended by signal %d\n", test.name, WTERMSIG(status));
    }
    if (test.run == nothing) own_calls = after.since(before);
    if (passed && test.run != nothing) after.since(before).print(test.name, own_calls);
    fflush(stdout);
    if (child > 0) {
        kill(-child, SIGKILL);  // whatever the test left behind
        if (ended != child) waitpid(child, &status, 0);
    }
    remove_tree(directory);
    return passed;
}

}  // namespace

/// Runs a test of nothing, to know what the harness calls. Needed only where calls are counted.
void learn_own_calls() {
    if (access(CallCounts::kPath, R_OK) == 0) run({"nothing", nothing});
}

void fail(const char* file, int line, const char* format, ...) {
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    char message[640];
    const int size =
        snprintf(message, sizeof message, "FAIL %s %s:%d %s\n", running, file, line, text);
    [[maybe_unused]] const ssize_t done = write(1, message, static_cast<size_t>(size));
    _exit(1);
}

int make_file(const char* name, const char* content) {
    const int fd = open(name, O_RDWR | O_CREAT | O_TRUNC, 0644);
    if (fd < 0) fail("abi.cpp", __LINE__, "open %s: %s", name, strerror(errno));
    const size_t size = strlen(content);
    if (write(fd, content, size) != static_cast<ssize_t>(size)) {
        fail("abi.cpp", __LINE__, "write %s: %s", name, strerror(errno));
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}

}  // namespace abi

/// With arguments other than a test's name: a part that a test started by execve(2).
[[gnu::weak]] int helper_main(int, char**) {
    return 99;
}

int main(int count, char** arguments) {
    if (count > 1 && strcmp(arguments[1], "--helper") == 0) return helper_main(count, arguments);
    static char path[1024];
    abi::program = realpath(arguments[0], path);
    struct sigaction action = {};
    action.sa_handler = [](int) {};  // no SA_RESTART: ends the wait for a test that hangs
    sigaction(SIGALRM, &action, nullptr);
    abi::learn_own_calls();
    int failed = 0;
    for (const abi::Test* test = __start_abi_tests; test != __stop_abi_tests; ++test) {
        if (count > 1 && strcmp(arguments[1], test->name) != 0) continue;
        if (!abi::run(*test)) ++failed;
    }
    return failed == 0 ? 0 : 1;
}
