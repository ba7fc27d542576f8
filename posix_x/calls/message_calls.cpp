// send(2), recv(2) and their kin: decode, one cursor, one call of the socket.
#include <algorithm>

#include "kernel/mm/io_cursor.h"
#include "posix_x/calls.h"
#include "posix_x/calls/control_messages.h"
#include "posix_x/calls/ranges.h"
#include "posix_x/calls/sockets.h"
#include "posix_x/calls/waits.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

constexpr std::uint32_t kMostNameBytes = 128;  // sockaddr_storage

FileFlags flags_for(const File& file, Flags flags) {
    return flags.has(abi::kMsgDontWait) ? file.flags() | FileFlags::kNonBlocking : file.flags();
}

/// A name that goes with a message; a stream takes none, and packets that are connected ignore it.
Result<void> read_target(Task& task, UnixSocket& socket, UserAddr at, std::uint32_t bytes,
                         UnixSocket::Outgoing& message) {
    if (at.is_null() || bytes == 0) return {};
    if (socket.kind() == UnixSocket::Kind::kStream)
        return socket.is_connected() ? Errno::ISCONN : Errno::OPNOTSUPP;
    if (socket.kind() == UnixSocket::Kind::kPackets) return {};
    const SocketName name = TRY(read_name(at, bytes));
    if (name.family != abi::kAfUnix) return Errno::INVAL;
    message.to = TRY(find_socket(task, name.name));
    return {};
}

/// A write to a stream that nobody reads also raises SIGPIPE (send(2)).
Result<long> sent(Task& task, const UnixSocket& socket, Flags flags, Result<std::size_t> done) {
    if (done) return static_cast<long>(*done);
    if (done.error() == Errno::PIPE && !flags.has(abi::kMsgNoSignal) && raises_sigpipe(socket))
        send_signal(task, info_from_user(Signal::kPipe, abi::kSiUser));
    return done.error();
}

Result<long> send_message(Task& task, UnixSocket& socket, const abi::MsgHdr& header, Flags flags) {
    if (header.vector_count > abi::kMaxIovecs) return Errno::MSGSIZE;
    if (static_cast<std::int32_t>(header.name_bytes) < 0) return Errno::INVAL;
    Ranges ranges;
    TRY(ranges.read(UserAddr{header.vectors}, static_cast<std::uint32_t>(header.vector_count)));
    UnixSocket::Outgoing message;
    message.flags = flags_for(socket, flags);
    TRY(read_control(task, UserAddr{header.control}, header.control_bytes, message));
    if (flags.has(abi::kMsgOob)) return Errno::OPNOTSUPP;
    TRY(read_target(task, socket, UserAddr{header.name},
                    std::min(header.name_bytes, kMostNameBytes), message));
    IoCursor cursor(ranges.all());
    return sent(task, socket, flags, socket.send(cursor, message));
}

/// What recvmsg(2) tells beside the data.
struct Received {
    PacketQueue::About about;
    std::uint32_t flags = 0;
};

Result<long> receive_bytes(UnixSocket& socket, IoCursor& cursor, Flags flags, Received& received) {
    if (flags.has(abi::kMsgOob)) return Errno::OPNOTSUPP;
    const UnixSocket::Wish wish{.flags = flags_for(socket, flags),
                                .peek = flags.has(abi::kMsgPeek),
                                .all = flags.has(abi::kMsgWaitAll)};
    const std::size_t done = TRY(socket.receive(cursor, wish, received.about));
    if (socket.kind() == UnixSocket::Kind::kStream || received.about.full_size <= done)
        return static_cast<long>(done);
    received.flags |= abi::kMsgTrunc;
    return static_cast<long>(flags.has(abi::kMsgTrunc) ? received.about.full_size : done);
}

/// Who sent: of a stream its peer's name.
UnixName name_of_sender(UnixSocket& socket, const Received& received) {
    if (socket.kind() == UnixSocket::Kind::kDatagram) return received.about.from;
    const auto peer = socket.peer_name();
    return peer ? *peer : UnixName{};
}

Result<void> write_control(Task& task, UnixSocket& socket, const abi::MsgHdr& header, Flags flags,
                           Received& received, std::uint64_t& bytes) {
    ControlWriter control(UserAddr{header.control}, header.control_bytes);
    if (socket.wants_sender().load(std::memory_order_relaxed))
        TRY(control.write_sender(received.about.sender));
    const CloseOnExec close_on_exec =
        flags.has(abi::kMsgCloseOnExec) ? CloseOnExec::kYes : CloseOnExec::kNo;
    if (received.about.handles) control.write_handles(task, *received.about.handles, close_on_exec);
    if (control.cut()) received.flags |= abi::kMsgCtrunc;
    bytes = control.written();
    return {};
}

