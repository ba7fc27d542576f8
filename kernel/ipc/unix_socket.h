// Sockets within the machine (unix(7)): streams, packets and datagrams between two programs, with
// handles and the sender's identity beside the bytes. What two connected sockets share is a
// UnixLink: a pipe or a queue each way. Datagrams lie in the queue of who receives them.
//
// A socket's state is under a spin lock, which is not held while bytes move or somebody waits. No
// two sockets' states are held at once: a connection is made by giving the listener one end,
// complete, for which there is a place in its backlog.
#pragma once

#include <optional>

#include "kernel/fs/file.h"
#include "kernel/ipc/packet_queue.h"
#include "kernel/ipc/pipe.h"

namespace exo {

class UnixSocket;

/// Where connect(2) finds a bound socket: kept by the inode, or by the table of abstract names.
class UnixEndpoint final : public RefCounted {
  public:
    /// Empty: it is closed.
    [[nodiscard]] RefPtr<UnixSocket> socket();

  private:
    friend class UnixSocket;
    // Not a reference: the socket takes itself out before it goes.
    Locked<UnixSocket*, SpinLock<LockRank::kFileWatches>> socket_{nullptr};
};

/// Both directions of a connection. A socket has one from its beginning, so that who waits for it
/// before it is connected waits at the right place.
struct UnixLink final : public RefCounted {
    /// Of one of the two: what it receives, and what the other is to know of it. The kind says
    /// which of `pipe` and `queue` is there.
    struct Side {
        RefPtr<Pipe> pipe;
        RefPtr<PacketQueue> queue;
        Locked<UnixName, SpinLock<LockRank::kFileWatches>> name;
        Atomic<bool> reset{false};  ///< the other closed without having read all
        /// SO_PASSCRED: it wants to be told who sends.
        Atomic<bool> wants_sender{false};
    };
    Side sides[2];
};

class UnixSocket final : public File {
  public:
    enum class Kind : std::uint8_t { kStream, kDatagram, kPackets };
    struct Pair {
        Ref<UnixSocket> first, second;
    };

    static Result<Ref<UnixSocket>> create(Kind kind, FileFlags flags, const PeerIdentity& who);
    /// Connected to each other, by `who`.
    static Result<Pair> create_pair(Kind kind, FileFlags flags, const PeerIdentity& who);

    [[nodiscard]] Kind kind() const { return kind_; }
    /// INVAL: it has a name already. The endpoint is new, and others find it.
    Result<void> bind(const UnixName& name, Ref<UnixEndpoint> endpoint);
    /// In the table of abstract names. ADDRINUSE; INVAL; NOMEM.
    Result<void> bind_abstract(const UnixName& name);
    /// With a name that nobody has (unix(7), autobind).
    Result<void> bind_automatically();
    /// CONNREFUSED: nobody has the name.
    static Result<Ref<UnixSocket>> find_abstract(const UnixName& name);

    /// INVAL: no name, or connected; OPNOTSUPP: of datagrams.
    Result<void> listen(std::uint32_t backlog, const PeerIdentity& who);
    /// The next who connects. INVAL: it does not listen, or no more. AGAIN, RESTARTSYS.
    Result<Ref<UnixSocket>> accept(FileFlags flags);
    /// Of datagrams: where sends go that name nobody. CONNREFUSED: it does not listen; PROTOTYPE:
    /// of another kind; ISCONN; PERM: a datagram socket that is connected to another; AGAIN: the
    /// backlog is full; RESTARTSYS.
    Result<void> connect(UnixSocket& to, const PeerIdentity& who);
    /// Of datagrams: undoes that.
    void disconnect();

    struct Outgoing {
        FileFlags flags = FileFlags::kNone;
        RefPtr<UnixSocket> to;  ///< of datagrams; empty: where it is connected
        RefPtr<SentHandles> handles;
        std::optional<PeerIdentity> sender;  ///< as it says; else who runs
    };
    /// PIPE, NOTCONN, CONNREFUSED, PERM, PROTOTYPE, MSGSIZE, AGAIN, RESTARTSYS.
    Result<std::size_t> send(IoCursor& from, const Outgoing& message);

