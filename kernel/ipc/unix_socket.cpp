#include "kernel/ipc/unix_socket.h"

#include <algorithm>

#include "kernel/fs/unnamed_inode.h"
#include "kernel/ipc/abstract_names.h"

namespace exo {

namespace {

constinit Atomic<std::uint32_t> next_automatic{0};

}  // namespace

RefPtr<UnixSocket> UnixEndpoint::socket() {
    auto socket = socket_.lock();
    return RefPtr<UnixSocket>(*socket);
}

UnixSocket::UnixSocket(Kind kind, FileFlags flags, Ref<Inode> inode, Ref<UnixLink> link,
                       unsigned side)
    : File(ObjectType::kSocket, flags),
      kind_(kind),
      inode_(std::move(inode)),
      link_(std::move(link)),
      side_(side) {}

Result<Ref<UnixLink>> UnixSocket::create_link(Kind kind) {
    Ref<UnixLink> link = TRY(make_ref<UnixLink>());
    for (UnixLink::Side& side : link->sides) {
        if (kind == Kind::kStream) {
            side.pipe = TRY(Pipe::create_with_ends());
        } else {
            side.queue = TRY(make_ref<PacketQueue>());
        }
    }
    return link;
}

Result<Ref<UnixSocket>> UnixSocket::create_side(Kind kind, FileFlags flags, const PeerIdentity& who,
                                                const Ref<UnixLink>& link, unsigned side) {
    Ref<Inode> inode = TRY(create_unnamed_inode(FileType::kSocket, who.uid, who.gid));
    return make_ref<UnixSocket>(kind, flags, std::move(inode), link, side);
}

Result<Ref<UnixSocket>> UnixSocket::create(Kind kind, FileFlags flags, const PeerIdentity& who) {
    return create_side(kind, flags, who, TRY(create_link(kind)), 0);
}

void UnixSocket::become_connected(const PeerIdentity& peer) {
    auto state = state_.lock();
    state->peer = peer;
    state->phase = Phase::kConnected;
}

Result<UnixSocket::Pair> UnixSocket::create_pair(Kind kind, FileFlags flags,
                                                 const PeerIdentity& who) {
    const Ref<UnixLink> link = TRY(create_link(kind));
    Pair pair{TRY(create_side(kind, flags, who, link, 0)),
              TRY(create_side(kind, flags, who, link, 1))};
    pair.first->become_connected(who);
    pair.second->become_connected(who);
    if (kind == Kind::kDatagram) {
        pair.first->state_.lock()->to = link->sides[1].queue;
        pair.second->state_.lock()->to = link->sides[0].queue;
    }
    return pair;
}

// Once: by the last handle, or with a socket that never got one. The link stays until the socket
// itself goes, since somebody may be waiting in its queues.
void UnixSocket::leave() {
    RefPtr<UnixEndpoint> endpoint;
    RefPtr<PacketQueue> to;
    Vector<Ref<UnixSocket>> pending;
    Phase phase;
    {
        auto state = state_.lock();
        phase = std::exchange(state->phase, Phase::kClosed);
        if (phase == Phase::kClosed) return;
        std::swap(endpoint, state->endpoint);
        std::swap(to, state->to);
        std::swap(pending, state->pending);
    }
    if (endpoint) {
        *endpoint->socket_.lock() = nullptr;
        const UnixName bound = name();
        if (bound.is_abstract()) remove_abstract_name(bound, *endpoint);
    }
    acceptable_.wake_all();
    room_.wake_all();
    for (const Ref<UnixSocket>& each : pending)
        each->theirs().reset.store(true, std::memory_order_relaxed);
    // relaxed, here and above: the end that follows is what the other side looks at first.
    if (kind_ == Kind::kStream) {
        if (mine().pipe->bytes() != 0) theirs().reset.store(true, std::memory_order_relaxed);
        mine().pipe->end_and_drop();
        theirs().pipe->end();
    } else {
        if (kind_ == Kind::kPackets && !mine().queue->empty())
            theirs().reset.store(true, std::memory_order_relaxed);
        mine().queue->close();
        if (kind_ == Kind::kPackets) theirs().queue->end();
    }
}

Result<void> UnixSocket::bind(const UnixName& name, Ref<UnixEndpoint> endpoint) {
    auto state = state_.lock();
    auto mine_now = mine().name.lock();
    if (mine_now->size != 0 || state->phase == Phase::kClosed) return Errno::INVAL;
    *mine_now = name;
    endpoint->socket_.unlocked() = this;  // nobody else has it yet, or finds it by its name
    state->endpoint = std::move(endpoint);
    return {};
}

Result<void> UnixSocket::bind_abstract(const UnixName& name) {
    if (this->name().size != 0) return Errno::INVAL;
    const Ref<UnixEndpoint> endpoint = TRY(make_ref<UnixEndpoint>());
    TRY(add_abstract_name(name, endpoint));
    const Result<void> bound = bind(name, endpoint);
    if (!bound) remove_abstract_name(name, *endpoint);
    return bound;
}

Result<void> UnixSocket::bind_automatically() {
    constexpr std::string_view kDigits = "0123456789abcdef";
    constexpr std::uint32_t kNumbers = 1 << 20;
    for (std::uint32_t tries = 0; tries < kNumbers; ++tries) {
        std::uint32_t number = next_automatic.fetch_add(1, std::memory_order_relaxed) % kNumbers;
        UnixName name;
        name.size = 6;  // a NUL and five digits
        for (std::size_t at = 5; at != 0; --at, number /= 16) name.bytes[at] = kDigits[number % 16];
        const Result<void> bound = bind_abstract(name);
        if (bound || bound.error() != Errno::ADDRINUSE) return bound;
    }
    return Errno::NOSPC;
}

Result<Ref<UnixSocket>> UnixSocket::find_abstract(const UnixName& name) {
    const RefPtr<UnixEndpoint> endpoint = find_abstract_name(name);
    const RefPtr<UnixSocket> socket = endpoint ? endpoint->socket() : RefPtr<UnixSocket>();
    if (!socket) return Errno::CONNREFUSED;
    return socket.to_ref();
}

Result<void> UnixSocket::listen(std::uint32_t backlog, const PeerIdentity& who) {
    if (kind_ == Kind::kDatagram) return Errno::OPNOTSUPP;
    constexpr std::uint32_t kMost = 4096;  // net.core.somaxconn
    backlog = std::min(backlog, kMost);
    Vector<Ref<UnixSocket>> room;
    TRY(room.reserve(std::size_t{backlog} + 1));
    {
        auto state = state_.lock();
        if (!state->endpoint || state->phase == Phase::kConnected) return Errno::INVAL;
        if (state->pending.capacity() < room.capacity()) {
            // Cannot fail: there is more room than before.
            for (Ref<UnixSocket>& each : state->pending) MUST(room.push_back(std::move(each)));
            std::swap(state->pending, room);
        }
        state->backlog = backlog;
        state->peer = who;
        state->phase = Phase::kListening;
    }
    room_.wake_all();
    // Those that were moved are empty: nothing is to be given back.
    return {};
}

Result<Ref<UnixSocket>> UnixSocket::accept(FileFlags flags) {
    for (;;) {
        {
            auto state = state_.lock();
            if (state->phase != Phase::kListening) return Errno::INVAL;
            if (!state->pending.empty()) {
                Ref<UnixSocket> first = std::move(state->pending[0]);
                for (std::size_t i = 1; i < state->pending.size(); ++i)
                    state->pending[i - 1] = std::move(state->pending[i]);
                state->pending.pop_back();
                room_.wake_one();
                return first;
            }
            if (state->no_receive) return Errno::INVAL;
        }
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(acceptable_.wait([this] {
            auto state = state_.lock();
            return !state->pending.empty() || state->phase != Phase::kListening ||
                   state->no_receive;
        }));
    }
}

/// Keeps a place in the backlog for who connects; fill_place() must follow. Waits for one.
Result<void> UnixSocket::promise_place(FileFlags flags, PeerIdentity& listener) {
    const auto full = [](const State& state) {
        return state.pending.size() + state.promised > state.backlog;
    };
    for (;;) {
        {
            auto state = state_.lock();
            if (state->phase != Phase::kListening || state->no_receive) return Errno::CONNREFUSED;
            if (!full(*state)) {
                ++state->promised;
                listener = state->peer;
                return {};
            }
        }
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(room_.wait([&] {
            auto state = state_.lock();
            return state->phase != Phase::kListening || state->no_receive || !full(*state);
        }));
    }
}

/// Empty: the place is not needed. If nobody listens any more, the end is as if it had been closed
/// before it was accepted.
void UnixSocket::fill_place(RefPtr<UnixSocket> other_end) {
    {
        auto state = state_.lock();
        --state->promised;
        if (other_end && state->phase == Phase::kListening) {
            // Cannot fail: listen() made room for the backlog and one more.
            MUST(state->pending.push_back(Ref<UnixSocket>::adopt(*other_end.release())));
        }
    }
    if (other_end) other_end->theirs().reset.store(true, std::memory_order_relaxed);
    acceptable_.wake_one();
    room_.wake_one();
}

Result<void> UnixSocket::connect(UnixSocket& to, const PeerIdentity& who) {
    if (to.kind_ != kind_) return Errno::PROTOTYPE;
    if (kind_ == Kind::kDatagram) return connect_datagrams(to);
    {
        auto state = state_.lock();
        if (state->phase == Phase::kConnected) return Errno::ISCONN;
        if (state->phase != Phase::kNew) return Errno::INVAL;
    }
    PeerIdentity listener;
    TRY(to.promise_place(flags(), listener));
    const Result<Ref<UnixSocket>> other =
        create_side(kind_, FileFlags::kNone, listener, link_, 1 - side_);
    Result<void> claimed;
    if (other) {
        auto state = state_.lock();
        if (state->phase == Phase::kConnected) claimed = Errno::ISCONN;
        if (state->phase == Phase::kListening || state->phase == Phase::kClosed)
            claimed = Errno::INVAL;
        if (claimed) {
            state->peer = listener;
            state->phase = Phase::kConnected;
        }
    }
    if (!other || !claimed) {
        to.fill_place({});
        if (!other) return other.error();
        (*other)->state_.lock()->phase = Phase::kClosed;  // it ends nothing of the link
        return claimed;
    }
    // Complete before anybody can accept it.
    *theirs().name.lock() = to.name();
    theirs().wants_sender.store(to.wants_sender().load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
    (*other)->become_connected(who);
    to.fill_place(*other);
    return {};
}

/// EPERM on Linux: who is connected receives from its peer only.
Result<void> UnixSocket::check_may_send(UnixSocket& to) {
    if (to.kind_ != kind_) return Errno::PROTOTYPE;
    auto state = to.state_.lock();
    if (state->to && state->to.get() != mine().queue.get()) return Errno::PERM;
    return {};
}

Result<void> UnixSocket::connect_datagrams(UnixSocket& to) {
    TRY(check_may_send(to));
    if (to.mine().queue->closed()) return Errno::CONNREFUSED;
    RefPtr<PacketQueue> queue = to.mine().queue;
    const UnixName name = to.name();
    auto state = state_.lock();
    if (state->phase == Phase::kClosed) return Errno::INVAL;
    std::swap(state->to, queue);
    state->to_name = name;
    state->phase = Phase::kConnected;
    return {};
}

void UnixSocket::disconnect() {
    RefPtr<PacketQueue> old;
    auto state = state_.lock();
    std::swap(state->to, old);
    state->to_name = {};
    if (state->phase == Phase::kConnected) state->phase = Phase::kNew;
}

void UnixSocket::shutdown(bool receiving, bool sending) {
    bool connected;
    {
        auto state = state_.lock();
        connected = state->phase == Phase::kConnected;
        state->no_receive |= receiving;
        state->no_send |= sending;
    }
    if (receiving) {
        if (kind_ != Kind::kStream) {
            mine().queue->end();
        } else if (connected) {
            mine().pipe->end();
        }
        acceptable_.wake_all();
        room_.wake_all();
    }
    if (!sending || !connected || kind_ == Kind::kDatagram) return;
    kind_ == Kind::kStream ? theirs().pipe->end() : theirs().queue->end();
}

Result<UnixName> UnixSocket::peer_name() {
    {
        auto state = state_.lock();
        if (state->phase != Phase::kConnected) return Errno::NOTCONN;
        if (state->to_name.size != 0) return state->to_name;
    }
    return *theirs().name.lock();
}

// What Linux's unix_poll and unix_dgram_poll say of each state.
PollEvents UnixSocket::poll(PollTable* table) {
    if (kind_ == Kind::kDatagram) return poll_datagrams(table);
    Phase phase;
    bool pending, no_receive, no_send;
    {
        auto state = state_.lock();
        phase = state->phase;
        pending = !state->pending.empty();
        no_receive = state->no_receive;
        no_send = state->no_send;
    }
    if (table != nullptr && phase != Phase::kConnected) table->watch(acceptable_);
    PollEvents events = poll_connected(table, phase == Phase::kConnected, no_send);
    if (phase == Phase::kConnected) return events;
    if (phase == Phase::kListening)
        events = pending ? PollEvents::kIn : PollEvents::kNone;
    else
        events = PollEvents::kOut | PollEvents::kHangup;
    if (no_receive) events = events | PollEvents::kIn | PollEvents::kReadHangup;
    if (no_receive && no_send) events = events | PollEvents::kHangup;
    return events;
}

PollEvents UnixSocket::poll_connected(PollTable* table, bool connected, bool no_send) {
    const bool stream = kind_ == Kind::kStream;
    if (table != nullptr) {
        table->watch(stream ? mine().pipe->readable() : mine().queue->readable());
        table->watch(stream ? theirs().pipe->writable() : theirs().queue->writable());
    }
    if (!connected) return PollEvents::kNone;
    const bool in_ended = stream ? mine().pipe->ended() : mine().queue->ended();
    const bool out_ended = no_send || (stream ? theirs().pipe->ended() : theirs().queue->ended());
    const bool full = stream ? !theirs().pipe->has_room() : !theirs().queue->has_room();
    const bool empty = stream ? mine().pipe->bytes() == 0 : mine().queue->empty();
    PollEvents events = PollEvents::kNone;
    if (!empty) events = events | PollEvents::kIn;
    if (!full || out_ended) events = events | PollEvents::kOut;
    if (in_ended) events = events | PollEvents::kIn | PollEvents::kReadHangup;
    if (in_ended && out_ended) events = events | PollEvents::kHangup;
    if (mine().reset.load(std::memory_order_relaxed)) events = events | PollEvents::kError;
    return events;
}

PollEvents UnixSocket::poll_datagrams(PollTable* table) {
    RefPtr<PacketQueue> to;
    bool no_send;
    {
        auto state = state_.lock();
        to = state->to;
        no_send = state->no_send;
    }
    PacketQueue& in = *mine().queue;
    if (table != nullptr) {
        table->watch(in.readable());
        if (to) table->watch(to->writable(), to);
    }
    PollEvents events = PollEvents::kNone;
    if (!in.empty()) events = events | PollEvents::kIn;
    if (!to || no_send || to->has_room() || to->ended()) events = events | PollEvents::kOut;
    if (in.ended()) events = events | PollEvents::kIn | PollEvents::kReadHangup;
    if (in.ended() && no_send) events = events | PollEvents::kHangup;
    return events;
}

Result<std::size_t> UnixSocket::readable_bytes() {
    if (is_listening()) return Errno::INVAL;
    return kind_ == Kind::kStream ? mine().pipe->bytes() : mine().queue->first_size();
}

}  // namespace exo
