// What moves beside the data of Unix sockets (unix(7), cmsg(3)): descriptors and credentials; and
// sendmsg(2), recvmsg(2) with all their flags.
#include <stddef.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>

#include "tests/abi/unix_socket.h"

using abi::Pair;

namespace {

constexpr int kMostFds = 253;

// The calls themselves: musl looks into messages before the kernel does.
long raw_sendmsg(int fd, const msghdr* message, int flags) {
    return syscall(SYS_sendmsg, fd, message, flags);
}
long raw_recvmsg(int fd, msghdr* message, int flags) {
    return syscall(SYS_recvmsg, fd, message, flags);
}
long raw_sendmmsg(int fd, mmsghdr* messages, unsigned count, int flags) {
    return syscall(SYS_sendmmsg, fd, messages, count, flags);
}
long raw_recvmmsg(int fd, mmsghdr* messages, unsigned count, int flags, timespec* timeout) {
    return syscall(SYS_recvmmsg, fd, messages, count, flags, timeout);
}

/// A message with one buffer and room for control messages.
struct Message {
    Message(void* data, size_t bytes) : vector{data, bytes} {
        header.msg_iov = &vector;
        header.msg_iovlen = 1;
    }
    Message(const Message&) = delete;
    Message& operator=(const Message&) = delete;

    void add(int type, const void* data, size_t bytes) {
        auto* at = reinterpret_cast<cmsghdr*>(control + used);
        at->cmsg_len = static_cast<socklen_t>(CMSG_LEN(bytes));
        at->cmsg_level = SOL_SOCKET;
        at->cmsg_type = type;
        memcpy(CMSG_DATA(at), data, bytes);
        used += static_cast<socklen_t>(CMSG_SPACE(bytes));
        header.msg_control = control;
        header.msg_controllen = used;
    }
    void make_room(size_t bytes = sizeof control) {
        header.msg_control = control;
        header.msg_controllen = static_cast<socklen_t>(bytes);
    }
    [[nodiscard]] const cmsghdr* first() const { return CMSG_FIRSTHDR(&header); }

    iovec vector;
    msghdr header = {};
    socklen_t used = 0;
    alignas(cmsghdr) char control[2048] = {};
};

ssize_t send_fds(int to, const char* text, const int* fds, int count, int flags = 0) {
    Message message(const_cast<char*>(text), strlen(text));
    if (count != 0) message.add(SCM_RIGHTS, fds, static_cast<size_t>(count) * sizeof(int));
    return raw_sendmsg(to, &message.header, flags);
}

/// The one descriptor that came with the next message, which is `text`.
int receive_fd(int from, const char* text, int flags = 0) {
    char buffer[16] = {};
    Message message(buffer, sizeof buffer);
    message.make_room();
    CHECK_EQ(raw_recvmsg(from, &message.header, flags), strlen(text));
    CHECK(strcmp(buffer, text) == 0);
    const cmsghdr* first = message.first();
    CHECK(first != nullptr);
    CHECK_EQ(first->cmsg_type, SCM_RIGHTS);
    CHECK_EQ(first->cmsg_len, CMSG_LEN(sizeof(int)));
    int fd;
    memcpy(&fd, CMSG_DATA(first), sizeof fd);
    return fd;
}

ucred credentials_in(const Message& message) {
    const cmsghdr* first = message.first();
    CHECK(first != nullptr);
    CHECK_EQ(first->cmsg_type, SCM_CREDENTIALS);
    CHECK_EQ(first->cmsg_len, CMSG_LEN(sizeof(ucred)));
    ucred told;
    memcpy(&told, CMSG_DATA(first), sizeof told);
    return told;
}

int open_fds() {
    int count = 0;
    for (int fd = 0; fd < 1024; ++fd) count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

}  // namespace

ABI_TEST(a_descriptor_is_passed_and_stays_open) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair(type);
        const int file = abi::make_file("f", "content");
        CHECK_EQ(send_fds(pair[0], "take", &file, 1), 4);
        close(file);
        const int got = receive_fd(pair[1], "take", MSG_CMSG_CLOEXEC);
        CHECK_EQ(fcntl(got, F_GETFD), FD_CLOEXEC);
        char buffer[8];
        CHECK_EQ(read(got, buffer, 8), 7);
        close(got);
    }
}

