// Pairs of pseudo-terminals, for tests of them.
#pragma once

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <termios.h>

#include "tests/abi/abi.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

namespace abi {

// Some of these have the sign bit, and ioctl() of musl wants an int.
constexpr int kGetNumber = static_cast<int>(TIOCGPTN);
constexpr int kGetLock = static_cast<int>(_IOR('T', 0x39, int));
constexpr int kGetPacketMode = static_cast<int>(_IOR('T', 0x38, int));
constexpr int kSignalGroup = static_cast<int>(_IOW('T', 0x36, int));

struct Pair {
    int master, slave;
};

/// A pair whose slave is nobody's controlling terminal.
inline Pair open_pair() {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK_EQ(unlockpt(master), 0);
    const int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
    CHECK(slave >= 0);
    return {master, slave};
}

/// What `change` makes of the terminal's settings holds from now on.
template <typename Change>
void change_settings(int fd, Change change) {
    termios settings;
    CHECK_EQ(tcgetattr(fd, &settings), 0);
    change(&settings);
    CHECK_EQ(tcsetattr(fd, TCSANOW, &settings), 0);
}

inline void write_text(int fd, const char* text) {
    CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
}

/// Reads until `text` has come: a slave's output may come in pieces.
inline void expect(int fd, const char* text) {
    char got[256];
    size_t have = 0;
    const size_t wanted = strlen(text);
    while (have < wanted) {
        const ssize_t n = read(fd, got + have, wanted - have);
        if (n <= 0) break;
        have += static_cast<size_t>(n);
    }
    got[have] = 0;
    if (strcmp(got, text) != 0) fail("pty", __LINE__, "read \"%s\", not \"%s\"", got, text);
}

/// What is there within 2 s, though perhaps not at once: on Linux a worker moves it.
inline short poll_for(int fd, short events, int timeout = 2000) {
    pollfd one{fd, events, 0};
    CHECK(poll(&one, 1, timeout) >= 0);
    return one.revents;
}

inline int wait_for(pid_t pid) {
    int status = 0;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    return status;
}

}  // namespace abi
