// Unix sockets (unix(7)): names, connections, states, errors, and waiting for them. What moves
// is in socket_data.cpp, what moves beside it in socket_messages.cpp.
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>

#include "tests/abi/unix_socket.h"

using abi::bound;
using abi::connected;
using abi::events_of;
using abi::listening;
using abi::Name;
using abi::Pair;

namespace {

/// The call itself: musl tries again without flags that are refused.
int raw_accept4(int fd, int flags) {
    return static_cast<int>(syscall(SYS_accept4, fd, nullptr, nullptr, flags));
}

}  // namespace

ABI_TEST(a_pair_of_each_kind_talks_both_ways) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair(type | SOCK_CLOEXEC);
        CHECK_EQ(fcntl(pair[0], F_GETFD), FD_CLOEXEC);
        CHECK_EQ(fcntl(pair[0], F_GETFL), O_RDWR);
        char buffer[16] = {};
        CHECK_EQ(write(pair[0], "there", 5), 5);
        CHECK_EQ(read(pair[1], buffer, sizeof buffer), 5);
        CHECK(memcmp(buffer, "there", 5) == 0);
        CHECK_EQ(send(pair[1], "back", 4, 0), 4);
        CHECK_EQ(recv(pair[0], buffer, sizeof buffer, 0), 4);
        CHECK(memcmp(buffer, "back", 4) == 0);
        int told = 0;
        socklen_t bytes = sizeof told;
        CHECK_EQ(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &told, &bytes), 0);
        CHECK_EQ(told, type);
        CHECK_EQ(getsockopt(pair[0], SOL_SOCKET, SO_DOMAIN, &told, &bytes), 0);
        CHECK_EQ(told, AF_UNIX);
        struct stat stat;
        CHECK_EQ(fstat(pair[0], &stat), 0);
        CHECK_EQ(stat.st_mode, S_IFSOCK | 0777);
        CHECK_ERRNO(lseek(pair[0], 0, SEEK_SET), ESPIPE);
        CHECK_ERRNO(pread(pair[0], buffer, 1, 0), ESPIPE);
    }
}

ABI_TEST(what_there_is_no_socket_of) {
    int ends[2];
    CHECK_ERRNO(socket(AF_UNIX, 77, 0), EINVAL);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_RDM, 0), ESOCKTNOSUPPORT);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM | 0x10, 0), EINVAL);
    CHECK_ERRNO(socket(AF_UNIX, SOCK_STREAM, 7), EPROTONOSUPPORT);
    CHECK_ERRNO(socket(999, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERRNO(socketpair(999, SOCK_STREAM, 0, ends), EAFNOSUPPORT);
    CHECK_ERRNO(socketpair(AF_UNIX, SOCK_STREAM, 0, nullptr), EFAULT);
    CHECK_ERRNO(send(1, "x", 1, 0), ENOTSOCK);
    CHECK_ERRNO(listen(-1, 1), EBADF);
    char byte;
    CHECK_ERRNO(recv(99, &byte, 1, 0), EBADF);
}

ABI_TEST(a_path_is_bound_listened_on_and_connected_to) {
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        const Name name = Name::path(type == SOCK_STREAM ? "stream" : "packets");
        const int listener = listening(type, name);
        struct stat stat;
        CHECK_EQ(lstat(name.address.sun_path, &stat), 0);
        CHECK(S_ISSOCK(stat.st_mode));
        CHECK_EQ(events_of(listener), 0);
        const int client = connected(type, name);
        CHECK_EQ(events_of(listener), POLLIN);
        CHECK_EQ(write(client, "early", 5), 5);
        Name peer;
        peer.bytes = sizeof peer.address;
        const int server = accept4(listener, peer.at(), &peer.bytes, SOCK_CLOEXEC | SOCK_NONBLOCK);
        CHECK(server >= 0);
        CHECK_EQ(peer.bytes, 2);
        CHECK_EQ(peer.address.sun_family, AF_UNIX);
        CHECK_EQ(fcntl(server, F_GETFL), O_RDWR | O_NONBLOCK);
        char buffer[8];
        CHECK_EQ(read(server, buffer, sizeof buffer), 5);
        CHECK_ERRNO(read(server, buffer, sizeof buffer), EAGAIN);
        CHECK_EQ(write(server, "late", 4), 4);
        CHECK_EQ(read(client, buffer, sizeof buffer), 4);
        Name told;
        told.bytes = sizeof told.address;
        CHECK_EQ(getsockname(server, told.at(), &told.bytes), 0);
        CHECK_EQ(told.bytes, name.bytes);
        CHECK(strcmp(told.address.sun_path, name.address.sun_path) == 0);
        told = {};
        told.bytes = 4;
        CHECK_EQ(getpeername(client, told.at(), &told.bytes), 0);
        CHECK_EQ(told.bytes, name.bytes);
        CHECK_EQ(told.address.sun_path[1], name.address.sun_path[1]);
        CHECK_EQ(told.address.sun_path[2], 0);
        int listens = 0;
        socklen_t bytes = sizeof listens;
        CHECK_EQ(getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &listens, &bytes), 0);
        CHECK_EQ(listens, 1);
        close(listener);
        CHECK_ERRNO(connect(socket(AF_UNIX, type, 0), name.at(), name.bytes), ECONNREFUSED);
        CHECK_ERRNO(bind(socket(AF_UNIX, type, 0), name.at(), name.bytes), EADDRINUSE);
        CHECK_EQ(unlink(name.address.sun_path), 0);
        CHECK_ERRNO(connect(socket(AF_UNIX, type, 0), name.at(), name.bytes), ENOENT);
    }
}

