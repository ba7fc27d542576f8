// Unix sockets for tests: names, and sockets in the states that tests begin with.
#pragma once

#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "tests/abi/abi.h"

namespace abi {

struct Name {
    sockaddr_un address = {AF_UNIX, {}};
    socklen_t bytes = 0;

    static Name path(const char* text) {
        Name name;
        strcpy(name.address.sun_path, text);
        name.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + strlen(text) + 1);
        return name;
    }
    static Name abstract(const char* text) {
        Name name;
        const int size = snprintf(name.address.sun_path + 1, 100, "exo-%d-%s", getppid(), text);
        name.bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path)) + 1 +
                     static_cast<socklen_t>(size);
        return name;
    }
    [[nodiscard]] const sockaddr* at() const { return reinterpret_cast<const sockaddr*>(&address); }
    sockaddr* at() { return reinterpret_cast<sockaddr*>(&address); }
};

inline int bound(int type, const Name& name) {
    const int fd = socket(AF_UNIX, type, 0);
    CHECK(fd >= 0);
    CHECK_EQ(bind(fd, name.at(), name.bytes), 0);
    return fd;
}

inline int listening(int type, const Name& name, int backlog = 5) {
    const int fd = bound(type, name);
    CHECK_EQ(listen(fd, backlog), 0);
    return fd;
}

inline int connected(int type, const Name& name) {
    const int fd = socket(AF_UNIX, type, 0);
    CHECK_EQ(connect(fd, name.at(), name.bytes), 0);
    return fd;
}

inline int events_of(int fd) {
    pollfd one = {fd, POLLIN | POLLOUT | POLLRDHUP, 0};
    CHECK(poll(&one, 1, 0) >= 0);
    return one.revents;
}

struct Pair {
    explicit Pair(int type) { CHECK_EQ(socketpair(AF_UNIX, type, 0, ends), 0); }
    int ends[2];
    int operator[](int i) const { return ends[i]; }
};

}  // namespace abi
