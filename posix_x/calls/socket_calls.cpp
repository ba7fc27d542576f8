// socket(2), bind(2), connect(2) and their kin; what moves bytes is in message_calls.cpp.
#include <algorithm>
#include <utility>

#include "posix_x/calls.h"
#include "posix_x/calls/sockets.h"

namespace exo::posix {
namespace {

constexpr std::uint32_t kFamilyBytes = sizeof(std::uint16_t);

Result<UnixSocket::Kind> kind_of(std::uint32_t family, Flags type, std::uint32_t protocol) {
    using Kind = UnixSocket::Kind;
    if (!Flags{type.bits & ~abi::kSockTypeMask}.only(abi::kOCloseOnExec | abi::kONonBlock))
        return Errno::INVAL;
    if (family != abi::kAfUnix) return Errno::AFNOSUPPORT;
    if (protocol != 0 && protocol != abi::kAfUnix) return Errno::PROTONOSUPPORT;
    switch (type.bits & abi::kSockTypeMask) {
        case abi::kSockStream:
            return Kind::kStream;
        case abi::kSockDatagram:
        case abi::kSockRaw:
            return Kind::kDatagram;
        case abi::kSockPackets:
            return Kind::kPackets;
        default:
            return Errno::SOCKTNOSUPPORT;
    }
}

std::int32_t type_number(UnixSocket::Kind kind) {
    switch (kind) {
        case UnixSocket::Kind::kStream:
            return static_cast<std::int32_t>(abi::kSockStream);
        case UnixSocket::Kind::kDatagram:
            return static_cast<std::int32_t>(abi::kSockDatagram);
        case UnixSocket::Kind::kPackets:
            return static_cast<std::int32_t>(abi::kSockPackets);
    }
    std::unreachable();
}

FileFlags socket_flags(Flags type) {
    return file_flags_of(type.bits & abi::kONonBlock);
}

Result<long> install_socket(Task& task, Ref<UnixSocket> socket, Flags type) {
    return install(task, std::move(socket), abi::kOReadWrite, close_on_exec_of(type));
}

/// Makes the name in the file system, with an endpoint that connect(2) finds by its inode.
Result<void> bind_path(Task& task, UnixSocket& socket, const UnixName& name) {
    Process& process = task.process();
    const WalkStart start = process.places().walk_start();
    const auto who = process.credentials();
    const std::string_view path = name.view();
    constexpr Mode kAll = 0777;
    const Ref<UnixEndpoint> endpoint = TRY(make_ref<UnixEndpoint>());
    const auto made =
        make_entry(start, path, FileType::kSocket, kAll & ~process.places().umask(), {}, *who);
    if (!made) return made.error() == Errno::EXIST ? Errno::ADDRINUSE : made.error();
    const RefPtr<Inode> inode = (*made)->inode();
    const Result<void> bound = inode ? socket.bind(name, endpoint) : Errno::NOENT;
    if (bound) {
        static_cast<void>(inode->attach(endpoint));
    } else {
        // Another thread bound or closed the socket meanwhile: the name goes again.
        static_cast<void>(remove_path(start, path, Remove::kFile, *who));
    }
    return bound;
}

}  // namespace

Result<Use<UnixSocket>> socket_of(Task& task, Fd fd) {
    return file_as<UnixSocket>(task, fd, ObjectType::kSocket, Errno::NOTSOCK);
}

bool raises_sigpipe(const File& file) {
    return file.type() != ObjectType::kSocket ||
           static_cast<const UnixSocket&>(file).kind() == UnixSocket::Kind::kStream;
}

PeerIdentity identity_of(Task& task) {
    const auto who = task.process().credentials();
    return {static_cast<std::int32_t>(task.process().pid), who->effective_uid, who->effective_gid};
}

Result<SocketName> read_name(UserAddr at, std::uint32_t bytes) {
    abi::SockaddrUn address = {};
    if (bytes < kFamilyBytes || bytes > sizeof address) return Errno::INVAL;
    TRY(read_user(&address, at, bytes));
    SocketName out;
    out.family = address.family;
    std::size_t size = bytes - kFamilyBytes;
    // A path ends at its NUL; an abstract name is as long as it is.
    if (size != 0 && address.path[0] != '\0')
        size = static_cast<std::size_t>(std::find(address.path, address.path + size, '\0') -
                                        address.path);
    out.name.size = size;
    std::copy_n(address.path, size, out.name.bytes.begin());
    return out;
}

Result<void> write_name(UserAddr at, UserAddr bytes, const UnixName& name, Unnamed unnamed) {
    const auto room = TRY(UserIn<std::int32_t>{bytes}.read());
    if (room < 0) return Errno::INVAL;
    abi::SockaddrUn address = {abi::kAfUnix, {}};
    std::copy_n(name.bytes.begin(), name.size, address.path);
    const bool is_path = name.size != 0 && !name.is_abstract();
    const std::size_t whole = kFamilyBytes + name.size + (is_path ? 1 : 0);
    const bool nothing = name.size == 0 && unnamed == Unnamed::kNothing;
    const std::size_t size = nothing ? 0 : whole;
    TRY(write_user(at, &address, std::min({size, sizeof address, static_cast<std::size_t>(room)})));
    return UserOut<std::int32_t>{bytes}.write(static_cast<std::int32_t>(size));
}

Result<Ref<UnixSocket>> find_socket(Task& task, const UnixName& name) {
    if (name.size == 0) return Errno::INVAL;
    if (name.is_abstract()) return UnixSocket::find_abstract(name);
    Process& process = task.process();
    const auto who = process.credentials();
    const auto dentry =
        TRY(walk(process.places().walk_start(), name.view(), LastLink::kFollow, *who));
    const auto inode = TRY(inode_of(*dentry));
    TRY(check_permission(inode->stat(), Permission::kWrite, *who));
    if (inode->type() != FileType::kSocket) return Errno::CONNREFUSED;
    const RefPtr<RefCounted> attached = inode->attachment();
    if (!attached) return Errno::CONNREFUSED;
    // Only bind_path() attaches to sockets.
    const RefPtr<UnixSocket> socket = static_cast<UnixEndpoint&>(*attached).socket();
    if (!socket) return Errno::CONNREFUSED;
    return socket.to_ref();
}

Result<long> sys_socket(Task& task, std::uint32_t family, Flags type, std::uint32_t protocol) {
    const UnixSocket::Kind kind = TRY(kind_of(family, type, protocol));
    return install_socket(
        task, TRY(UnixSocket::create(kind, socket_flags(type), identity_of(task))), type);
}

Result<long> sys_socketpair(Task& task, std::uint32_t family, Flags type, std::uint32_t protocol,
                            UserOut<std::int32_t> ends) {
    const UnixSocket::Kind kind = TRY(kind_of(family, type, protocol));
    HandleTable& handles = *task.process().handles;
    auto first = TRY(handles.reserve(file_limit(task)));
    auto second = TRY(handles.reserve(file_limit(task)));
    TRY(ends.write(0, static_cast<std::int32_t>(first.fd())));
    TRY(ends.write(1, static_cast<std::int32_t>(second.fd())));
    auto pair = TRY(UnixSocket::create_pair(kind, socket_flags(type), identity_of(task)));
    first.commit({std::move(pair.first), Rights::kAll}, close_on_exec_of(type));
    second.commit({std::move(pair.second), Rights::kAll}, close_on_exec_of(type));
    return 0;
}

Result<long> sys_bind(Task& task, Fd fd, UserAddr at, std::uint32_t bytes) {
    const auto socket = TRY(socket_of(task, fd));
    const SocketName name = TRY(read_name(at, bytes));
    if (name.family != abi::kAfUnix) return Errno::INVAL;
    if (name.name.size == 0) {
        if (socket->name().size == 0) TRY(socket->bind_automatically());
    } else if (name.name.is_abstract()) {
        TRY(socket->bind_abstract(name.name));
    } else {
        if (socket->name().size != 0) return Errno::INVAL;
        TRY(bind_path(task, *socket, name.name));
    }
    return 0;
}

Result<long> sys_listen(Task& task, Fd fd, std::int32_t backlog) {
    const auto socket = TRY(socket_of(task, fd));
    // As on Linux, a negative one is as many as there may be.
    TRY(socket->listen(static_cast<std::uint32_t>(backlog), identity_of(task)));
    return 0;
}

Result<long> sys_accept(Task& task, Fd fd, UserAddr name, UserAddr bytes) {
    return sys_accept4(task, fd, name, bytes, Flags{});
}

Result<long> sys_accept4(Task& task, Fd fd, UserAddr name, UserAddr bytes, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec | abi::kONonBlock)) return Errno::INVAL;
    const auto socket = TRY(socket_of(task, fd));
    if (socket->kind() == UnixSocket::Kind::kDatagram) return Errno::OPNOTSUPP;
    auto reserved = TRY(task.process().handles->reserve(file_limit(task)));
    Ref<UnixSocket> accepted = TRY(socket->accept(socket->flags()));
    accepted->set_flags(socket_flags(flags));
    if (!name.is_null()) {
        const UnixName peer = TRY(accepted->peer_name());
        TRY(write_name(name, bytes, peer));
    }
    return static_cast<long>(
        reserved.commit({std::move(accepted), Rights::kAll}, close_on_exec_of(flags)));
}

