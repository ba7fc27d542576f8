// What moves through Unix sockets: bytes with attachments, or packets.
#include <algorithm>

#include "kernel/ipc/unix_socket.h"

namespace exo {

namespace {

/// What goes beside the bytes of a stream.
struct StreamNote final : PipeAttachment {
    StreamNote(RefPtr<SentHandles> h, const PeerIdentity& s) : handles(std::move(h)), sender(s) {}
    // Handles end a read, and begin one.
    [[nodiscard]] bool continues(const PipeAttachment& before) const override {
        const auto& earlier = static_cast<const StreamNote&>(before);
        return !handles && !earlier.handles && sender == earlier.sender;
    }
    RefPtr<SentHandles> handles;
    PeerIdentity sender;
};

}  // namespace

Result<std::size_t> UnixSocket::send(IoCursor& from, const Outgoing& message) {
    return kind_ == Kind::kStream ? send_bytes(from, message) : send_packet(from, message);
}

Result<void> UnixSocket::check_can_send() {
    auto state = state_.lock();
    if (state->no_send) return Errno::PIPE;
    if (kind_ != Kind::kDatagram && state->phase != Phase::kConnected) return Errno::NOTCONN;
    return {};
}

Result<std::size_t> UnixSocket::send_bytes(IoCursor& from, const Outgoing& message) {
    TRY(check_can_send());
    const bool tell = message.sender || mine().wants_sender.load(std::memory_order_relaxed) ||
                      theirs().wants_sender.load(std::memory_order_relaxed);
    if (tell || message.handles) return send_attached(from, message);
    return theirs().pipe->write(from, message.flags);
}

/// In pieces that go as one, each with its sender, the first with the handles.
Result<std::size_t> UnixSocket::send_attached(IoCursor& from, const Outgoing& message) {
    const PeerIdentity sender = message.sender ? *message.sender : running_identity();
    RefPtr<SentHandles> handles = message.handles;
    std::size_t total = 0;
    while (from.remaining() != 0) {
        auto note = Box<StreamNote>::create(std::move(handles), sender);
        if (!note) return total != 0 ? Result<std::size_t>(total) : note.error();
        PipeAttachment* attached = note->release();
        IoCursor piece = from;
        piece.limit(kPipeBuf);
        const Result<std::size_t> done = theirs().pipe->write(piece, message.flags, &attached);
        delete attached;  // if not a byte went
        if (!done) return total != 0 ? Result<std::size_t>(total) : done;
        from.advance(*done);
        total += *done;
        handles = {};
    }
    return total;
}

Result<std::size_t> UnixSocket::send_packet(IoCursor& from, const Outgoing& message) {
    TRY(check_can_send());
    RefPtr<PacketQueue> to = theirs().queue;
    if (kind_ == Kind::kDatagram && message.to) {
        TRY(check_may_send(*message.to));
        to = message.to->mine().queue;
    } else if (kind_ == Kind::kDatagram) {
        to = state_.lock()->to;
    }
    if (!to) return Errno::NOTCONN;
    const std::size_t size = from.remaining();
    if (size > PacketQueue::kMostBytes) return Errno::MSGSIZE;
    auto packet = TRY(Box<Packet>::create());
    TRY(packet->data.resize(size));
    if (size != 0 && TRY(from.take(packet->data.data(), size)) != size) return Errno::FAULT;
    packet->from = name();
    packet->handles = message.handles;
    packet->sender = message.sender ? *message.sender : running_identity();
    const Result<void> sent = to->push(std::move(packet), message.flags);
    if (sent) return size;
    // Whoever receives packets of a connection that ended is told so by the pipe's error.
    if (sent.error() == Errno::CONNREFUSED && kind_ == Kind::kPackets) return Errno::PIPE;
    return sent.error();
}

Result<std::size_t> UnixSocket::receive(IoCursor& to, const Wish& wish, PacketQueue::About& about) {
    if (kind_ == Kind::kStream) return receive_bytes(to, wish, about);
    if (kind_ == Kind::kPackets && !is_connected()) return Errno::NOTCONN;
    using Take = PacketQueue::Take;
    PacketQueue& in = *mine().queue;
    // As Linux does, an error that is waiting comes before what was sent before it.
    if (take_reset()) return Errno::CONNRESET;
    return in.receive(to, wish.flags, wish.peek ? Take::kLook : Take::kPacket, about);
}

Result<std::size_t> UnixSocket::receive_bytes(IoCursor& to, const Wish& wish,
                                              PacketQueue::About& about) {
    if (!is_connected()) return Errno::INVAL;
    Pipe& in = *mine().pipe;
    if (wish.peek) return in.peek(to, wish.flags);
    AttachedRead attached;
    Box<StreamNote> note(nullptr);
    std::size_t total = 0;
    do {
        const Result<std::size_t> done = in.read(to, wish.flags, &attached);
        if (!done && total == 0) return done;
        if (!done || *done == 0) break;
        total += *done;
        if (attached.taken != nullptr) {
            note = Box<StreamNote>(static_cast<StreamNote*>(attached.taken));
            attached.taken = nullptr;
            state_.lock()->last_sender = note->sender;
            about.handles = note->handles;
        }
        if (total == *done && attached.within) about.sender = state_.lock()->last_sender;
        attached.goes_on = true;
        attached.after = attached.within ? note.get() : nullptr;
    } while (wish.all && to.remaining() != 0 && !about.handles);
    if (total == 0 && to.remaining() != 0 && take_reset()) return Errno::CONNRESET;
    return total;
}

Result<std::size_t> UnixSocket::read(IoCursor& to) {
    if (to.remaining() == 0) return std::size_t{0};
    PacketQueue::About about;
    return receive(to, {.flags = flags()}, about);
}

Result<std::size_t> UnixSocket::write(IoCursor& from) {
    return send(from, {.flags = flags(), .to = {}, .handles = {}, .sender = {}});
}

}  // namespace exo
