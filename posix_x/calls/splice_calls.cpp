// splice(2), tee(2), vmsplice(2): bytes from and into pipes without a program's buffer.
// LINUX-DIFF: they are copied, and what was taken out of a pipe and then cannot be written is lost.
#include <algorithm>

#include "kernel/ipc/pipe.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/ranges.h"
#include "posix_x/signals.h"

namespace exo::posix {

namespace {

constexpr std::uint32_t kMove = 1, kNonBlock = 2, kMore = 4, kGift = 8;
constexpr std::uint32_t kKnown = kMove | kNonBlock | kMore | kGift;

struct Block {
    std::byte bytes[kPageSize];
};

/// One side of a splice: a pipe, or a file with an offset of the program's or its own.
struct Side {
    FileUse file;
    Pipe* pipe;
    bool has_offset = false;
    std::uint64_t offset = 0;

    [[nodiscard]] FileFlags flags(Flags splice) const {
        return splice.has(kNonBlock) ? file->flags() | FileFlags::kNonBlocking : file->flags();
    }
    Result<std::size_t> read(IoCursor& to, Flags splice) {
        if (pipe != nullptr) return pipe->read(to, flags(splice));
        return has_offset ? file->read_at(to, offset) : file->read(to);
    }
    Result<std::size_t> write(IoCursor& from, Flags splice) {
        if (pipe != nullptr) return pipe->write(from, flags(splice));
        return has_offset ? file->write_at(from, offset) : file->write(from);
    }
    /// Of a file that was read and not all taken: the position goes back.
    Result<void> unread(std::size_t bytes) {
        if (bytes == 0 || has_offset || pipe != nullptr) return {};
        TRY(file->seek(-static_cast<std::int64_t>(bytes), Whence::kCurrent));
        return {};
    }
};

/// BADF; SPIPE: an offset of a pipe; INVAL: a negative one.
Result<Side> side_of(Task& task, Fd fd, UserAddr offset_at, Rights wanted) {
    Side side{.file = TRY(file_of(task, fd, wanted)), .pipe = nullptr};
    side.pipe = pipe_of(*side.file);
    if (offset_at.is_null()) return side;
    if (side.pipe != nullptr) return Errno::SPIPE;
    const auto offset = TRY(UserIn<std::int64_t>{offset_at}.read());
    if (offset < 0) return Errno::INVAL;
    side.has_offset = true;
    side.offset = static_cast<std::uint64_t>(offset);
    return side;
}

/// Waits until a pipe that is written to has room. AGAIN, PIPE; RESTARTSYS.
Result<void> wait_for_room(const Side& to, Flags flags) {
    if (to.pipe == nullptr) return {};
    const auto ready = [&] {
        const PollEvents now = to.pipe->poll(nullptr, Rights::kWrite);
        return (now & (PollEvents::kOut | PollEvents::kError)) != PollEvents::kNone;
    };
    if (!ready()) {
        if (has(to.flags(flags), FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(to.pipe->writable().wait(ready));
    }
    const PollEvents now = to.pipe->poll(nullptr, Rights::kWrite);
    return (now & PollEvents::kError) != PollEvents::kNone ? Result<void>(Errno::PIPE)
                                                           : Result<void>();
}

/// At most a page. 0: the end of `from`.
Result<std::size_t> move_block(Side& from, Side& to, Block& block, std::size_t most, Flags flags) {
    TRY(wait_for_room(to, flags));
    IoCursor into(std::span(block.bytes).first(std::min(most, sizeof block.bytes)));
    const std::size_t got = TRY(from.read(into, flags));
    if (got == 0) return std::size_t{0};
    IoCursor out_of(std::span(block.bytes).first(got));
    const Result<std::size_t> put = to.write(out_of, flags);
    const std::size_t moved = put ? *put : 0;
    TRY(from.unread(got - moved));
    if (!put) return put;
    from.offset += moved;
    to.offset += moved;
    return moved;
}

Result<long> splice(Side& from, Side& to, std::uint64_t count, Flags flags) {
    const auto block = TRY(Box<Block>::create());
    std::uint64_t done = 0;
    while (done < count) {
        const Result<std::size_t> moved =
            move_block(from, to, *block, static_cast<std::size_t>(count - done), flags);
        if (!moved && done == 0) return moved.error();
        if (!moved || *moved == 0) break;
        done += *moved;
        // What is there is moved; more is not waited for.
        flags.bits |= kNonBlock;
        if (from.pipe == nullptr && *moved < kPageSize) break;
    }
    return static_cast<long>(done);
}

Result<long> told(Task& task, Result<long> result) {
    if (!result && result.error() == Errno::PIPE)
        send_signal(task, info_from_user(Signal::kPipe, abi::kSiUser));
    return result;
}

}  // namespace

Result<long> sys_splice(Task& task, Fd in, UserAddr in_at, Fd out, UserAddr out_at,
                        std::uint64_t count, Flags flags) {
    if (count == 0) return 0;
    if (!flags.only(kKnown)) return Errno::INVAL;
    Side from = TRY(side_of(task, in, in_at, Rights::kRead));
    Side to = TRY(side_of(task, out, out_at, Rights::kWrite));
    if (from.pipe == nullptr && to.pipe == nullptr) return Errno::INVAL;
    if (from.pipe != nullptr && from.pipe == to.pipe) return Errno::INVAL;
    if (to.pipe == nullptr && has(to.file->flags(), FileFlags::kAppend)) return Errno::INVAL;
    count = std::min(count, abi::kMaxTransfer);
    const long done = TRY(told(task, splice(from, to, count, flags)));
    if (from.has_offset)
        TRY(UserOut<std::int64_t>{in_at}.write(static_cast<std::int64_t>(from.offset)));
    if (to.has_offset)
        TRY(UserOut<std::int64_t>{out_at}.write(static_cast<std::int64_t>(to.offset)));
    return done;
}

// As much as one look shows: at most a page, up to where a message ends.
Result<long> sys_tee(Task& task, Fd in, Fd out, std::uint64_t count, Flags flags) {
    if (!flags.only(kKnown)) return Errno::INVAL;
    if (count == 0) return 0;
    const Side from = TRY(side_of(task, in, UserAddr{}, Rights::kRead));
    Side to = TRY(side_of(task, out, UserAddr{}, Rights::kWrite));
    if (from.pipe == nullptr || to.pipe == nullptr || from.pipe == to.pipe) return Errno::INVAL;
    const auto block = TRY(Box<Block>::create());
    const auto copy = [&]() -> Result<long> {
        TRY(wait_for_room(to, flags));
        IoCursor into(std::span(block->bytes).first(std::min(count, sizeof block->bytes)));
        const std::size_t got = TRY(from.pipe->peek(into, from.flags(flags)));
        if (got == 0) return 0;
        IoCursor out_of(std::span(block->bytes).first(got));
        return static_cast<long>(TRY(to.write(out_of, flags)));
    };
    return told(task, copy());
}

Result<long> sys_vmsplice(Task& task, Fd fd, UserAddr vectors, std::uint64_t count, Flags flags) {
    if (!flags.only(kKnown)) return Errno::INVAL;
    const Handle handle = TRY(task.process().handles->get(fd));
    const bool writes = includes(handle.rights, Rights::kWrite);
    Side side = TRY(side_of(task, fd, UserAddr{}, writes ? Rights::kWrite : Rights::kRead));
    if (side.pipe == nullptr) return Errno::BADF;
    if (count > abi::kMaxIovecs) return Errno::INVAL;
    Ranges ranges;
    TRY(ranges.read(vectors, static_cast<std::uint32_t>(count)));
    IoCursor cursor(ranges.all());
    if (cursor.remaining() == 0) return 0;
    const auto moved = writes ? side.write(cursor, flags) : side.read(cursor, flags);
    return told(task, moved ? Result<long>(static_cast<long>(*moved)) : moved.error());
}

}  // namespace exo::posix
