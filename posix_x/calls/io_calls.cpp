// read(2), write(2) and their kin: decode, find the file, one cursor, one call of it.
#include <algorithm>

#include "kernel/mm/io_cursor.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/ranges.h"
#include "posix_x/calls/sockets.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

enum class Direction : std::uint8_t { kRead, kWrite };

std::uint64_t file_size_limit(Task& task) {
    return task.process().limits.soft(abi::Limit::kFileSize);
}

/// A write to a pipe that nobody reads also raises SIGPIPE, one at the limit of a file's size
/// SIGXFSZ (write(2)).
Result<long> transferred(Task& task, const File& file, Result<std::size_t> done) {
    if (done) return static_cast<long>(*done);
    if (done.error() == Errno::PIPE && raises_sigpipe(file))
        send_signal(task, info_from_user(Signal::kPipe, abi::kSiUser));
    if (done.error() == Errno::FBIG && file_size_limit(task) != abi::kUnlimited)
        send_signal(task, info_from_kernel(Signal::kXfsz));
    return done.error();
}

Result<long> transfer(Task& task, Fd fd, Direction direction, IoCursor& cursor) {
    const bool read = direction == Direction::kRead;
    const auto file = TRY(file_of(task, fd, read ? Rights::kRead : Rights::kWrite));
    if (!read) cursor.set_file_end(file_size_limit(task));
    return transferred(task, *file, read ? file->read(cursor) : file->write(cursor));
}

Result<long> transfer_at(Task& task, Fd fd, Direction direction, IoCursor& cursor,
                         std::int64_t offset) {
    std::int64_t end;
    if (offset < 0 || __builtin_add_overflow(offset, cursor.remaining(), &end)) return Errno::INVAL;
    const bool read = direction == Direction::kRead;
    const auto file = TRY(file_of(task, fd, read ? Rights::kRead : Rights::kWrite));
    const auto at = static_cast<std::uint64_t>(offset);
    if (!read) cursor.set_file_end(file_size_limit(task));
    return transferred(task, *file, read ? file->read_at(cursor, at) : file->write_at(cursor, at));
}

}  // namespace

Result<long> sys_read(Task& task, Fd fd, UserAddr buffer, std::uint64_t count) {
    const UserSpan span = TRY(span_of(buffer, count));
    IoCursor cursor(span);
    return transfer(task, fd, Direction::kRead, cursor);
}

Result<long> sys_write(Task& task, Fd fd, UserAddr buffer, std::uint64_t count) {
    const UserSpan span = TRY(span_of(buffer, count));
    IoCursor cursor(span);
    return transfer(task, fd, Direction::kWrite, cursor);
}

Result<long> sys_pread64(Task& task, Fd fd, UserAddr buffer, std::uint64_t count,
                         std::int64_t offset) {
    const UserSpan span = TRY(span_of(buffer, count));
    IoCursor cursor(span);
    return transfer_at(task, fd, Direction::kRead, cursor, offset);
}

Result<long> sys_pwrite64(Task& task, Fd fd, UserAddr buffer, std::uint64_t count,
                          std::int64_t offset) {
    const UserSpan span = TRY(span_of(buffer, count));
    IoCursor cursor(span);
    return transfer_at(task, fd, Direction::kWrite, cursor, offset);
}

Result<long> sys_readv(Task& task, Fd fd, UserAddr vectors, std::uint32_t count) {
    Ranges ranges;
    TRY(ranges.read(vectors, count));
    IoCursor cursor(ranges.all());
    return transfer(task, fd, Direction::kRead, cursor);
}

Result<long> sys_writev(Task& task, Fd fd, UserAddr vectors, std::uint32_t count) {
    Ranges ranges;
    TRY(ranges.read(vectors, count));
    IoCursor cursor(ranges.all());
    return transfer(task, fd, Direction::kWrite, cursor);
}

Result<long> sys_preadv(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                        std::int64_t offset) {
    Ranges ranges;
    TRY(ranges.read(vectors, count));
    IoCursor cursor(ranges.all());
    return transfer_at(task, fd, Direction::kRead, cursor, offset);
}

