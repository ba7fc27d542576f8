// Packets on their way to one receiver, each whole: data, handles, who sent it and from where. Many
// send, many may receive; a packet comes to one.
#pragma once

#include <array>
#include <compare>
#include <string_view>

#include "kernel/core/mutex.h"
#include "kernel/fs/file.h"
#include "kernel/ipc/peer_identity.h"
#include "kernel/ipc/sent_handles.h"

namespace exo {

/// sun_path: a path as it was given, or (its first byte is NUL) a name in a name space of its own.
struct UnixName {
    static constexpr std::size_t kMost = 108;
    std::array<char, kMost> bytes = {};
    std::size_t size = 0;  ///< 0: none
    [[nodiscard]] std::string_view view() const { return {bytes.data(), size}; }
    /// By the bytes; what is beyond `size` is NUL.
    auto operator<=>(const UnixName&) const = default;
    [[nodiscard]] bool is_abstract() const { return size != 0 && bytes[0] == '\0'; }
};

struct Packet {
    ListLink link;
    Vector<std::byte> data;
    RefPtr<SentHandles> handles;
    PeerIdentity sender;
    UnixName from;
};

class PacketQueue final : public RefCounted {
  public:
    /// A packet is no longer than what may lie in a queue (net.core.wmem_default of Linux).
    static constexpr std::size_t kMostBytes = 212992;
    static constexpr std::size_t kMostPackets = 1024;

    /// What is known of the packet that was received.
    struct About {
        RefPtr<SentHandles> handles;
        PeerIdentity sender;
        UnixName from;
        std::size_t full_size = 0;
    };
    enum class Take : std::uint8_t { kPacket, kLook };

    /// Waits for room. PIPE: it has ended; CONNREFUSED: it is closed; AGAIN; RESTARTSYS.
    Result<void> push(Box<Packet> packet, FileFlags flags);
    /// As much of a packet as fits; the rest is lost. Waits for one; 0 bytes and no full size: the
    /// end. A packet that meets a fault stays. AGAIN, RESTARTSYS, FAULT.
    Result<std::size_t> receive(IoCursor& to, FileFlags flags, Take take, About& about);

    /// Nothing is sent any more: what is in it is still received.
    void end();
    /// Nobody receives any more: what is in it is dropped. May sleep.
    void close();

    /// Woken when there is a packet, or the end; when there is room, or no use for it.
    [[nodiscard]] WaitQueue& readable() { return readable_; }
    [[nodiscard]] WaitQueue& writable() { return writable_; }
    [[nodiscard]] bool empty() { return state_.lock()->packets.empty(); }
    [[nodiscard]] bool has_room() { return state_.lock()->has_room(); }
    [[nodiscard]] bool ended() { return state_.lock()->over(); }
    [[nodiscard]] bool closed() { return state_.lock()->closed; }
    /// Bytes of the packet that is next; 0: none.
    [[nodiscard]] std::size_t first_size();

  private:
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    PacketQueue() = default;
    ~PacketQueue() override;

    struct State {
        List<Packet, &Packet::link> packets;
        std::size_t count = 0, bytes = 0;
        bool ended = false, closed = false;
        [[nodiscard]] bool over() const { return ended || closed; }
        [[nodiscard]] bool has_room() const { return bytes < kMostBytes && count < kMostPackets; }
    };

    Result<std::size_t> take_first(IoCursor& to, Take take, About& about);

    Mutex<LockRank::kPipe> receiving_;  // the first packet stays while it is copied
    Locked<State, SpinLock<LockRank::kFileWatches>> state_;
    WaitQueue readable_, writable_;
};

}  // namespace exo