ABI_TEST(abstract_names_live_with_their_socket) {
    const Name name = Name::abstract("a");
    const int listener = listening(SOCK_STREAM, name);
    CHECK_ERRNO(bind(socket(AF_UNIX, SOCK_STREAM, 0), name.at(), name.bytes), EADDRINUSE);
    const int client = connected(SOCK_STREAM, name);
    Name told;
    told.bytes = sizeof told.address;
    CHECK_EQ(getpeername(client, told.at(), &told.bytes), 0);
    CHECK_EQ(told.bytes, name.bytes);
    CHECK(memcmp(&told.address, &name.address, name.bytes) == 0);
    close(listener);
    CHECK_ERRNO(connect(socket(AF_UNIX, SOCK_STREAM, 0), name.at(), name.bytes), ECONNREFUSED);
    close(bound(SOCK_DGRAM, name));
    Name longer = name;
    ++longer.bytes;  // a NUL more is another name
    const int first = bound(SOCK_STREAM, name), second = bound(SOCK_STREAM, longer);
    CHECK(first != second);
}

ABI_TEST(autobind_gives_names_that_nobody_has) {
    Name family;
    family.bytes = sizeof(sa_family_t);
    const int first = bound(SOCK_DGRAM, family), second = bound(SOCK_DGRAM, family);
    Name one, two;
    one.bytes = two.bytes = sizeof one.address;
    CHECK_EQ(getsockname(first, one.at(), &one.bytes), 0);
    CHECK_EQ(getsockname(second, two.at(), &two.bytes), 0);
    CHECK_EQ(one.bytes, 8);
    CHECK_EQ(one.address.sun_path[0], 0);
    CHECK(memcmp(&one.address, &two.address, one.bytes) != 0);
    CHECK_EQ(bind(first, family.at(), family.bytes), 0);
    CHECK_ERRNO(bind(first, Name::path("x").at(), Name::path("x").bytes), EINVAL);
    CHECK_EQ(sendto(first, "hi", 2, 0, two.at(), two.bytes), 2);
    Name from;
    from.bytes = sizeof from.address;
    char buffer[4];
    CHECK_EQ(recvfrom(second, buffer, sizeof buffer, 0, from.at(), &from.bytes), 2);
    CHECK_EQ(from.bytes, one.bytes);
    CHECK(memcmp(&from.address, &one.address, one.bytes) == 0);
}

