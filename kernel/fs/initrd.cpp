#include "kernel/fs/initrd.h"

#include <algorithm>

#include "kernel/core/log.h"
#include "kernel/core/scheduler.h"
#include "kernel/fs/names.h"
#include "lib/base/box.h"
#include "lib/compress/gzip.h"
#include "lib/compress/zstd.h"
#include "lib/cpio/cpio.h"

namespace exo {

namespace {

constexpr std::uint32_t kTypeShift = 12;  // of st_mode: the values of FileType

/// Makes what the entries say, as root and below the root.
class Unpacker final : public cpio::Visitor, public compress::ByteSink {
  public:
    explicit Unpacker(Dentry& root)
        : start_{Ref<Dentry>(root), Ref<Dentry>(root)}, reader_(*this) {}

    Result<void> write(std::span<const std::byte> bytes) override {
        if (should_yield()) yield();
        return reader_.feed(bytes);
    }
    [[nodiscard]] cpio::Reader& reader() { return reader_; }
    [[nodiscard]] std::string_view current() const { return {name_.data(), name_.size()}; }
    [[nodiscard]] std::uint64_t entries() const { return entries_; }
    [[nodiscard]] std::uint64_t left_out() const { return left_out_; }

    Result<void> begin(const cpio::Entry& entry) override;
    Result<void> data(std::span<const std::byte> bytes) override;
    Result<void> end() override;
    void end_of_archive() override { linked_.clear(); }

  private:
    /// A file with several names, by what names its inode in the archive.
    struct Linked {
        std::uint32_t inode, major, minor;
        Ref<Dentry> dentry;
    };

    [[nodiscard]] static FileType type_of(const cpio::Entry& entry) {
        return static_cast<FileType>(entry.mode >> kTypeShift & 0xf);
    }
    Result<void> begin_entry(const cpio::Entry& entry);
    Result<void> end_entry();
    /// An entry that cannot be made is left out, as Linux does, and told of; an archive that does
    /// not fit ends.
    Result<void> leave_out(Errno why);
    Result<void> begin_regular(const cpio::Entry& entry);
    Result<void> open_for_data(const cpio::Entry& entry);
    Result<void> make_other(const cpio::Entry& entry);
    Result<void> set_owner_and_time(LastLink last);
    Result<Ref<Dentry>> find(LastLink last) { return walk(start_, current(), last, who_); }