ABI_TEST(a_socket_is_passed_over_a_socket) {
    const Pair carrier(SOCK_STREAM);
    const Pair passed(SOCK_STREAM);
    CHECK_EQ(write(passed[0], "inside", 6), 6);
    CHECK_EQ(send_fds(carrier[0], "s", &passed.ends[1], 1), 1);
    close(passed[1]);
    const int got = receive_fd(carrier[1], "s");
    char buffer[8];
    CHECK_EQ(read(got, buffer, 8), 6);
    CHECK_EQ(write(got, "answer", 6), 6);
    CHECK_EQ(read(passed[0], buffer, 8), 6);
    close(got);
    CHECK_EQ(read(passed[0], buffer, 8), 0);
}

ABI_TEST(descriptors_that_nobody_received_are_closed) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    char byte;
    {
        const Pair pair(SOCK_STREAM);
        CHECK_EQ(send_fds(pair[0], "x", &ends[1], 1), 1);
        close(pair[1]);
        close(pair[0]);
    }
    {
        const Pair pair(SOCK_DGRAM);
        CHECK_EQ(send_fds(pair[0], "x", &ends[1], 1), 1);
        CHECK_EQ(read(pair[1], &byte, 1), 1);
    }
    {
        const Pair pair(SOCK_STREAM);
        CHECK_EQ(send_fds(pair[0], "x", &ends[1], 1), 1);
        CHECK_EQ(read(pair[1], &byte, 1), 1);
    }
    close(ends[1]);
    CHECK_EQ(read(ends[0], &byte, 1), 0);
}

ABI_TEST(a_chain_of_sockets_in_sockets_is_closed) {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    int inner = ends[1];
    for (int i = 0; i < 2000; ++i) {
        const Pair pair(SOCK_DGRAM);
        CHECK_EQ(send_fds(pair[0], "x", &inner, 1), 1);
        close(inner);
        close(pair[0]);
        inner = pair[1];
    }
    close(inner);
    char byte;
    CHECK_EQ(read(ends[0], &byte, 1), 0);
}

ABI_TEST(a_message_with_descriptors_is_read_by_itself) {
    const Pair pair(SOCK_STREAM);
    const int file = abi::make_file("f", "content");
    CHECK_EQ(send_fds(pair[0], "with", &file, 1), 4);
    CHECK_EQ(write(pair[0], "after", 5), 5);
    close(receive_fd(pair[1], "with"));
    char buffer[16] = {};
    CHECK_EQ(read(pair[1], buffer, 16), 5);
    // Read in parts, the descriptor comes with the first.
    CHECK_EQ(send_fds(pair[0], "parts", &file, 1), 5);
    Message message(buffer, 2);
    message.make_room();
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), 2);
    CHECK_EQ(message.header.msg_controllen, CMSG_SPACE(sizeof(int)));
    CHECK_EQ(write(pair[0], "more", 4), 4);
    message.make_room();
    message.vector.iov_len = 3;
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), 3);
    CHECK_EQ(message.header.msg_controllen, 0);
    CHECK_EQ(read(pair[1], buffer, 16), 4);
}

