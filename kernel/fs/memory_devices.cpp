// null(4), zero, full(4), random(4), urandom, kmsg: devices with nothing behind them.
#include <algorithm>

#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/core/scheduler.h"
#include "kernel/fs/devices.h"
#include "kernel/mm/memory_object.h"

namespace exo {

namespace {

constexpr std::size_t kPiece = 64 * 1024;  // between two looks at whose turn it is

class DeviceFile : public File {
  public:
    DeviceFile(Inode& inode, Dentry& by, FileFlags flags)
        : File(ObjectType::kDevice, flags), inode_(inode), dentry_(by) {}

    Result<std::size_t> read_at(IoCursor& to, std::uint64_t) override { return read(to); }
    Result<std::size_t> write_at(IoCursor& from, std::uint64_t) override { return write(from); }
    /// Positions mean nothing here: every one is 0 (null_lseek of Linux).
    Result<std::uint64_t> seek(std::int64_t, Whence) override { return std::uint64_t{0}; }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }

  private:
    const Ref<Inode> inode_;
    const Ref<Dentry> dentry_;
};

/// Takes all that is written, unread.
class SinkFile : public DeviceFile {
  public:
    using DeviceFile::DeviceFile;
    Result<std::size_t> write(IoCursor& from) override { return from.skip(); }
};

class NullFile final : public SinkFile {
  public:
    using SinkFile::SinkFile;
    Result<std::size_t> read(IoCursor&) override { return std::size_t{0}; }
};

/// Fills `to` by `produce(bytes)`, as far as it gets and no signal comes.
template <typename Produce>
Result<std::size_t> fill(IoCursor& to, Produce produce) {
    const std::size_t before = to.done();
    while (to.remaining() != 0) {
        const Result<std::size_t> done = produce(std::min(to.remaining(), kPiece));
        if (!done && to.done() == before) return done;
        if (!done || *done == 0 || this_thread().interrupted()) break;
        if (should_yield()) yield();
    }
    return to.done() - before;
}

class ZeroFile : public SinkFile {
  public:
    using SinkFile::SinkFile;
    Result<std::size_t> read(IoCursor& to) override {
        return fill(to, [&](std::size_t bytes) { return to.put_zeroes(bytes); });
    }
    /// Anonymous pages: shared among who maps this open file.
    Result<Ref<MemoryObject>> memory_object() override { return create_anonymous_object(); }
};

class FullFile final : public ZeroFile {
  public:
    using ZeroFile::ZeroFile;
    Result<std::size_t> write(IoCursor&) override { return Errno::NOSPC; }
};

class RandomFile final : public SinkFile {
  public:
    using SinkFile::SinkFile;
    Result<std::size_t> read(IoCursor& to) override {
        return fill(to, [&](std::size_t bytes) {
            std::byte piece[256];
            bytes = std::min(bytes, sizeof(piece));
            fill_random(piece, bytes);
            return to.put(piece, bytes);
        });
    }
};

/// Lines written here appear in the kernel's log; each read gives one line of it as
/// "level,sequence,microseconds,-;text\n" (Documentation/ABI/testing/dev-kmsg). The sequence is the
/// line's place among all bytes ever logged.
class KmsgFile final : public DeviceFile {
  public:
    using DeviceFile::DeviceFile;

    Result<std::size_t> read(IoCursor& to) override {
        constexpr std::uint64_t kPollNs = 100'000'000;  // nobody is told of new lines
        for (;;) {
            {
                auto position = position_.lock();
                if (log_extent().end > *position) return read_line(*position, to);
            }
            if (has(flags(), FileFlags::kNonBlocking)) return Errno::AGAIN;
            TRY(sleep_until(Deadline::in(kPollNs)));
        }
    }

    Result<std::size_t> write(IoCursor& from) override {
        char text[kLogLine];
        const std::size_t whole = from.remaining();
        const std::size_t length = TRY(from.take(text, std::min(whole, sizeof(text))));
        std::string_view line(text, length);
        LogLevel level = LogLevel::kInfo;
        if (line.size() > 2 && line[0] == '<' && line[1] >= '0' && line[1] <= '7' &&
            line[2] == '>') {
            level = static_cast<LogLevel>(line[1] - '0');
            line.remove_prefix(3);
        }
        while (!line.empty() && line.back() == '\n') line.remove_suffix(1);
        log_line(level, "user", line);
        from.skip();  // what does not fit in a line is cut
        return whole;
    }

    PollEvents poll(PollTable*) override {
        const bool more = log_extent().end > *position_.lock();
        return PollEvents::kOut | (more ? PollEvents::kIn : PollEvents::kNone);
    }

  private:
    static Result<std::size_t> read_line(std::uint64_t& position, IoCursor& to) {
        char text[kLogLine + 64];
        const LogExtent extent = log_extent();
        const std::uint64_t begin = std::max(position, extent.end - extent.kept);
        std::uint64_t after = begin;
        const std::size_t read = read_log(after, text);
        std::string_view line(text, read);
        line = line.substr(0, line.find('\n'));
        char record[sizeof(text) + 64];
        const std::size_t length = format_record(line, begin, record);
        if (length > to.remaining()) return Errno::INVAL;
        TRY(to.put(record, length));
        position = begin + line.size() + 1;
        return length;
    }

    /// "<6>[    1.234567] text" as a record.
    static std::size_t format_record(std::string_view line, std::uint64_t sequence,
                                     std::span<char> to) {
        const char level = line.size() > 1 ? line[1] : '6';
        std::uint64_t microseconds = 0;
        const std::size_t close = std::min(line.find("] "), line.size());
        for (const char c : line.substr(std::min<std::size_t>(3, close),
                                        close - std::min<std::size_t>(3, close))) {
            if (c >= '0' && c <= '9')
                microseconds = microseconds * 10 + static_cast<unsigned>(c - '0');
        }
        const std::string_view text = line.substr(std::min(close + 2, line.size()));
        return format_to(to, "{},{},{},-;{}\n", level, sequence, microseconds, text);
    }

    Locked<std::uint64_t, Mutex<LockRank::kFile>> position_;
};

template <typename T>
Result<Ref<File>> open_as(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    return TRY(make_ref<T>(inode, by, flags));
}

}  // namespace

Result<void> register_memory_devices() {
    constexpr CharacterDevice kDevices[] = {
        {{1, 3}, "null", 0666, open_as<NullFile>},
        {{1, 5}, "zero", 0666, open_as<ZeroFile>},
        {{1, 7}, "full", 0666, open_as<FullFile>},
        {{1, 8}, "random", 0666, open_as<RandomFile>},
        {{1, 9}, "urandom", 0666, open_as<RandomFile>},
        {{1, 11}, "kmsg", 0644, open_as<KmsgFile>},
    };
    for (const CharacterDevice& device : kDevices) TRY(register_character_device(device));
    return {};
}

}  // namespace exo
