#include "kernel/ipc/pipe.h"

#include <algorithm>

#include "kernel/fs/dentry.h"
#include "kernel/fs/unnamed_inode.h"

namespace exo {

Pipe::~Pipe() {
    end_and_drop();
}

Result<Ref<Pipe>> Pipe::create_with_ends() {
    Ref<Pipe> pipe = TRY(make_ref<Pipe>());
    pipe->add_end(Rights::kRead | Rights::kWrite);
    return pipe;
}

std::size_t Pipe::room() const {
    // More than the capacity is never in it; what is read meanwhile only makes more room.
    const std::size_t capacity = this->capacity();
    return capacity - std::min(stream_.bytes(), capacity);
}

Result<void> Pipe::set_capacity(std::size_t bytes) {
    {
        const MutexGuard writing(writing_);
        if (stream_.bytes() > bytes) return Errno::BUSY;
        capacity_.store(bytes, std::memory_order_relaxed);
    }
    writable_.wake_all();
    return {};
}

/// Unless an end has come back, as a FIFO's may. May sleep.
void Pipe::drop_content() {
    for (;;) {
        PipeAttachment* dropped;
        {
            const MutexGuard reading(reading_);
            const MutexGuard writing(writing_);
            if (!no_readers() || !no_writers()) return;
            stream_.clear();
            dropped = attachments_.pop_front();
            bytes_read_ = bytes_written_ = message_end_ = 0;
        }
        if (dropped == nullptr) return;
        // Without the mutexes: it may close what is a pipe itself.
        delete dropped;
    }
}

/// The reading side's mutex is held, and there is a byte.
Result<std::size_t> Pipe::read_attached(IoCursor& to, AttachedRead& attached) {
    PipeAttachment* first = nullptr;
    std::uint64_t most = ~std::uint64_t{0};
    attached.within = bytes_read_ < message_end_;
    if (attached.within) {
        most = message_end_ - bytes_read_;
    } else {
        first = attachments_.front();
        if (first != nullptr && first->begin_ != bytes_read_) {
            most = first->begin_ - bytes_read_;
            first = nullptr;
        }
    }
    if (attached.goes_on && !attached.within) {
        const bool before = attached.after != nullptr;
        if (before != (first != nullptr) || (before && !first->continues(*attached.after)))
            return std::size_t{0};
    }
    if (first != nullptr) most = first->end_ - bytes_read_;
    IoCursor piece = to;
    piece.limit(static_cast<std::size_t>(std::min<std::uint64_t>(most, to.remaining())));
    const Result<std::size_t> done = stream_.read(piece);
    if (!done) return done;
    to.advance(*done);
    if (first == nullptr) return done;
    message_end_ = first->end_;
    attached.taken = first;
    attached.within = true;
    first->link_.unlink();
    return done;
}

/// AGAIN: there is nothing.
Result<std::size_t> Pipe::read_some(IoCursor& to, AttachedRead* attached) {
    const MutexGuard guard(reading_);
    if (stream_.bytes() == 0) return Errno::AGAIN;
    const Result<std::size_t> done =
        attached == nullptr ? stream_.read(to) : read_attached(to, *attached);
    if (done) bytes_read_ += *done;
    const bool empty = stream_.bytes() == 0;
    if (!empty && readable_.maybe_waiters()) readable_.wake_one();
    // An emptied pipe: this thread will wait for the writer, who may have the CPU.
    if (has_room() && writable_.maybe_waiters())
        writable_.wake_one(empty ? WakeHint::kSync : WakeHint::kPlain);
    return done;
}

Result<std::size_t> Pipe::read(IoCursor& to, FileFlags flags, AttachedRead* attached) {
    if (to.remaining() == 0) return std::size_t{0};
    for (;;) {
        const Result<std::size_t> done = read_some(to, attached);
        if (done || done.error() != Errno::AGAIN) return done;
        // Writers first: what the last one wrote before it left is seen then.
        const bool ended = no_writers();
        if (stream_.bytes() != 0) continue;
        if (ended) return std::size_t{0};
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return stream_.bytes() != 0 || no_writers(); }));
    }
}

Result<std::size_t> Pipe::peek(IoCursor& to, FileFlags flags) {
    for (;;) {
        {
            const MutexGuard guard(reading_);
            if (stream_.bytes() != 0) return stream_.peek(to);
        }
        const bool ended = no_writers();
        if (stream_.bytes() != 0) continue;
        if (ended) return std::size_t{0};
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] { return stream_.bytes() != 0 || no_writers(); }));
    }
}