ABI_TEST(descriptors_without_room_are_closed) {
    const Pair pair(SOCK_STREAM);
    const int file = abi::make_file("f", "content");
    const int fds[3] = {file, file, file};
    char byte;
    const int before = open_fds();
    CHECK_EQ(send_fds(pair[0], "x", fds, 3), 1);
    Message message(&byte, 1);
    message.make_room(CMSG_SPACE(sizeof(int) * 2));
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), 1);
    CHECK_EQ(message.header.msg_flags, MSG_CTRUNC);
    CHECK_EQ(message.first()->cmsg_len, CMSG_LEN(sizeof(int) * 2));
    CHECK_EQ(open_fds(), before + 2);
    CHECK_EQ(send_fds(pair[0], "x", fds, 3), 1);
    Message none(&byte, 1);
    CHECK_EQ(raw_recvmsg(pair[1], &none.header, 0), 1);
    CHECK_EQ(none.header.msg_flags, MSG_CTRUNC);
    CHECK_EQ(open_fds(), before + 2);
    // One number is free below the limit.
    const int lowest = dup(file);
    close(lowest);
    const rlimit limit = {static_cast<rlim_t>(lowest + 1), static_cast<rlim_t>(lowest + 1)};
    CHECK_EQ(setrlimit(RLIMIT_NOFILE, &limit), 0);
    CHECK_EQ(send_fds(pair[0], "x", fds, 3), 1);
    message.make_room();
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), 1);
    CHECK_EQ(message.header.msg_flags, MSG_CTRUNC);
    CHECK_EQ(message.first()->cmsg_len, CMSG_LEN(sizeof(int)));
}

ABI_TEST(control_messages_that_are_wrong) {
    const Pair pair(SOCK_DGRAM);
    int fds[kMostFds + 1];
    for (int& fd : fds) fd = 1;
    CHECK_EQ(send_fds(pair[0], "x", fds, kMostFds), 1);
    CHECK_ERRNO(send_fds(pair[0], "x", fds, kMostFds + 1), EINVAL);
    fds[0] = 900;
    CHECK_ERRNO(send_fds(pair[0], "x", fds, 1), EBADF);
    char byte = 'x';
    Message message(&byte, 1);
    message.add(77, "1234", 4);
    CHECK_ERRNO(raw_sendmsg(pair[0], &message.header, 0), EINVAL);
    Message credentials(&byte, 1);
    credentials.add(SCM_CREDENTIALS, "1234", 4);
    CHECK_ERRNO(raw_sendmsg(pair[0], &credentials.header, 0), EINVAL);
    Message wild(&byte, 1);
    wild.header.msg_control = reinterpret_cast<void*>(8);
    wild.header.msg_controllen = 64;
    CHECK_ERRNO(raw_sendmsg(pair[0], &wild.header, 0), EFAULT);
    Message longer(&byte, 1);
    longer.add(SCM_RIGHTS, fds, sizeof(int));
    longer.header.msg_controllen = 16;  // shorter than it says
    CHECK_ERRNO(raw_sendmsg(pair[0], &longer.header, 0), EINVAL);
    CHECK_ERRNO(raw_sendmsg(pair[0], nullptr, 0), EFAULT);
    CHECK_ERRNO(raw_recvmsg(pair[0], nullptr, 0), EFAULT);
    Message many(&byte, 1);
    many.header.msg_iovlen = 1025;
    CHECK_ERRNO(raw_sendmsg(pair[0], &many.header, 0), EMSGSIZE);
    CHECK_ERRNO(raw_recvmsg(pair[0], &many.header, 0), EMSGSIZE);
}

ABI_TEST(who_connected_is_told) {
    const Pair pair(SOCK_STREAM);
    ucred told = {};
    socklen_t bytes = sizeof told;
    CHECK_EQ(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &told, &bytes), 0);
    CHECK_EQ(bytes, sizeof told);
    CHECK_EQ(told.pid, getpid());
    CHECK_EQ(told.uid, geteuid());
    sockaddr_un name = {AF_UNIX, "s"};
    const int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(getsockopt(listener, SOL_SOCKET, SO_PEERCRED, &told, &bytes), 0);
    CHECK_EQ(told.pid, 0);
    CHECK_EQ(told.uid, -1u);
    CHECK_EQ(bind(listener, reinterpret_cast<sockaddr*>(&name), sizeof name), 0);
    CHECK_EQ(listen(listener, 1), 0);
    const pid_t child = fork();
    if (child == 0) {
        const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect(fd, reinterpret_cast<sockaddr*>(&name), sizeof name) != 0) _exit(1);
        if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &told, &bytes) != 0) _exit(2);
        _exit(told.pid == getppid() ? 0 : 3);
    }
    const int server = accept(listener, nullptr, nullptr);
    CHECK_EQ(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &told, &bytes), 0);
    CHECK_EQ(told.pid, child);
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

