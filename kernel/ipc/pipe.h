// pipe(7): a stream of bytes between two ends on a Fusion Ring. Messages are slots of up to 56
// bytes or descriptors of pages; writes of up to PIPE_BUF (4096) bytes are not torn.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/fs/file.h"
#include "kernel/ipc/pipe_stream.h"
#include "kernel/object/rights.h"

namespace exo {

/// Bytes that a pipe holds at most, and a new one, as F_GETPIPE_SZ of Linux says.
inline constexpr std::size_t kPipeCapacity = 64 * 1024;
/// Writes of up to so many bytes are whole or not at all.
inline constexpr std::size_t kPipeBuf = 4096;

/// What travels beside the bytes of one write, for sockets: handed out with the first of them.
class PipeAttachment {
  public:
    PipeAttachment() = default;
    virtual ~PipeAttachment() = default;
    PipeAttachment(const PipeAttachment&) = delete;
    PipeAttachment& operator=(const PipeAttachment&) = delete;

    /// Whether one read may go on from bytes that came with `before` to the bytes of this one.
    [[nodiscard]] virtual bool continues(const PipeAttachment& before) const = 0;

  private:
    friend class Pipe;
    ListLink link_;
    std::uint64_t begin_ = 0, end_ = 0;  // counted from the pipe's first byte
};

/// How a read meets attachments: it ends where the next one's bytes begin, and where those of its
/// own end.
struct AttachedRead {
    bool goes_on = false;  ///< after another read: 0 bytes if what is next does not continue that
    const PipeAttachment* after = nullptr;  ///< what came with it, if anything did
    PipeAttachment* taken = nullptr;  ///< out: what came with the first byte, the caller's now
    bool within =
        false;  ///< out: the bytes are some that an attachment, taken now or before, came with
};

/// A stream with two sides: who waits, who is still there. A side's mutex is held while bytes move,
/// not while somebody waits for them. Wake-ups are passed on: a reader that leaves bytes behind
/// wakes the next reader, a writer that leaves room the next writer, so that one wake-up for each
/// change is enough. Who writes with an attachment holds both mutexes, the reading side's first.
class Pipe final : public RefCounted {
  public:
    /// For two sockets: with both ends, which nobody but end() takes away.
    static Result<Ref<Pipe>> create_with_ends();

    /// `attached`: for a pipe that is written with attachments.
    Result<std::size_t> read(IoCursor& to, FileFlags flags, AttachedRead* attached = nullptr);
    /// The same without taking anything, up to the end of a message (4096 bytes at most).
    Result<std::size_t> peek(IoCursor& to, FileFlags flags);
    /// Takes `attached` over once a byte was written: it is set to nullptr then. That is for writes
    /// of up to kPipeBuf bytes, which go as one.
    Result<std::size_t> write(IoCursor& from, FileFlags flags, PipeAttachment** attached = nullptr);
    PollEvents poll(PollTable* table, Rights access);
    [[nodiscard]] std::size_t bytes() const { return stream_.bytes(); }

    /// F_GETPIPE_SZ and F_SETPIPE_SZ: a power of two of bytes, kPipeBuf to kPipeCapacity. BUSY:
    /// more is in it.
    [[nodiscard]] std::size_t capacity() const { return capacity_.load(std::memory_order_relaxed); }
    Result<void> set_capacity(std::size_t bytes);

    /// Who was there when an end came, and how many had ever come.
    struct Others {
        bool readers = false, writers = false;
        std::uint32_t readers_ever = 0, writers_ever = 0;
    };
    Others add_end(Rights access);
    void remove_end(Rights access);
    /// All ends go: nothing is written any more, what is in it is still read.
    void end();
    /// The same, and what is in it is dropped. May sleep.
    void end_and_drop();
    [[nodiscard]] bool ended() const { return no_writers(); }
    /// Of a FIFO that is opened: fifo(7). The caller's own end was added before.
    Result<void> wait_for_peer(FileFlags flags, Rights access, const Others& others);

    /// Woken when there are bytes, or the end; when there is room, or no use for it.
    [[nodiscard]] WaitQueue& readable() { return readable_; }
    [[nodiscard]] WaitQueue& writable() { return writable_; }
    /// Enough for any atomic write: what poll(2) and waiting writers ask for.
    [[nodiscard]] bool has_room() const { return room() >= kPipeBuf; }

  private:
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    Pipe() = default;
    ~Pipe() override;

    using Attachments = List<PipeAttachment, &PipeAttachment::link_>;

    [[nodiscard]] bool no_readers() const { return readers_.load(std::memory_order_acquire) == 0; }
    [[nodiscard]] bool no_writers() const { return writers_.load(std::memory_order_acquire) == 0; }
    [[nodiscard]] std::size_t room() const;
    Result<std::size_t> read_some(IoCursor& to, AttachedRead* attached);
    Result<std::size_t> read_attached(IoCursor& to, AttachedRead& attached);
    Result<std::size_t> write_some(IoCursor& from, bool whole, PipeAttachment* attached);
    Result<std::size_t> write_attached(IoCursor& from, bool whole, PipeAttachment** attached);
    void drop_content();

    PipeStream stream_;
    Atomic<std::size_t> capacity_{kPipeCapacity};
    Mutex<LockRank::kPipe> reading_;
    Mutex<LockRank::kPipe> writing_;
    WaitQueue readable_;
    WaitQueue writable_;
    WaitQueue peers_;  // of a FIFO: who waits in open
    // Ends come one at a time, so that of a reader and a writer the later one sees the other.
    SpinLock<LockRank::kAttributes> arrivals_;
    Atomic<std::uint32_t> readers_{0};
    Atomic<std::uint32_t> writers_{0};
    // How many ever came, so that who waits for one is not fooled by one that has left again.
    Atomic<std::uint32_t> readers_ever_{0};
    Atomic<std::uint32_t> writers_ever_{0};

    std::uint64_t bytes_read_ = 0;     // guarded by reading_
    std::uint64_t message_end_ = 0;    // guarded by reading_: of the attachment that was taken last
    std::uint64_t bytes_written_ = 0;  // guarded by writing_
    Attachments attachments_;          // guarded by reading_
};

struct PipeEnds {
    Ref<File> reader;
    Ref<File> writer;
};

/// pipe2(2) without descriptors, for whom it belongs to. NOMEM.
Result<PipeEnds> create_pipe(FileFlags flags, Uid uid, Gid gid);

/// The pipe that `file` is an end of, or that is open as a FIFO; nullptr: it is something else.
[[nodiscard]] Pipe* pipe_of(File& file);

/// Opens a FIFO (fifo(7)), or a pipe once more by /proc/PID/fd. Of a FIFO: waits for the other end
/// unless kNonBlocking; NXIO: kNonBlocking, for writing only, and nobody reads; RESTARTSYS. For
/// devices.h: set_fifo_opener().
Result<Ref<File>> open_fifo(Inode& inode, Dentry& by, FileFlags flags, Rights access);

}  // namespace exo