Result<long> sys_pwritev(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                         std::int64_t offset) {
    Ranges ranges;
    TRY(ranges.read(vectors, count));
    IoCursor cursor(ranges.all());
    return transfer_at(task, fd, Direction::kWrite, cursor, offset);
}

namespace {
// RWF_HIPRI, RWF_DSYNC and RWF_SYNC ask for what is so anyway: nothing is written back later.
constexpr std::uint32_t kKnownRwFlags = 7;
}  // namespace

Result<long> sys_preadv2(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                         std::int64_t offset, std::uint64_t, Flags flags) {
    if (!flags.only(kKnownRwFlags)) return Errno::OPNOTSUPP;
    if (offset == -1) return sys_readv(task, fd, vectors, count);
    return sys_preadv(task, fd, vectors, count, offset);
}

Result<long> sys_pwritev2(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                          std::int64_t offset, std::uint64_t, Flags flags) {
    if (!flags.only(kKnownRwFlags)) return Errno::OPNOTSUPP;
    if (offset == -1) return sys_writev(task, fd, vectors, count);
    return sys_pwritev(task, fd, vectors, count, offset);
}

Result<long> sys_lseek(Task& task, Fd fd, std::int64_t offset, std::uint32_t whence) {
    constexpr std::uint32_t kWhences = 5;
    const auto file = TRY(opened_file_of(task, fd));
    if (whence >= kWhences) return Errno::INVAL;
    return static_cast<long>(TRY(file->seek(offset, static_cast<Whence>(whence))));
}

namespace {

struct CopyPage {
    std::byte bytes[kPageSize];
};

/// Copies up to `count` bytes of `from` through a page of the kernel's, from `offset` on, which
/// moves by what `put` took: what was read and could not be written is read again the next time.
/// How many bytes; an error only if there were none.
template <typename Put>
Result<long> copy(Task& task, File& from, const File& to, std::int64_t& offset, std::uint64_t count,
                  Put put) {
    const auto page = TRY(Box<CopyPage>::create());
    count = std::min(count, abi::kMaxTransfer);
    std::uint64_t done = 0;
    while (done < count) {
        const std::size_t wanted = std::min<std::uint64_t>(count - done, kPageSize);
        IoCursor into(std::span(page->bytes).first(wanted));
        const auto got = from.read_at(into, static_cast<std::uint64_t>(offset));
        if (!got && done == 0) return got.error();
        if (!got || *got == 0) break;
        IoCursor out_of(std::span(page->bytes).first(*got));
        out_of.set_file_end(file_size_limit(task));
        const Result<long> taken = transferred(task, to, put(out_of));
        if (!taken && done == 0) return taken;
        if (!taken) break;
        offset += *taken;
        done += static_cast<std::uint64_t>(*taken);
        if (static_cast<std::size_t>(*taken) < *got) break;
    }
    return static_cast<long>(done);
}

/// Where a call begins that takes an offset in the program's memory, or the file's position. INVAL.
Result<std::int64_t> begin_of(File& file, UserAddr offset_at) {
    const std::int64_t offset = offset_at.is_null()
                                    ? static_cast<std::int64_t>(TRY(file.seek(0, Whence::kCurrent)))
                                    : TRY(UserIn<std::int64_t>{offset_at}.read());
    if (offset < 0) return Errno::INVAL;
    return offset;
}

Result<void> set_end(File& file, UserAddr offset_at, std::int64_t offset) {
    if (!offset_at.is_null()) return UserOut<std::int64_t>{offset_at}.write(offset);
    TRY(file.seek(offset, Whence::kSet));
    return {};
}

/// What has no positions: a pipe, a socket, an event counter.
bool is_stream(const File& file) {
    const FileType type = file.inode()->type();
    return type == FileType::kFifo || type == FileType::kSocket || type == FileType::kUnknown;
}

}  // namespace