Result<long> sys_connect(Task& task, Fd fd, UserAddr at, std::uint32_t bytes) {
    const auto socket = TRY(socket_of(task, fd));
    const SocketName name = TRY(read_name(at, bytes));
    if (name.family == abi::kAfUnspecified && socket->kind() == UnixSocket::Kind::kDatagram) {
        socket->disconnect();
        return 0;
    }
    if (name.family != abi::kAfUnix) return Errno::INVAL;
    const auto to = TRY(find_socket(task, name.name));
    TRY(socket->connect(*to, identity_of(task)));
    return 0;
}

Result<long> sys_getsockname(Task& task, Fd fd, UserAddr name, UserAddr bytes) {
    const auto socket = TRY(socket_of(task, fd));
    TRY(write_name(name, bytes, socket->name()));
    return 0;
}

Result<long> sys_getpeername(Task& task, Fd fd, UserAddr name, UserAddr bytes) {
    const auto socket = TRY(socket_of(task, fd));
    const UnixName peer = TRY(socket->peer_name());
    TRY(write_name(name, bytes, peer));
    return 0;
}

Result<long> sys_shutdown(Task& task, Fd fd, std::uint32_t how) {
    constexpr std::uint32_t kReceive = 0, kSend = 1, kBoth = 2;
    const auto socket = TRY(socket_of(task, fd));
    if (how > kBoth) return Errno::INVAL;
    socket->shutdown(how != kSend, how != kReceive);
    return 0;
}

