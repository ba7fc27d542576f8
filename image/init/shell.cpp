// A login shell on the first serial port. The second one tells when the terminal's size changes.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "image/init/child_events.h"
#include "image/init/frame_reader.h"
#include "image/init/system.h"

namespace init {

namespace {

constexpr char kConsole[] = "/dev/ttyS0";

/// Of root, as login(1) would start it: its name begins with '-'.
[[noreturn]] void exec_login_shell() {
    const passwd* root = getpwuid(0);
    const char* shell = root != nullptr && root->pw_shell[0] != '\0' ? root->pw_shell : "/bin/sh";
    setenv("SHELL", shell, 1);
    const char* slash = strrchr(shell, '/');
    char name[64];
    snprintf(name, sizeof name, "-%s", slash != nullptr ? slash + 1 : shell);
    if (root != nullptr && chdir(root->pw_dir) != 0)
        dprintf(2, "init: %s: %s\n", root->pw_dir, strerror(errno));
    char* arguments[] = {name, nullptr};
    execve(shell, arguments, environ);
    dprintf(2, "init: %s: %s\n", shell, strerror(errno));
    _exit(127);
}

/// A session of its own with the console as its terminal, so that Ctrl-C and job control work.
[[noreturn]] void become_shell(const char* size) {
    setsid();
    const int console = open(kConsole, O_RDWR);
    if (console < 0) {
        dprintf(2, "init: %s: %s\n", kConsole, strerror(errno));
        _exit(126);
    }
    if (ioctl(console, TIOCSCTTY, 0) != 0) dprintf(2, "init: TIOCSCTTY: %s\n", strerror(errno));
    winsize window = {};
    if (size != nullptr && sscanf(size, "%hux%hu", &window.ws_row, &window.ws_col) == 2) {
        ioctl(console, TIOCSWINSZ, &window);
    }
    for (int fd = 0; fd < 3; ++fd) dup2(console, fd);
    if (console > 2) close(console);
    exec_login_shell();
}

void resize_console(const unsigned char* payload) {
    winsize window = {};
    window.ws_row = static_cast<unsigned short>(payload[0] | payload[1] << 8);
    window.ws_col = static_cast<unsigned short>(payload[2] | payload[3] << 8);
    const int console = open(kConsole, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (console < 0) return;
    ioctl(console, TIOCSWINSZ, &window);
    close(console);
}

/// Collects what has ended, since everything without a parent is init's. True: the shell has.
bool reap(pid_t shell, int& code) {
    clear_child_events();
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (ended != shell) continue;
        code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
        return true;
    }
    return false;
}

}  // namespace

int run_shell(const char* size, const char* term) {
    if (term != nullptr) setenv("TERM", term, 1);
    if (!watch_children()) return 126;
    const pid_t shell = fork();
    if (shell < 0) {
        dprintf(2, "init: fork: %s\n", strerror(errno));
        return 126;
    }
    if (shell == 0) become_shell(size);
    // Without the port the size stays what it was.
    int port = open_raw(wire::kPort);
    if (port >= 0) write_all(port, wire::kHello, sizeof wire::kHello - 1);
    static FrameReader frames;
    for (;;) {
        pollfd fds[] = {{child_events(), POLLIN, 0}, {port, POLLIN, 0}};
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return 126;
        const auto on_frame = [](wire::Type type, const char* payload, size_t bytes) {
            if (type == wire::Type::kWindow && bytes == 4)
                resize_console(reinterpret_cast<const unsigned char*>(payload));
        };
        if (fds[1].revents != 0 && !frames.read(port, on_frame)) {
            close(port);
            port = -1;
        }
        int code;
        if (fds[0].revents != 0 && reap(shell, code)) return code;
    }
}

}  // namespace init