ABI_TEST(who_wrote_is_told_to_who_asked) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET}) {
        const Pair pair(type);
        const int on = 1;
        CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
        CHECK_EQ(write(pair[0], "mine", 4), 4);
        const pid_t child = fork();
        if (child == 0) _exit(write(pair[0], "child", 5) == 5 ? 0 : 1);
        CHECK_EQ(waitpid(child, nullptr, 0), child);
        CHECK_EQ(write(pair[0], "again", 5), 5);
        const pid_t senders[3] = {getpid(), child, getpid()};
        const int sizes[3] = {4, 5, 5};
        for (int i = 0; i < 3; ++i) {
            char buffer[32];
            Message message(buffer, sizeof buffer);
            message.make_room();
            CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), sizes[i]);
            const ucred told = credentials_in(message);
            CHECK_EQ(told.pid, senders[i]);
            CHECK_EQ(told.uid, getuid());
            CHECK_EQ(told.gid, getgid());
        }
    }
}

ABI_TEST(credentials_can_be_said_within_rights) {
    const Pair pair(SOCK_STREAM);
    const int on = 1;
    CHECK_EQ(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
    char byte = 'x';
    const ucred other = {getpid(), 1234, 4321};
    Message message(&byte, 1);
    message.add(SCM_CREDENTIALS, &other, sizeof other);
    CHECK_EQ(raw_sendmsg(pair[0], &message.header, 0), 1);
    Message received(&byte, 1);
    received.make_room();
    CHECK_EQ(raw_recvmsg(pair[1], &received.header, 0), 1);
    CHECK_EQ(credentials_in(received).uid, 1234);
    CHECK_EQ(credentials_in(received).gid, 4321);
    CHECK_EQ(abi::status_of([&] {
                 CHECK_EQ(setresuid(1000, 1000, 1000), 0);
                 CHECK_ERRNO(raw_sendmsg(pair[0], &message.header, 0), EPERM);
                 Message init(&byte, 1);
                 const ucred first = {1, 1000, getgid()};
                 init.add(SCM_CREDENTIALS, &first, sizeof first);
                 CHECK_ERRNO(raw_sendmsg(pair[0], &init.header, 0), EPERM);
             }),
             0);
}

ABI_TEST(a_cut_packet_says_so) {
    const Pair pair(SOCK_DGRAM);
    char buffer[8] = {};
    CHECK_EQ(write(pair[0], "sixteen letters.", 16), 16);
    CHECK_EQ(write(pair[0], "8letters", 8), 8);
    Message message(buffer, 8);
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, MSG_PEEK), 8);
    CHECK_EQ(message.header.msg_flags, MSG_TRUNC);
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, MSG_TRUNC), 16);
    CHECK_EQ(message.header.msg_flags, MSG_TRUNC);
    CHECK_EQ(raw_recvmsg(pair[1], &message.header, 0), 8);
    CHECK_EQ(message.header.msg_flags, 0);
}

ABI_TEST(a_message_is_gathered_and_scattered) {
    for (const int type : {SOCK_STREAM, SOCK_DGRAM}) {
        const Pair pair(type);
        char out[] = "gathered", in[9] = {};
        iovec from[3] = {{out, 3}, {out + 3, 0}, {out + 3, 5}};
        iovec to[2] = {{in, 6}, {in + 6, 2}};
        msghdr header = {};
        header.msg_iov = from;
        header.msg_iovlen = 3;
        CHECK_EQ(raw_sendmsg(pair[0], &header, 0), 8);
        header.msg_iov = to;
        header.msg_iovlen = 2;
        CHECK_EQ(raw_recvmsg(pair[1], &header, 0), 8);
        CHECK(strcmp(in, "gathered") == 0);
        CHECK_EQ(writev(pair[0], from, 3), 8);
        CHECK_EQ(readv(pair[1], to, 2), 8);
    }
}