/// Nobody reads meanwhile: how many bytes came with the attachment is known when they were copied.
Result<std::size_t> Pipe::write_attached(IoCursor& from, bool whole, PipeAttachment** attached) {
    const MutexGuard reading(reading_);
    PipeAttachment& extra = **attached;
    const Result<std::size_t> done = write_some(from, whole, &extra);
    if (done) *attached = nullptr;
    return done;
}

// AGAIN: no room for what must go at once.
Result<std::size_t> Pipe::write_some(IoCursor& from, bool whole, PipeAttachment* attached) {
    const MutexGuard guard(writing_);
    if (no_readers()) return Errno::PIPE;
    const std::size_t space = room();
    if (space == 0 || (whole && space < from.remaining())) return Errno::AGAIN;
    const bool was_empty = stream_.bytes() == 0;
    const Result<std::size_t> done = stream_.write(from, std::min(space, from.remaining()));
    if (!done) return done;
    if (attached != nullptr) {
        attached->begin_ = bytes_written_;
        attached->end_ = bytes_written_ + *done;
        attachments_.push_back(*attached);
    }
    bytes_written_ += *done;
    if (readable_.maybe_waiters()) {
        // A small write into an empty pipe is one turn of a conversation: the writer's next act is
        // likely a read, so the reader may have this CPU as soon as that sleeps.
        const bool turn = was_empty && from.remaining() == 0 && *done <= kPipeBuf;
        readable_.wake_one(turn ? WakeHint::kSync : WakeHint::kPlain);
    }
    if (has_room() && writable_.maybe_waiters()) writable_.wake_one();
    return done;
}

Result<std::size_t> Pipe::write(IoCursor& from, FileFlags flags, PipeAttachment** attached) {
    if (from.remaining() == 0) return std::size_t{0};
    const bool whole = from.remaining() <= kPipeBuf;
    std::size_t total = 0;
    for (;;) {
        Result<std::size_t> done = attached != nullptr && *attached != nullptr
                                       ? write_attached(from, whole, attached)
                                       : write_some(from, whole, nullptr);
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
    drop_content();
}

void Pipe::end() {
    readers_.store(0, std::memory_order_seq_cst);
    writers_.store(0, std::memory_order_seq_cst);
    readable_.wake_all();
    writable_.wake_all();
}

void Pipe::end_and_drop() {
    end();
    drop_content();
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

namespace {

/// One end, or both (a FIFO opened for reading and writing).
class PipeFile final : public File {
  public:
    /// `by`: what it was opened by, if it was.
    PipeFile(Ref<Pipe> pipe, FileFlags flags, Rights access, Inode& inode, Dentry* by)
        : File(ObjectType::kPipe, flags),
          pipe_(std::move(pipe)),
          access_(access),
          inode_(inode),
          by_(by),
          others_(pipe_->add_end(access_)) {}
    ~PipeFile() override { leave(); }

    Result<std::size_t> read(IoCursor& to) override { return pipe_->read(to, flags()); }
    Result<std::size_t> write(IoCursor& from) override { return pipe_->write(from, flags()); }
    PollEvents poll(PollTable* table) override { return pipe_->poll(table, access_); }
    Result<std::size_t> readable_bytes() override { return pipe_->bytes(); }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return by_ ? by_ : File::dentry(); }
    [[nodiscard]] Pipe& pipe() const { return *pipe_; }
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
    const Ref<Inode> inode_;
    const RefPtr<Dentry> by_;
    const Pipe::Others others_;
    Atomic<bool> left_{false};
};

}  // namespace

Result<PipeEnds> create_pipe(FileFlags flags, Uid uid, Gid gid) {
    const Ref<Inode> inode = TRY(create_unnamed_inode(FileType::kFifo, uid, gid));
    const auto pipe = TRY(inode->attached<Pipe>());
    Ref<File> reader = TRY(make_ref<PipeFile>(pipe, flags, Rights::kRead, *inode, nullptr));
    Ref<File> writer = TRY(make_ref<PipeFile>(pipe, flags, Rights::kWrite, *inode, nullptr));
    return PipeEnds{std::move(reader), std::move(writer)};
}

Pipe* pipe_of(File& file) {
    return file.type() == ObjectType::kPipe ? &static_cast<PipeFile&>(file).pipe() : nullptr;
}

Result<Ref<File>> open_fifo(Inode& inode, Dentry& by, FileFlags flags, Rights access) {
    const auto pipe = TRY(inode.attached<Pipe>());
    const Ref<PipeFile> end = TRY(make_ref<PipeFile>(pipe, flags, access, inode, &by));
    // A pipe has its ends already, or has lost them: Linux waits for nobody there.
    if (!by.is_unnamed()) TRY(end->wait_for_peer());
    return Ref<File>(*end);
}

}  // namespace exo