    struct Wish {
        FileFlags flags = FileFlags::kNone;
        bool peek = false;
        bool all = false;  ///< of a stream: not less than asked, unless it ends
    };
    /// `about.full_size` is of packets only. NOTCONN, INVAL (a stream that is not connected),
    /// CONNRESET, AGAIN, RESTARTSYS, FAULT.
    Result<std::size_t> receive(IoCursor& to, const Wish& wish, PacketQueue::About& about);

    /// What is on its way to a side that receives no more is still received. Of one that listens:
    /// nobody connects any more.
    void shutdown(bool receiving, bool sending);

    [[nodiscard]] UnixName name() { return *mine().name.lock(); }
    Result<UnixName> peer_name();
    [[nodiscard]] PeerIdentity peer() { return state_.lock()->peer; }
    [[nodiscard]] bool is_listening() { return state_.lock()->phase == Phase::kListening; }
    [[nodiscard]] bool is_connected() { return state_.lock()->phase == Phase::kConnected; }
    /// SO_PASSCRED.
    [[nodiscard]] Atomic<bool>& wants_sender() { return mine().wants_sender; }
    /// SO_ERROR: what happened, once.
    [[nodiscard]] bool take_reset() {
        return mine().reset.exchange(false, std::memory_order_relaxed);
    }

    Result<std::size_t> read(IoCursor& to) override;
    Result<std::size_t> write(IoCursor& from) override;
    PollEvents poll(PollTable* table) override;
    Result<std::size_t> readable_bytes() override;
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }

  private:
    enum class Phase : std::uint8_t { kNew, kListening, kConnected, kClosed };
    struct State {
        Phase phase = Phase::kNew;
        PeerIdentity peer;  // of one that listens: whom those who connect see
        RefPtr<UnixEndpoint> endpoint;
        bool no_receive = false, no_send = false;
        PeerIdentity last_sender;  // of a stream: of the attachment that was taken last

        // Of one that listens.
        std::uint32_t backlog = 0;
        std::uint32_t promised = 0;       // places that are kept for who is connecting
        Vector<Ref<UnixSocket>> pending;  // connected, not accepted yet, the oldest first

        // Of datagrams that are connected.
        RefPtr<PacketQueue> to;
        UnixName to_name;
    };

    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    UnixSocket(Kind kind, FileFlags flags, Ref<Inode> inode, Ref<UnixLink> link, unsigned side);
    static Result<Ref<UnixSocket>> create_side(Kind kind, FileFlags flags, const PeerIdentity& who,
                                               const Ref<UnixLink>& link, unsigned side);
    ~UnixSocket() override { leave(); }
    void hang_up() override { leave(); }
    void leave();

    [[nodiscard]] UnixLink::Side& mine() const { return link_->sides[side_]; }
    [[nodiscard]] UnixLink::Side& theirs() const { return link_->sides[1 - side_]; }
    static Result<Ref<UnixLink>> create_link(Kind kind);
    void become_connected(const PeerIdentity& peer);

    Result<void> promise_place(FileFlags flags, PeerIdentity& listener);
    void fill_place(RefPtr<UnixSocket> other_end);
    Result<void> connect_datagrams(UnixSocket& to);
    Result<void> check_may_send(UnixSocket& to);

    Result<void> check_can_send();
    Result<std::size_t> send_bytes(IoCursor& from, const Outgoing& message);
    Result<std::size_t> send_attached(IoCursor& from, const Outgoing& message);
    Result<std::size_t> send_packet(IoCursor& from, const Outgoing& message);
    Result<std::size_t> receive_bytes(IoCursor& to, const Wish& wish, PacketQueue::About& about);
    PollEvents poll_connected(PollTable* table, bool connected, bool no_send);
    PollEvents poll_datagrams(PollTable* table);

    const Kind kind_;
    const Ref<Inode> inode_;
    const Ref<UnixLink> link_;
    const unsigned side_;  // of the link
    Locked<State, SpinLock<LockRank::kSocket>> state_;
    WaitQueue acceptable_;  // somebody has connected
    WaitQueue room_;        // somebody was accepted
};

}  // namespace exo