    const WalkStart start_;
    const Credentials who_;
    cpio::Reader reader_;
    cpio::Entry entry_;  // its name is `name_`
    Vector<char> name_;
    RefPtr<File> file_;         // data goes here
    Vector<std::byte> target_;  // or here, of a symlink
    Vector<Linked> linked_;
    std::uint64_t entries_ = 0;
    std::uint64_t left_out_ = 0;
    bool leaves_out_ = false;  // the current entry
};

Result<void> Unpacker::leave_out(Errno why) {
    constexpr std::uint64_t kMostLines = 8;
    if (why == Errno::NOMEM || why == Errno::NOSPC) return why;
    leaves_out_ = true;
    if (left_out_++ >= kMostLines) return {};
    log(LogLevel::kWarning, "initrd", "left out: {}: \"{}\"", errno_text(why), current());
    return {};
}

Result<void> Unpacker::begin(const cpio::Entry& entry) {
    entry_ = entry;
    TRY(name_.resize(entry.name.size()));
    std::ranges::copy(entry.name, name_.begin());
    file_ = {};
    target_.clear();
    ++entries_;
    leaves_out_ = false;
    const Result<void> begun = begin_entry(entry);
    return begun ? begun : leave_out(begun.error());
}

Result<void> Unpacker::begin_entry(const cpio::Entry& entry) {
    switch (type_of(entry)) {
        case FileType::kRegular:
            return begin_regular(entry);
        case FileType::kSymlink:
            if (entry.size == 0 || entry.size >= kPathMax) return Errno::INVAL;
            return target_.reserve(entry.size);
        default:
            return make_other(entry);
    }
}

// Of several names of a file, one comes with the data, usually the last.
Result<void> Unpacker::begin_regular(const cpio::Entry& entry) {
    if (entry.links > 1) {
        for (const Linked& each : linked_) {
            if (each.inode != entry.inode || each.major != entry.major ||
                each.minor != entry.minor) {
                continue;
            }
            static_cast<void>(remove_path(start_, current(), Remove::kFile, who_));
            TRY(make_link(*each.dentry, start_, current(), who_));
            return entry.size == 0 ? Result<void>() : open_for_data(entry);
        }
    }
    TRY(open_for_data(entry));
    if (entry.links <= 1) return {};
    return linked_.push_back({entry.inode, entry.major, entry.minor, file_->dentry().to_ref()});
}

// What an earlier archive had under this name is replaced, as Linux does.
Result<void> Unpacker::open_for_data(const cpio::Entry& entry) {
    OpenRequest request;
    request.access = Rights::kWrite;
    request.last = LastLink::kKeep;
    request.create = request.truncate = true;
    request.mode = static_cast<Mode>(entry.mode & 07777);
    Result<Ref<File>> opened = open_path(start_, current(), request, who_);
    if (!opened && opened.error() == Errno::LOOP) {
        TRY(remove_path(start_, current(), Remove::kFile, who_));
        opened = open_path(start_, current(), request, who_);
    }
    file_ = TRY(std::move(opened));
    return {};
}

Result<void> Unpacker::make_other(const cpio::Entry& entry) {
    if (entry.size != 0) return Errno::INVAL;
    const FileType type = type_of(entry);
    switch (type) {
        case FileType::kDirectory:
        case FileType::kCharacterDevice:
        case FileType::kBlockDevice:
        case FileType::kFifo:
        case FileType::kSocket:
            break;
        default:
            return Errno::INVAL;
    }
    const auto make = [&] {
        return make_node(start_, current(), type, static_cast<Mode>(entry.mode & 07777),
                         {entry.device_major, entry.device_minor}, who_);
    };
    Result<void> made = make();
    // "." and directories of an earlier archive are there already; anything else is replaced.
    if (!made && made.error() == Errno::EXIST) {
        if (type == FileType::kDirectory) return {};
        TRY(remove_path(start_, current(), Remove::kFile, who_));
        made = make();
    }
    return made;
}

Result<void> Unpacker::data(std::span<const std::byte> bytes) {
    if (leaves_out_) return {};
    if (type_of(entry_) == FileType::kSymlink) {
        for (const std::byte byte : bytes) TRY(target_.push_back(byte));
        return {};
    }
    if (!file_) return Errno::INVAL;
    // The cursor is only read from.
    IoCursor cursor(std::span(const_cast<std::byte*>(bytes.data()), bytes.size()));
    while (cursor.remaining() != 0) {
        const std::size_t written = TRY(file_->write(cursor));
        if (written == 0) return Errno::NOSPC;
    }
    return {};
}

Result<void> Unpacker::set_owner_and_time(LastLink last) {
    const Ref<Dentry> made = TRY(find(last));
    const RefPtr<Inode> inode = made->inode();
    if (!inode) return Errno::NOENT;
    AttributeChange change;
    change.uid = change.gid = change.accessed = change.modified = true;
    change.to.uid = entry_.uid;
    change.to.gid = entry_.gid;
    change.to.accessed = change.to.modified = {entry_.modified, 0};
    if (type_of(entry_) != FileType::kSymlink) {
        change.mode = true;
        change.to.mode = static_cast<Mode>(entry_.mode & 07777);
    }
    return inode->set_attributes(change);
}

Result<void> Unpacker::end() {
    file_ = {};
    if (leaves_out_) return {};
    const Result<void> ended = end_entry();
    return ended ? ended : leave_out(ended.error());
}

Result<void> Unpacker::end_entry() {
    if (type_of(entry_) == FileType::kSymlink) {
        const std::string_view target(reinterpret_cast<const char*>(target_.data()),
                                      target_.size());
        Result<void> made = make_symlink(start_, current(), target, who_);
        if (!made && made.error() == Errno::EXIST) {
            TRY(remove_path(start_, current(), Remove::kFile, who_));
            made = make_symlink(start_, current(), target, who_);
        }
        TRY(made);
    }
    return set_owner_and_time(LastLink::kKeep);
}

/// One part of the initrd: an archive, or something compressed; how many bytes it took.
Result<std::size_t> unpack_part(std::span<const std::byte> rest, Unpacker& unpacker) {
    if (compress::is_gzip(rest)) return compress::gunzip(rest, unpacker);
    if (compress::is_zstd(rest)) return compress::unzstd(rest, unpacker);
    // A plain archive is fed until it ends, since something compressed may come behind it.
    constexpr std::size_t kPiece = 64 * 1024;
    std::size_t at = 0;
    do {
        const std::size_t piece = std::min(kPiece, rest.size() - at);
        at += TRY(unpacker.reader().feed_archive(rest.subspan(at, piece)));
        if (should_yield()) yield();
    } while (at < rest.size() && !unpacker.reader().between_archives());
    return at;
}

std::string_view reason_of(Errno error) {
    switch (error) {
        case Errno::NOSPC:
            return "the root file system is full";
        case Errno::NOMEM:
            return "out of memory";
        case Errno::INVAL:
            return "corrupt, truncated or not a newc cpio archive";
        default:
            return errno_text(error);
    }
}

Result<void> unpack_all(std::span<const std::byte> archive, Unpacker& unpacker, std::size_t& at) {
    while (at < archive.size()) {
        if (archive[at] == std::byte{0}) {
            ++at;
            continue;
        }
        at += TRY(unpack_part(archive.subspan(at), unpacker));
    }
    return unpacker.reader().finish();
}

}  // namespace

Result<void> unpack_initrd(std::span<const std::byte> archive, Dentry& root) {
    const Box<Unpacker> unpacker = TRY(Box<Unpacker>::create(root));
    std::size_t at = 0;
    const Result<void> result = unpack_all(archive, *unpacker, at);
    if (result) {
        log_info("initrd", "{} entries from {} KiB, {} left out", unpacker->entries(),
                 archive.size() >> 10, unpacker->left_out());
        return result;
    }
    log(LogLevel::kError, "initrd", "unpacking failed in the part at byte {} of {}: {}", at,
        archive.size(), reason_of(result.error()));
    log(LogLevel::kError, "initrd", "after {} entries, last name \"{}\"", unpacker->entries(),
        unpacker->current());
    return result;
}

}  // namespace exo
