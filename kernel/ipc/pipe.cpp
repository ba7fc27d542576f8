// The pipe around its stream: two sides, who waits, who is still there; and FIFOs.
//
// A side's mutex is held while bytes move, not while somebody waits for them. Wake-ups are passed
// on: a reader that leaves bytes behind wakes the next reader, a writer that leaves room the next
// writer, so that one wake-up for each change is enough.
#include "kernel/ipc/pipe.h"

#include <algorithm>

#include "kernel/core/mutex.h"
#include "kernel/fs/dentry.h"
#include "kernel/ipc/pipe_stream.h"

namespace exo {

namespace {

class Pipe final : public RefCounted {
  public:
    Result<std::size_t> read(IoCursor& to, FileFlags flags);
    Result<std::size_t> write(IoCursor& from, FileFlags flags);
    PollEvents poll(PollTable* table, Rights access);
    [[nodiscard]] std::size_t bytes() const { return stream_.bytes(); }

    /// Who was there when an end came, and how many had ever come.
    struct Others {
        bool readers = false, writers = false;
        std::uint32_t readers_ever = 0, writers_ever = 0;
    };
    Others add_end(Rights access);
    void remove_end(Rights access);
    Result<void> wait_for_peer(FileFlags flags, Rights access, const Others& others);

  private:
    [[nodiscard]] std::size_t room() const {
        // More than the capacity is never in it; what is read meanwhile only makes more room.
        return kPipeCapacity - std::min(stream_.bytes(), kPipeCapacity);
    }
    /// Enough for any atomic write: what poll(2) and waiting writers ask for.
    [[nodiscard]] bool has_room() const { return room() >= kPipeBuf; }
    [[nodiscard]] bool no_readers() const { return readers_.load(std::memory_order_acquire) == 0; }
    [[nodiscard]] bool no_writers() const { return writers_.load(std::memory_order_acquire) == 0; }
    Result<std::size_t> write_some(IoCursor& from, bool whole);

    PipeStream stream_;
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
};

Result<std::size_t> Pipe::read(IoCursor& to, FileFlags flags) {
    if (to.remaining() == 0) return std::size_t{0};
    for (;;) {
        {
            const MutexGuard guard(reading_);
            if (stream_.bytes() != 0) {
                const Result<std::size_t> done = stream_.read(to);
                const bool empty = stream_.bytes() == 0;
                if (!empty && readable_.maybe_waiters()) readable_.wake_one();
                // An emptied pipe: this thread will wait for the writer, who may have the CPU.
                if (has_room() && writable_.maybe_waiters()) {
                    writable_.wake_one(empty ? WakeHint::kSync : WakeHint::kPlain);
                }
                return done;
            }
        }
        // Writers first: what the last one wrote before it left is seen then.
        const bool ended = no_writers();
        if (stream_.bytes() != 0) continue;
        if (ended) return std::size_t{0};
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return stream_.bytes() != 0 || no_writers(); }));
    }
}

// AGAIN: no room for what must go at once.
Result<std::size_t> Pipe::write_some(IoCursor& from, bool whole) {
    const MutexGuard guard(writing_);
    if (no_readers()) return Errno::PIPE;
    const std::size_t space = room();
    if (space == 0 || (whole && space < from.remaining())) return Errno::AGAIN;
    const bool was_empty = stream_.bytes() == 0;
    const Result<std::size_t> done = stream_.write(from, std::min(space, from.remaining()));
    if (!done) return done;
    if (readable_.maybe_waiters()) {
        // A small write into an empty pipe is one turn of a conversation: the writer's next act is
        // likely a read, so the reader may have this CPU as soon as that sleeps.
        const bool turn = was_empty && from.remaining() == 0 && *done <= kPipeBuf;
        readable_.wake_one(turn ? WakeHint::kSync : WakeHint::kPlain);
    }
    if (has_room() && writable_.maybe_waiters()) writable_.wake_one();
    return done;
}

Result<std::size_t> Pipe::write(IoCursor& from, FileFlags flags) {
    if (from.remaining() == 0) return std::size_t{0};
    const bool whole = from.remaining() <= kPipeBuf;
    std::size_t total = 0;
    for (;;) {
        Result<std::size_t> done = write_some(from, whole);
        if (done) {
            total += *done;
            if (from.remaining() == 0) return total;
            continue;  // the next try says why it was not all
        }
        if (done.error() == Errno::AGAIN && !has(flags, FileFlags::kNonBlocking)) {
            const Result<void> waited =
                writable_.wait([this] { return has_room() || no_readers(); });
            if (waited) continue;
            done = waited.error();
        }
        if (total != 0) return total;
        return done;
    }
}

PollEvents Pipe::poll(PollTable* table, Rights access) {
    PollEvents events = PollEvents::kNone;
    if (includes(access, Rights::kRead)) {
        if (table != nullptr) table->watch(readable_);
        if (stream_.bytes() != 0) events = events | PollEvents::kIn;
        if (no_writers() && writers_ever_.load(std::memory_order_relaxed) != 0) {
            events = events | PollEvents::kHangup;
        }
    }
    if (includes(access, Rights::kWrite)) {
        if (table != nullptr) table->watch(writable_);
        if (has_room()) events = events | PollEvents::kOut;
        if (no_readers()) events = events | PollEvents::kError;
    }
    return events;
}