Result<long> sys_sendfile(Task& task, Fd out, Fd in, UserAddr offset_at, std::uint64_t count) {
    const auto from = TRY(file_of(task, in, Rights::kRead));
    const auto to = TRY(file_of(task, out, Rights::kWrite));
    if (is_stream(*from)) return offset_at.is_null() ? Errno::INVAL : Errno::SPIPE;
    if (has(to->flags(), FileFlags::kAppend)) return Errno::INVAL;
    std::int64_t offset = TRY(begin_of(*from, offset_at));
    const long done = TRY(
        copy(task, *from, *to, offset, count, [&](IoCursor& bytes) { return to->write(bytes); }));
    TRY(set_end(*from, offset_at, offset));
    return done;
}

namespace {

/// Both ends of copy_file_range(2): regular files of one file system.
Result<void> check_copy(const File& from, const File& to) {
    const RefPtr<Inode> in = from.inode(), out = to.inode();
    if (in->type() == FileType::kDirectory || out->type() == FileType::kDirectory)
        return Errno::ISDIR;
    if (in->type() != FileType::kRegular || out->type() != FileType::kRegular) return Errno::INVAL;
    if (has(to.flags(), FileFlags::kAppend)) return Errno::BADF;
    if (&in->file_system() != &out->file_system()) return Errno::XDEV;
    return {};
}

}  // namespace

Result<long> sys_copy_file_range(Task& task, Fd in, UserAddr in_at, Fd out, UserAddr out_at,
                                 std::uint64_t count, Flags flags) {
    const auto from = TRY(file_of(task, in, Rights::kRead));
    const auto to = TRY(file_of(task, out, Rights::kWrite));
    TRY(check_copy(*from, *to));
    std::int64_t offset = TRY(begin_of(*from, in_at));
    std::int64_t target = TRY(begin_of(*to, out_at));
    if (flags.bits != 0) return Errno::INVAL;
    const auto begin = static_cast<std::uint64_t>(offset);
    const auto put_at = static_cast<std::uint64_t>(target);
    if (count > UINT64_MAX - std::max(begin, put_at)) return Errno::OVERFLOW;
    const std::uint64_t size = from->inode()->stat().size;
    count = std::min(count, size - std::min(size, begin));
    const bool overlaps = begin < put_at + count && put_at < begin + count;
    if (from->inode().get() == to->inode().get() && overlaps) return Errno::INVAL;
    const long done = TRY(copy(task, *from, *to, offset, count, [&](IoCursor& piece) {
        const auto put = to->write_at(piece, static_cast<std::uint64_t>(target));
        if (put) target += static_cast<std::int64_t>(*put);
        return put;
    }));
    if (done == 0) return done;
    TRY(set_end(*from, in_at, offset));
    TRY(set_end(*to, out_at, target));
    return done;
}

Result<long> sys_fsync(Task& task, Fd fd) {
    const auto file = TRY(opened_file_of(task, fd));
    TRY(file->sync());
    return 0;
}

Result<long> sys_fdatasync(Task& task, Fd fd) {
    return sys_fsync(task, fd);
}

// Nothing is buffered that sync(2) would have to write: all file systems live in memory.
Result<long> sys_sync(Task&) {
    return 0;
}

Result<long> sys_syncfs(Task& task, Fd fd) {
    const auto file = TRY(opened_file_of(task, fd));
    static_cast<void>(file);
    return 0;
}

// Hints: what is read is in memory already.
Result<long> sys_fadvise64(Task& task, Fd fd, std::int64_t, std::int64_t length,
                           std::uint32_t advice) {
    constexpr std::uint32_t kLast = 5;
    const auto file = TRY(opened_file_of(task, fd));
    if (file->inode()->type() == FileType::kFifo) return Errno::SPIPE;
    if (length < 0 || advice > kLast) return Errno::INVAL;
    return 0;
}

Result<long> sys_readahead(Task& task, Fd fd, std::int64_t, std::uint64_t) {
    const auto file = TRY(file_of(task, fd, Rights::kRead));
    const RefPtr<Inode> inode = file->inode();
    if (inode->type() != FileType::kRegular) return Errno::INVAL;
    return 0;
}

}  // namespace exo::posix