ABI_TEST(many_messages_go_in_one_call) {
    const Pair pair(SOCK_DGRAM);
    char out[3][4] = {"one", "two", "six"}, in[4][4] = {};
    iovec vectors[4];
    mmsghdr messages[4] = {};
    for (int i = 0; i < 3; ++i) {
        vectors[i] = {out[i], 3};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK_EQ(raw_sendmmsg(pair[0], messages, 3, 0), 3);
    CHECK_EQ(messages[2].msg_len, 3);
    for (int i = 0; i < 4; ++i) {
        vectors[i] = {in[i], 3};
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    CHECK_EQ(raw_recvmmsg(pair[1], messages, 4, MSG_WAITFORONE, nullptr), 3);
    CHECK(strcmp(in[0], "one") == 0 && strcmp(in[2], "six") == 0);
    CHECK_EQ(messages[1].msg_len, 3);
    CHECK_ERRNO(raw_recvmmsg(pair[1], messages, 4, MSG_DONTWAIT, nullptr), EAGAIN);
    timespec wrong = {0, -1};
    CHECK_ERRNO(raw_recvmmsg(pair[1], messages, 1, 0, &wrong), EINVAL);
    messages[1].msg_hdr.msg_iovlen = 2000;
    CHECK_EQ(raw_sendmmsg(pair[0], messages, 2, 0), 1);
    CHECK_ERRNO(raw_sendmmsg(-1, messages, 1, 0), EBADF);
    CHECK_ERRNO(raw_sendmmsg(pair[0], nullptr, 1, 0), EFAULT);
    timespec second = {1, 0};
    CHECK_EQ(raw_recvmmsg(pair[1], messages, 1, 0, &second), 1);
    CHECK_EQ(second.tv_sec, 0);
}

ABI_TEST(wild_buffers_lose_no_packet) {
    const Pair pair(SOCK_STREAM);
    char buffer[8];
    CHECK_EQ(write(pair[0], "kept", 4), 4);
    CHECK_ERRNO(recv(pair[1], reinterpret_cast<void*>(16), 4, 0), EFAULT);
    CHECK_ERRNO(send(pair[0], reinterpret_cast<void*>(16), 4, 0), EFAULT);
    CHECK_EQ(recv(pair[1], buffer, 8, 0), 4);
    const Pair datagrams(SOCK_DGRAM);
    CHECK_ERRNO(send(datagrams[0], reinterpret_cast<void*>(16), 4, 0), EFAULT);
    CHECK_ERRNO(recv(datagrams[1], buffer, 8, MSG_DONTWAIT), EAGAIN);
}

ABI_TEST(one_call_stops_at_what_fails_or_ends) {
    const Pair pair(SOCK_STREAM);
    char out[2] = {'a', 'b'}, in[2];
    iovec vectors[2] = {{&out[0], 1}, {&out[1], 1}};
    mmsghdr messages[2] = {};
    for (int i = 0; i < 2; ++i) {
        messages[i].msg_hdr.msg_iov = &vectors[i];
        messages[i].msg_hdr.msg_iovlen = 1;
    }
    messages[1].msg_hdr.msg_iov = reinterpret_cast<iovec*>(8);
    CHECK_EQ(raw_sendmmsg(pair[0], messages, 2, 0), 1);
    messages[0].msg_hdr.msg_iov = reinterpret_cast<iovec*>(8);
    CHECK_ERRNO(raw_sendmmsg(pair[0], messages, 2, 0), EFAULT);
    CHECK_EQ(raw_sendmmsg(pair[0], messages, 0, 0), 0);
    for (int i = 0; i < 2; ++i) {
        vectors[i] = {&in[i], 1};
        messages[i].msg_hdr.msg_iov = &vectors[i];
    }
    CHECK_EQ(raw_recvmmsg(pair[1], messages, 2, MSG_DONTWAIT, nullptr), 1);
    CHECK_EQ(in[0], 'a');
    CHECK_ERRNO(raw_recvmmsg(1, messages, 2, 0, nullptr), ENOTSOCK);
    signal(SIGPIPE, SIG_IGN);
    close(pair[1]);
    CHECK_ERRNO(raw_sendmmsg(pair[0], messages, 2, 0), EPIPE);
}
