// What moves through Unix sockets (unix(7)): datagrams and packets whole, bytes all or some, a look
// at what is there.
#include <sys/ioctl.h>

#include "tests/abi/unix_socket.h"

using abi::bound;
using abi::events_of;
using abi::Name;
using abi::Pair;

ABI_TEST(datagrams_come_whole_from_whom_they_are) {
    const Name name = Name::path("receiver"), mine = Name::path("sender");
    const int receiver = bound(SOCK_DGRAM, name), sender = bound(SOCK_DGRAM, mine);
    CHECK_EQ(sendto(sender, "first", 5, 0, name.at(), name.bytes), 5);
    CHECK_EQ(sendto(sender, "", 0, 0, name.at(), name.bytes), 0);
    CHECK_EQ(connect(sender, name.at(), name.bytes), 0);
    CHECK_EQ(send(sender, "third", 5, 0), 5);
    int waiting = 0;
    CHECK_EQ(ioctl(receiver, FIONREAD, &waiting), 0);
    CHECK_EQ(waiting, 5);
    char buffer[8];
    Name from;
    from.bytes = sizeof from.address;
    CHECK_EQ(recvfrom(receiver, buffer, 3, 0, from.at(), &from.bytes), 3);
    CHECK_EQ(from.bytes, mine.bytes);
    CHECK(strcmp(from.address.sun_path, "sender") == 0);
    CHECK_EQ(recv(receiver, buffer, 8, 0), 0);
    CHECK_EQ(recv(receiver, buffer, 3, MSG_PEEK | MSG_TRUNC), 5);
    CHECK_EQ(recv(receiver, buffer, 3, MSG_TRUNC), 5);
    const int unnamed = socket(AF_UNIX, SOCK_DGRAM, 0);
    CHECK_EQ(sendto(unnamed, "x", 1, 0, name.at(), name.bytes), 1);
    from.bytes = sizeof from.address;
    CHECK_EQ(recvfrom(receiver, buffer, 3, 0, from.at(), &from.bytes), 1);
    CHECK_EQ(from.bytes, 0);
    // Who is connected receives from its peer only.
    CHECK_EQ(connect(receiver, mine.at(), mine.bytes), 0);
    CHECK_ERRNO(sendto(unnamed, "x", 1, 0, name.at(), name.bytes), EPERM);
    CHECK_ERRNO(connect(unnamed, name.at(), name.bytes), EPERM);
    sockaddr nobody = {};
    CHECK_EQ(connect(receiver, &nobody, sizeof nobody), 0);
    CHECK_EQ(connect(unnamed, name.at(), name.bytes), 0);
    close(receiver);
    CHECK_ERRNO(send(sender, "x", 1, 0), ECONNREFUSED);
}

ABI_TEST(packets_keep_their_bounds) {
    const Pair pair(SOCK_SEQPACKET);
    CHECK_EQ(write(pair[0], "abcdef", 6), 6);
    CHECK_EQ(write(pair[0], "gh", 2), 2);
    char buffer[8];
    CHECK_EQ(read(pair[1], buffer, 4), 4);
    CHECK_EQ(read(pair[1], buffer, 8), 2);
    CHECK(memcmp(buffer, "gh", 2) == 0);
    char* const large = static_cast<char*>(malloc(1 << 20));
    CHECK_ERRNO(send(pair[0], large, 1 << 20, 0), EMSGSIZE);
}

ABI_TEST(a_full_socket_is_eagain_and_not_writable) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair(type | SOCK_NONBLOCK);
        static char block[1000];
        long sent = 0;
        while (write(pair[0], block, sizeof block) > 0) ++sent;
        CHECK_EQ(errno, EAGAIN);
        CHECK(sent > 1);
        CHECK_EQ(events_of(pair[0]) & POLLOUT, 0);
        while (read(pair[1], block, sizeof block) > 0) {
        }
        CHECK_EQ(events_of(pair[0]), POLLOUT);
    }
}

ABI_TEST(bytes_are_waited_for_until_there_are_all) {
    const Pair pair(SOCK_STREAM);
    const pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 4; ++i) {
            usleep(10000);
            write(pair[1], "quarter.", 8);
        }
        _exit(0);
    }
    char buffer[32];
    CHECK_EQ(recv(pair[0], buffer, 32, MSG_WAITALL), 32);
    CHECK(memcmp(buffer + 24, "quarter.", 8) == 0);
    CHECK_EQ(waitpid(child, nullptr, 0), child);
}

ABI_TEST(a_look_takes_nothing) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair(type);
        char buffer[8] = {};
        CHECK_ERRNO(recv(pair[0], buffer, 8, MSG_PEEK | MSG_DONTWAIT), EAGAIN);
        CHECK_EQ(write(pair[1], "look", 4), 4);
        CHECK_EQ(recv(pair[0], buffer, 2, MSG_PEEK), 2);
        CHECK_EQ(recv(pair[0], buffer, 8, MSG_PEEK), 4);
        CHECK(memcmp(buffer, "look", 4) == 0);
        int waiting = 0;
        CHECK_EQ(ioctl(pair[0], FIONREAD, &waiting), 0);
        CHECK_EQ(waiting, 4);
        CHECK_EQ(recv(pair[0], buffer, 8, 0), 4);
        CHECK_ERRNO(recv(pair[0], buffer, 8, MSG_DONTWAIT), EAGAIN);
    }
}
