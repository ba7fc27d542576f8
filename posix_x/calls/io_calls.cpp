// read(2), write(2) and their kin: decode, find the file, one cursor, one call of it.
#include <algorithm>

#include "kernel/mm/io_cursor.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

/// A range of a program's memory; what is beyond MAX_RW_COUNT is not transferred. FAULT: it leaves
/// what a program can address.
Result<UserSpan> span_of(UserAddr at, std::uint64_t bytes) {
    if (at.value > arch::kUserEnd || bytes > arch::kUserEnd - at.value) return Errno::FAULT;
    return UserSpan{at, std::min(bytes, abi::kMaxTransfer)};
}

/// A program's iovecs, copied once and checked: few of them on the stack, more on the heap.
class Ranges {
  public:
    Result<void> read(UserAddr vectors, std::uint32_t count) {  // Linux takes 32 bits of it too
        if (count > abi::kMaxIovecs) return Errno::INVAL;
        TRY(ranges_.resize(count));
        std::uint64_t total = 0;
        for (std::size_t i = 0; i < count; ++i) {
            const auto each = TRY(UserIn<abi::Iovec>{vectors}.read(i));
            if (each.bytes > INT64_MAX) return Errno::INVAL;
            ranges_[i] = TRY(span_of(UserAddr{each.base}, each.bytes));
            ranges_[i].bytes = std::min(ranges_[i].bytes, abi::kMaxTransfer - total);
            total += ranges_[i].bytes;
        }
        return {};
    }
    [[nodiscard]] std::span<const UserSpan> all() const { return ranges_; }

  private:
    Vector<UserSpan> ranges_;
};

enum class Direction : std::uint8_t { kRead, kWrite };

std::uint64_t file_size_limit(Task& task) {
    return task.process().limit(abi::Limit::kFileSize).current;
}

/// A write to a pipe that nobody reads also raises SIGPIPE, one at the limit of a file's size
/// SIGXFSZ (write(2)).
Result<long> transferred(Task& task, Result<std::size_t> done) {
    if (done) return static_cast<long>(*done);
    if (done.error() == Errno::PIPE) send_signal(task, info_from_user(Signal::kPipe, abi::kSiUser));
    if (done.error() == Errno::FBIG && file_size_limit(task) != abi::kUnlimited)
        send_signal(task, info_from_kernel(Signal::kXfsz));
    return done.error();
}

Result<long> transfer(Task& task, Fd fd, Direction direction, IoCursor& cursor) {
    const bool read = direction == Direction::kRead;
    const auto file = TRY(file_of(task, fd, read ? Rights::kRead : Rights::kWrite));
    if (!read) cursor.set_file_end(file_size_limit(task));
    return transferred(task, read ? file->read(cursor) : file->write(cursor));
}

Result<long> transfer_at(Task& task, Fd fd, Direction direction, IoCursor& cursor,
                         std::int64_t offset) {
    std::int64_t end;
    if (offset < 0 || __builtin_add_overflow(offset, cursor.remaining(), &end)) return Errno::INVAL;
    const bool read = direction == Direction::kRead;
    const auto file = TRY(file_of(task, fd, read ? Rights::kRead : Rights::kWrite));
    const auto at = static_cast<std::uint64_t>(offset);
    if (!read) cursor.set_file_end(file_size_limit(task));
    return transferred(task, read ? file->read_at(cursor, at) : file->write_at(cursor, at));
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

Result<long> sys_lseek(Task& task, Fd fd, std::int64_t offset, std::uint32_t whence) {
    constexpr std::uint32_t kWhences = 5;
    const auto file = TRY(opened_file_of(task, fd));
    if (whence >= kWhences) return Errno::INVAL;
    return static_cast<long>(TRY(file->seek(offset, static_cast<Whence>(whence))));
}

// sendfile(2) through a page of the kernel's: what was read and could not be written is read again
// the next time, as the position moves only by what was written.
Result<long> sys_sendfile(Task& task, Fd out, Fd in, UserAddr offset_at, std::uint64_t count) {
    const auto from = TRY(file_of(task, in, Rights::kRead));
    const auto to = TRY(file_of(task, out, Rights::kWrite));
    if (!from->inode()) return offset_at.is_null() ? Errno::INVAL : Errno::SPIPE;
    if (has(to->flags(), FileFlags::kAppend)) return Errno::INVAL;
    std::int64_t offset;
    if (!offset_at.is_null()) {
        offset = TRY(UserIn<std::int64_t>{offset_at}.read());
    } else {
        offset = static_cast<std::int64_t>(TRY(from->seek(0, Whence::kCurrent)));
    }
    if (offset < 0) return Errno::INVAL;
    struct Page {
        std::byte bytes[kPageSize];
    };
    const auto page = TRY(Box<Page>::create());
    count = std::min(count, abi::kMaxTransfer);
    std::uint64_t done = 0;
    Result<long> failed = 0L;
    while (done < count) {
        IoCursor into(
            std::span(page->bytes).first(std::min<std::uint64_t>(count - done, kPageSize)));
        const auto got = from->read_at(into, static_cast<std::uint64_t>(offset));
        if (!got || *got == 0) {
            if (!got) failed = got.error();
            break;
        }
        IoCursor out_of(std::span(page->bytes).first(*got));
        out_of.set_file_end(file_size_limit(task));
        const auto put = to->write(out_of);
        if (!put) {
            failed = transferred(task, put);
            break;
        }
        offset += static_cast<std::int64_t>(*put);
        done += *put;
        if (*put < *got) break;
    }
    if (done == 0 && !failed) return failed;
    if (!offset_at.is_null()) {
        TRY(UserOut<std::int64_t>{offset_at}.write(offset));
    } else {
        TRY(from->seek(offset, Whence::kSet));
    }
    return static_cast<long>(done);
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

}  // namespace exo::posix