Pipe::Others Pipe::add_end(Rights access) {
    Others others;
    {
        const SpinGuard guard(arrivals_);
        others = {!no_readers(), !no_writers(), readers_ever_.load(std::memory_order_relaxed),
                  writers_ever_.load(std::memory_order_relaxed)};
        // release, with the acquires in no_readers() and no_writers(): whose end it is has come
        // first.
        if (includes(access, Rights::kRead)) {
            readers_.fetch_add(1, std::memory_order_release);
            readers_ever_.fetch_add(1, std::memory_order_release);
        }
        if (includes(access, Rights::kWrite)) {
            writers_.fetch_add(1, std::memory_order_release);
            writers_ever_.fetch_add(1, std::memory_order_release);
        }
    }
    peers_.wake_all();
    return others;
}

void Pipe::remove_end(Rights access) {
    const bool reads = includes(access, Rights::kRead);
    const bool writes = includes(access, Rights::kWrite);
    if (reads) readers_.fetch_sub(1, std::memory_order_seq_cst);
    if (writes) writers_.fetch_sub(1, std::memory_order_seq_cst);
    if (writes && no_writers()) readable_.wake_all();
    if (reads && no_readers()) writable_.wake_all();
    if (!no_readers() || !no_writers()) return;
    // What nobody read is lost with the last end, of a FIFO too.
    const MutexGuard reading(reading_);
    const MutexGuard writing(writing_);
    if (no_readers() && no_writers()) stream_.clear();
}

// fifo(7). The caller's own end was added when `others` were seen: who came since then, though it
// may have left again, is a peer.
Result<void> Pipe::wait_for_peer(FileFlags flags, Rights access, const Others& others) {
    const bool reads = includes(access, Rights::kRead);
    const bool writes = includes(access, Rights::kWrite);
    const bool nonblocking = has(flags, FileFlags::kNonBlocking);
    if (reads && writes) return {};
    if (reads) {
        if (nonblocking || others.writers) return {};
        return peers_.wait(
            [&] { return writers_ever_.load(std::memory_order_acquire) != others.writers_ever; });
    }
    if (others.readers) return {};
    if (nonblocking) return Errno::NXIO;
    return peers_.wait(
        [&] { return readers_ever_.load(std::memory_order_acquire) != others.readers_ever; });
}

/// One end, or both (a FIFO opened for reading and writing).
class PipeFile final : public File {
  public:
    PipeFile(Ref<Pipe> pipe, FileFlags flags, Rights access, RefPtr<Inode> inode,
             RefPtr<Dentry> dentry)
        : File(ObjectType::kPipe, flags),
          pipe_(std::move(pipe)),
          access_(access),
          inode_(std::move(inode)),
          dentry_(std::move(dentry)),
          others_(pipe_->add_end(access_)) {}
    ~PipeFile() override { leave(); }

    Result<std::size_t> read(IoCursor& to) override { return pipe_->read(to, flags()); }
    Result<std::size_t> write(IoCursor& from) override { return pipe_->write(from, flags()); }
    PollEvents poll(PollTable* table) override { return pipe_->poll(table, access_); }
    Result<std::size_t> readable_bytes() override { return pipe_->bytes(); }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }
    /// fifo(7)'s open.
    Result<void> wait_for_peer() { return pipe_->wait_for_peer(flags(), access_, others_); }

  private:
    void hang_up() override { leave(); }
    /// Once: by the last handle, or with an end that never got one.
    void leave() {
        if (!left_.exchange(true, std::memory_order_acq_rel)) pipe_->remove_end(access_);
    }

    const Ref<Pipe> pipe_;
    const Rights access_;
    const RefPtr<Inode> inode_;
    const RefPtr<Dentry> dentry_;
    const Pipe::Others others_;
    Atomic<bool> left_{false};
};

}  // namespace

Result<PipeEnds> create_pipe(FileFlags flags) {
    const Ref<Pipe> pipe = TRY(make_ref<Pipe>());
    Ref<File> reader =
        TRY(make_ref<PipeFile>(pipe, flags, Rights::kRead, RefPtr<Inode>(), RefPtr<Dentry>()));
    Ref<File> writer =
        TRY(make_ref<PipeFile>(pipe, flags, Rights::kWrite, RefPtr<Inode>(), RefPtr<Dentry>()));
    return PipeEnds{std::move(reader), std::move(writer)};
}

Result<Ref<File>> open_fifo(Inode& inode, Dentry& by, FileFlags flags, Rights access) {
    RefPtr<RefCounted> attached = inode.attachment();
    if (!attached) attached = inode.attach(TRY(make_ref<Pipe>()));
    // Only this function attaches to FIFOs.
    const Ref<Pipe> pipe(static_cast<Pipe&>(*attached));
    const Ref<PipeFile> end =
        TRY(make_ref<PipeFile>(pipe, flags, access, RefPtr<Inode>(&inode), RefPtr<Dentry>(&by)));
    TRY(end->wait_for_peer());
    return Ref<File>(*end);
}

}  // namespace exo