ABI_TEST(names_that_cannot_be_bound) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    Name name = Name::path("x");
    CHECK_ERRNO(bind(fd, name.at(), 1), EINVAL);
    CHECK_ERRNO(bind(fd, name.at(), sizeof name.address + 1), EINVAL);
    CHECK_ERRNO(bind(fd, nullptr, name.bytes), EFAULT);
    name.address.sun_family = AF_INET;
    CHECK_ERRNO(bind(fd, name.at(), name.bytes), EINVAL);
    CHECK_ERRNO(connect(fd, name.at(), name.bytes), EINVAL);
    const Name missing = Name::path("nowhere/x");
    CHECK_ERRNO(bind(fd, missing.at(), missing.bytes), ENOENT);
    const Name file = Name::path("file");
    close(abi::make_file("file", "text"));
    CHECK_ERRNO(bind(fd, file.at(), file.bytes), EADDRINUSE);
    CHECK_ERRNO(connect(fd, file.at(), file.bytes), ECONNREFUSED);
    CHECK_ERRNO(listen(fd, 1), EINVAL);
}

ABI_TEST(a_full_path_is_told_with_its_end) {
    Name name;
    memset(name.address.sun_path, 'p', sizeof name.address.sun_path);
    name.bytes = sizeof name.address;
    const int fd = bound(SOCK_STREAM, name);
    struct {
        sockaddr_un address;
        char rest[8];
    } told = {};
    socklen_t bytes = sizeof told;
    CHECK_EQ(getsockname(fd, reinterpret_cast<sockaddr*>(&told), &bytes), 0);
    CHECK_EQ(bytes, sizeof name.address + 1);
    CHECK_EQ(told.address.sun_path[107], 'p');
}

ABI_TEST(a_full_backlog_is_eagain_or_waits) {
    const Name name = Name::path("s");
    const int listener = listening(SOCK_STREAM, name, 1);
    const int first = connected(SOCK_STREAM, name), second = connected(SOCK_STREAM, name);
    const int third = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_ERRNO(connect(third, name.at(), name.bytes), EAGAIN);
    const int status = abi::status_of([&] {
        const pid_t child = fork();
        if (child == 0) {
            const int fd = connected(SOCK_STREAM, name);
            _exit(write(fd, "x", 1) == 1 ? 0 : 1);
        }
        usleep(50000);
        CHECK(accept(listener, nullptr, nullptr) >= 0);
        int ended;
        CHECK_EQ(waitpid(child, &ended, 0), child);
        CHECK_EQ(ended, 0);
    });
    CHECK_EQ(status, 0);
    close(first);
    close(second);
}