Result<long> receive_message(Task& task, UnixSocket& socket, UserAddr at, Flags flags) {
    const auto header = TRY(UserIn<abi::MsgHdr>{at}.read());
    if (header.vector_count > abi::kMaxIovecs) return Errno::MSGSIZE;
    if (static_cast<std::int32_t>(header.name_bytes) < 0 && header.name != 0) return Errno::INVAL;
    Ranges ranges;
    TRY(ranges.read(UserAddr{header.vectors}, static_cast<std::uint32_t>(header.vector_count)));
    IoCursor cursor(ranges.all());
    Received received;
    const long done = TRY(receive_bytes(socket, cursor, flags, received));
    if (header.name != 0) {
        TRY(write_name(UserAddr{header.name}, at + offsetof(abi::MsgHdr, name_bytes),
                       name_of_sender(socket, received), Unnamed::kNothing));
    }
    std::uint64_t control_bytes = 0;
    TRY(write_control(task, socket, header, flags, received, control_bytes));
    received.flags |= flags.bits & abi::kMsgCloseOnExec;
    TRY(UserOut<std::uint32_t>{at + offsetof(abi::MsgHdr, flags)}.write(received.flags));
    TRY(UserOut<std::uint64_t>{at + offsetof(abi::MsgHdr, control_bytes)}.write(control_bytes));
    return done;
}

}  // namespace

Result<long> sys_sendto(Task& task, Fd fd, UserAddr data, std::uint64_t size, Flags flags,
                        UserAddr name, std::uint32_t name_bytes) {
    const UserSpan span = TRY(span_of(data, size));
    const auto socket = TRY(socket_of(task, fd));
    if (!name.is_null() && name_bytes > kMostNameBytes) return Errno::INVAL;
    if (flags.has(abi::kMsgOob)) return Errno::OPNOTSUPP;
    UnixSocket::Outgoing message;
    message.flags = flags_for(*socket, flags);
    TRY(read_target(task, *socket, name, name_bytes, message));
    IoCursor cursor(span);
    return sent(task, *socket, flags, socket->send(cursor, message));
}

Result<long> sys_recvfrom(Task& task, Fd fd, UserAddr data, std::uint64_t size, Flags flags,
                          UserAddr name, UserAddr name_bytes) {
    const UserSpan span = TRY(span_of(data, size));
    const auto socket = TRY(socket_of(task, fd));
    IoCursor cursor(span);
    Received received;
    const long done = TRY(receive_bytes(*socket, cursor, flags, received));
    if (!name.is_null())
        TRY(write_name(name, name_bytes, name_of_sender(*socket, received), Unnamed::kNothing));
    return done;
}

Result<long> sys_sendmsg(Task& task, Fd fd, UserAddr message, Flags flags) {
    const auto socket = TRY(socket_of(task, fd));
    const auto header = TRY(UserIn<abi::MsgHdr>{message}.read());
    return send_message(task, *socket, header, flags);
}

Result<long> sys_recvmsg(Task& task, Fd fd, UserAddr message, Flags flags) {
    const auto socket = TRY(socket_of(task, fd));
    return receive_message(task, *socket, message, flags);
}

Result<long> sys_sendmmsg(Task& task, Fd fd, UserAddr messages, std::uint32_t count, Flags flags) {
    const auto socket = TRY(socket_of(task, fd));
    count = std::min(count, abi::kMaxIovecs);
    long done = 0;
    for (; done < count; ++done) {
        const UserAddr at = messages + static_cast<std::uint64_t>(done) * sizeof(abi::MMsgHdr);
        const auto send_one = [&] -> Result<void> {
            const auto header = TRY(UserIn<abi::MsgHdr>{at}.read());
            const long bytes = TRY(send_message(task, *socket, header, flags));
            return UserOut<std::uint32_t>{at + offsetof(abi::MMsgHdr, bytes)}.write(
                static_cast<std::uint32_t>(bytes));
        };
        const Result<void> one = send_one();
        if (!one && done == 0) return one.error();
        if (!one) break;
    }
    return done;
}

Result<long> sys_recvmmsg(Task& task, Fd fd, UserAddr messages, std::uint32_t count, Flags flags,
                          UserAddr timeout) {
    // The time is looked at after each message, as Linux does (recvmmsg(2), BUGS).
    const Deadline deadline = TRY(deadline_of(UserIn<abi::Timespec>{timeout}));
    const auto socket = TRY(socket_of(task, fd));
    count = std::min(count, abi::kMaxIovecs);
    long done = 0;
    while (done < count) {
        const UserAddr at = messages + static_cast<std::uint64_t>(done) * sizeof(abi::MMsgHdr);
        const Flags one_flags{flags.bits & ~abi::kMsgWaitForOne};
        const Result<long> bytes = receive_message(task, *socket, at, one_flags);
        if (!bytes && done == 0) return bytes;
        if (!bytes) break;
        TRY(UserOut<std::uint32_t>{at + offsetof(abi::MMsgHdr, bytes)}.write(
            static_cast<std::uint32_t>(*bytes)));
        ++done;
        if (flags.has(abi::kMsgWaitForOne)) flags.bits |= abi::kMsgDontWait;
        if (deadline.passed()) break;
    }
    if (timeout.is_null()) return done;
    const std::uint64_t now = arch::now_ns();
    const std::uint64_t left = deadline.at_ns > now ? deadline.at_ns - now : 0;
    TRY(UserOut<abi::Timespec>{timeout}.write(to_timespec(left)));
    return done;
}

}  // namespace exo::posix