Result<long> sys_setsockopt(Task& task, Fd fd, std::int32_t level, std::uint32_t option,
                            UserAddr at, std::uint32_t bytes) {
    const auto socket = TRY(socket_of(task, fd));
    if (level != abi::kSolSocket) return Errno::OPNOTSUPP;
    if (bytes < sizeof(std::int32_t)) return Errno::INVAL;
    const auto value = TRY(UserIn<std::int32_t>{at}.read());
    switch (option) {
        case abi::kSoPassCred:
            socket->wants_sender().store(value != 0, std::memory_order_relaxed);
            return 0;
        case abi::kSoReuseAddr:
        case abi::kSoKeepAlive:
        case abi::kSoBroadcast:
        case abi::kSoSndBuf:
        case abi::kSoRcvBuf:
            return 0;  // hints, which change nothing within a machine
        default:
            return Errno::NOPROTOOPT;
    }
}

Result<long> sys_getsockopt(Task& task, Fd fd, std::int32_t level, std::uint32_t option,
                            UserAddr at, UserAddr bytes) {
    const auto socket = TRY(socket_of(task, fd));
    if (level != abi::kSolSocket) return Errno::OPNOTSUPP;
    const auto room = TRY(UserIn<std::int32_t>{bytes}.read());
    if (room < 0) return Errno::INVAL;
    const auto tell = [&](const void* value, std::size_t size) -> Result<long> {
        const std::size_t told = std::min(size, static_cast<std::size_t>(room));
        TRY(write_user(at, value, told));
        TRY(UserOut<std::int32_t>{bytes}.write(static_cast<std::int32_t>(told)));
        return 0;
    };
    std::int32_t value = 0;
    switch (option) {
        case abi::kSoType:
            value = type_number(socket->kind());
            break;
        case abi::kSoDomain:
            value = abi::kAfUnix;
            break;
        case abi::kSoAcceptConn:
            value = socket->is_listening() ? 1 : 0;
            break;
        case abi::kSoPassCred:
            value = socket->wants_sender().load(std::memory_order_relaxed) ? 1 : 0;
            break;
        case abi::kSoSndBuf:
        case abi::kSoRcvBuf:
            value = PacketQueue::kMostBytes;
            break;
        case abi::kSoError:
            value = socket->take_reset() ? static_cast<std::int32_t>(Errno::CONNRESET) : 0;
            break;
        case abi::kSoProtocol:
            break;
        case abi::kSoPeerCred: {
            const PeerIdentity peer = socket->peer();
            const abi::Ucred credentials{peer.process, peer.uid, peer.gid};
            return tell(&credentials, sizeof credentials);
        }
        default:
            return Errno::NOPROTOOPT;
    }
    return tell(&value, sizeof value);
}

}  // namespace exo::posix

namespace exo {

PeerIdentity running_identity() {
    if (this_thread().space() == nullptr) return {};
    return posix::identity_of(posix::this_task());
}

}  // namespace exo