ABI_TEST(who_is_not_connected_is_told_so) {
    const Name name = Name::path("s");
    const int stream = socket(AF_UNIX, SOCK_STREAM, 0),
              packets = socket(AF_UNIX, SOCK_SEQPACKET, 0);
    const int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
    char byte;
    CHECK_ERRNO(send(stream, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(send(packets, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(send(datagrams, "x", 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(stream, &byte, 1, 0), EINVAL);
    CHECK_ERRNO(recv(packets, &byte, 1, 0), ENOTCONN);
    CHECK_ERRNO(recv(datagrams, &byte, 1, MSG_DONTWAIT), EAGAIN);
    Name peer;
    peer.bytes = sizeof peer.address;
    CHECK_ERRNO(getpeername(stream, peer.at(), &peer.bytes), ENOTCONN);
    CHECK_ERRNO(accept(stream, nullptr, nullptr), EINVAL);
    CHECK_ERRNO(accept(datagrams, nullptr, nullptr), EOPNOTSUPP);
    CHECK_EQ(events_of(stream), POLLOUT | POLLHUP);
    CHECK_EQ(events_of(packets), POLLOUT | POLLHUP);
    CHECK_EQ(events_of(datagrams), POLLOUT);
    CHECK_ERRNO(sendto(stream, "x", 1, 0, name.at(), name.bytes), EOPNOTSUPP);
    const int listener = listening(SOCK_STREAM, name);
    CHECK_ERRNO(connect(packets, name.at(), name.bytes), EPROTOTYPE);
    CHECK_ERRNO(connect(datagrams, name.at(), name.bytes), EPROTOTYPE);
    CHECK_ERRNO(sendto(datagrams, "x", 1, 0, name.at(), name.bytes), EPROTOTYPE);
    CHECK_EQ(connect(stream, name.at(), name.bytes), 0);
    CHECK_ERRNO(connect(stream, name.at(), name.bytes), EISCONN);
    CHECK_ERRNO(sendto(stream, "x", 1, 0, name.at(), name.bytes), EISCONN);
    CHECK_ERRNO(listen(stream, 1), EINVAL);
    CHECK_ERRNO(connect(listener, name.at(), name.bytes), EINVAL);
    CHECK_ERRNO(listen(bound(SOCK_DGRAM, Name::path("d")), 1), EOPNOTSUPP);
}

ABI_TEST(a_side_that_closed_is_an_end_and_a_broken_pipe) {
    signal(SIGPIPE, SIG_IGN);
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        const Pair pair(type);
        CHECK_EQ(write(pair[1], "last", 4), 4);
        close(pair[1]);
        CHECK_EQ(events_of(pair[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
        char buffer[8];
        CHECK_EQ(read(pair[0], buffer, sizeof buffer), 4);
        CHECK_EQ(read(pair[0], buffer, sizeof buffer), 0);
        CHECK_ERRNO(write(pair[0], "x", 1), EPIPE);
    }
    const Pair pair(SOCK_DGRAM);
    close(pair[1]);
    CHECK_ERRNO(write(pair[0], "x", 1), ECONNREFUSED);
}

ABI_TEST(sigpipe_comes_of_streams_unless_it_is_not_wanted) {
    const auto sends = [](int type, int flags) {
        return abi::status_of([&] {
            const Pair pair(type);
            close(pair[1]);
            CHECK_ERRNO(send(pair[0], "x", 1, flags), EPIPE);
        });
    };
    CHECK_EQ(sends(SOCK_STREAM, 0), SIGPIPE);
    CHECK_EQ(sends(SOCK_STREAM, MSG_NOSIGNAL), 0);
    CHECK_EQ(sends(SOCK_SEQPACKET, 0), 0);
    CHECK_EQ(abi::status_of([] {
                 const Pair pair(SOCK_STREAM);
                 close(pair[1]);
                 write(pair[0], "x", 1);
             }),
             SIGPIPE);
}

ABI_TEST(what_was_not_read_resets_the_connection) {
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        const Pair pair(type);
        CHECK_EQ(write(pair[0], "unread", 6), 6);
        close(pair[1]);
        char byte;
        CHECK_EQ(events_of(pair[0]) & POLLERR, POLLERR);
        CHECK_ERRNO(read(pair[0], &byte, 1), ECONNRESET);
        CHECK_EQ(read(pair[0], &byte, 1), 0);
        const Pair other(type);
        CHECK_EQ(write(other[0], "unread", 6), 6);
        close(other[1]);
        int error = 0;
        socklen_t bytes = sizeof error;
        CHECK_EQ(getsockopt(other[0], SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
        CHECK_EQ(error, ECONNRESET);
        CHECK_EQ(getsockopt(other[0], SOL_SOCKET, SO_ERROR, &error, &bytes), 0);
        CHECK_EQ(error, 0);
    }
    const Name name = Name::path("s");
    const int listener = listening(SOCK_STREAM, name);
    const int client = connected(SOCK_STREAM, name);
    close(listener);
    char byte;
    CHECK_ERRNO(read(client, &byte, 1), ECONNRESET);
}

ABI_TEST(a_side_can_be_shut) {
    signal(SIGPIPE, SIG_IGN);
    for (const int type : {SOCK_STREAM, SOCK_SEQPACKET}) {
        char buffer[8];
        const Pair pair(type);
        CHECK_EQ(write(pair[0], "last", 4), 4);
        CHECK_EQ(shutdown(pair[0], SHUT_WR), 0);
        CHECK_ERRNO(write(pair[0], "x", 1), EPIPE);
        CHECK_EQ(events_of(pair[0]), POLLOUT);
        CHECK_EQ(events_of(pair[1]), POLLIN | POLLOUT | POLLRDHUP);
        CHECK_EQ(read(pair[1], buffer, 8), 4);
        CHECK_EQ(read(pair[1], buffer, 8), 0);
        CHECK_EQ(write(pair[1], "back", 4), 4);
        CHECK_EQ(read(pair[0], buffer, 8), 4);
        CHECK_EQ(shutdown(pair[0], SHUT_RD), 0);
        CHECK_ERRNO(write(pair[1], "x", 1), EPIPE);
        CHECK_EQ(read(pair[0], buffer, 8), 0);
        CHECK_EQ(events_of(pair[0]), POLLIN | POLLOUT | POLLHUP | POLLRDHUP);
        CHECK_ERRNO(shutdown(pair[0], 3), EINVAL);
    }
    CHECK_ERRNO(shutdown(1, SHUT_RD), ENOTSOCK);
    const Pair datagrams(SOCK_DGRAM);
    CHECK_EQ(shutdown(datagrams[1], SHUT_RD), 0);
    CHECK_ERRNO(write(datagrams[0], "x", 1), EPIPE);
    CHECK_EQ(shutdown(socket(AF_UNIX, SOCK_STREAM, 0), SHUT_RDWR), 0);
}

ABI_TEST(who_waits_is_woken_by_a_shut_side) {
    const Pair pair(SOCK_STREAM);
    const int status = abi::status_of([&] {
        const pid_t child = fork();
        if (child == 0) {
            char byte;
            _exit(read(pair[0], &byte, 1) == 0 ? 0 : 1);
        }
        usleep(50000);
        CHECK_EQ(shutdown(pair[0], SHUT_RD), 0);
        int ended;
        CHECK_EQ(waitpid(child, &ended, 0), child);
        CHECK_EQ(ended, 0);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(accept4_has_flags_of_its_own) {
    const Name name = Name::path("s");
    const int listener = listening(SOCK_STREAM, name);
    const int client = connected(SOCK_STREAM, name);
    CHECK_ERRNO(raw_accept4(listener, 1), EINVAL);
    CHECK_EQ(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
    const int server = raw_accept4(listener, 0);
    CHECK_EQ(fcntl(server, F_GETFL), O_RDWR);  // the listener's are not its
    CHECK_EQ(fcntl(server, F_GETFD), 0);
    CHECK_ERRNO(raw_accept4(listener, SOCK_CLOEXEC), EAGAIN);
    CHECK_ERRNO(raw_accept4(client, 0), EINVAL);
    CHECK_ERRNO(raw_accept4(1, 0), ENOTSOCK);
}

ABI_TEST(a_listener_that_is_shut_accepts_nobody) {
    const Name name = Name::path("s");
    const int listener = listening(SOCK_STREAM, name);
    CHECK_EQ(shutdown(listener, SHUT_RD), 0);
    CHECK_ERRNO(accept(listener, nullptr, nullptr), EINVAL);
    CHECK_ERRNO(connect(socket(AF_UNIX, SOCK_STREAM, 0), name.at(), name.bytes), ECONNREFUSED);
}

ABI_TEST(epoll_tells_of_each_state_of_a_socket) {
    const int set = epoll_create1(0);
    const Name name = Name::path("s");
    const int listener = bound(SOCK_STREAM, name);
    const int client = socket(AF_UNIX, SOCK_STREAM, 0);
    epoll_event event = {};
    event.events = EPOLLIN | EPOLLRDHUP | EPOLLET;
    event.data.fd = listener;
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event), 0);
    event.data.fd = client;
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, client, &event), 0);
    epoll_event told[4];
    while (epoll_wait(set, told, 4, 0) > 0) {
    }
    CHECK_EQ(listen(listener, 3), 0);
    CHECK_EQ(connect(client, name.at(), name.bytes), 0);
    CHECK_EQ(epoll_wait(set, told, 4, 1000), 1);
    CHECK_EQ(told[0].data.fd, listener);
    const int server = accept(listener, nullptr, nullptr);
    CHECK_EQ(epoll_wait(set, told, 4, 0), 0);
    CHECK_EQ(write(server, "x", 1), 1);
    CHECK_EQ(epoll_wait(set, told, 4, 1000), 1);
    CHECK_EQ(told[0].data.fd, client);
    CHECK_EQ(told[0].events, EPOLLIN);
    close(server);
    CHECK_EQ(epoll_wait(set, told, 4, 1000), 1);
    CHECK_EQ(told[0].events, EPOLLIN | EPOLLRDHUP | EPOLLHUP);
}

ABI_TEST(a_hundred_connections_are_served_at_once) {
    const Name name = Name::path("s");
    const int listener = listening(SOCK_STREAM, name, 10);
    constexpr int kClients = 100, kRounds = 20;
    for (int i = 0; i < kClients; ++i) {
        if (fork() != 0) continue;
        const int fd = connected(SOCK_STREAM, name);
        for (int round = 0; round < kRounds; ++round) {
            int back = 0;
            const int said = i * 1000 + round;
            if (write(fd, &said, sizeof said) != sizeof said) _exit(1);
            if (recv(fd, &back, sizeof back, MSG_WAITALL) != sizeof back || back != said + 1)
                _exit(2);
        }
        _exit(0);
    }
    const int set = epoll_create1(0);
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.fd = listener;
    CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, listener, &event), 0);
    int served = 0;
    while (served < kClients) {
        epoll_event told[16];
        const int count = epoll_wait(set, told, 16, -1);
        for (int i = 0; i < count; ++i) {
            const int fd = told[i].data.fd;
            if (fd == listener) {
                event.data.fd = accept(listener, nullptr, nullptr);
                CHECK_EQ(epoll_ctl(set, EPOLL_CTL_ADD, event.data.fd, &event), 0);
                continue;
            }
            int said;
            const ssize_t got = read(fd, &said, sizeof said);
            if (got == 0) {
                close(fd);
                ++served;
                continue;
            }
            CHECK_EQ(got, sizeof said);
            ++said;
            CHECK_EQ(write(fd, &said, sizeof said), sizeof said);
        }
    }
    for (int i = 0; i < kClients; ++i) {
        int status;
        CHECK(wait(&status) > 0);
        CHECK_EQ(status, 0);
    }
}

ABI_TEST(what_options_there_are) {
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    const int on = 1;
    int told = 0;
    socklen_t bytes = sizeof told;
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_PASSCRED, &told, &bytes), 0);
    CHECK_EQ(told, 1);
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &told, &bytes), 0);
    CHECK_EQ(told, 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on), 0);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, 3), EINVAL);
    CHECK_ERRNO(setsockopt(fd, SOL_SOCKET, 9999, &on, sizeof on), ENOPROTOOPT);
    CHECK_ERRNO(getsockopt(fd, SOL_SOCKET, 9999, &told, &bytes), ENOPROTOOPT);
    CHECK_ERRNO(setsockopt(fd, 77, 1, &on, sizeof on), EOPNOTSUPP);
    CHECK_ERRNO(getsockopt(fd, 77, 1, &told, &bytes), EOPNOTSUPP);
    bytes = 2;
    told = -1;
    CHECK_EQ(getsockopt(fd, SOL_SOCKET, SO_TYPE, &told, &bytes), 0);
    CHECK_EQ(bytes, 2);
    CHECK_EQ(told & 0xffff, SOCK_STREAM);
}
