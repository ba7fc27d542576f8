// What the inodes of /proc have in common, and the parts of the tree that other files make.
#pragma once

#include "kernel/fs/dentry.h"
#include "kernel/fs/file.h"
#include "kernel/fs/inode_file.h"
#include "kernel/fs/time.h"
#include "posix_x/procfs/procfs.h"

namespace exo::posix {

/// Numbers of inodes: the process in the upper part, its entry below; 0: /proc itself.
inline constexpr std::uint64_t kRootNumber = 1;
constexpr std::uint64_t number_of(Pid pid, std::size_t entry) {
    return static_cast<std::uint64_t>(pid) << 16 | (entry + 2);
}
/// In the place of an entry: a process's own directory, and what is not in a table.
inline constexpr std::size_t kDirectoryEntry = 0xfff0;
inline constexpr std::size_t kSelfEntry = 0xfff1;
inline constexpr std::size_t kExoEntry = 0xfff2;
inline constexpr std::size_t kSysEntry = 0xfff3;
inline constexpr std::size_t kFdEntry = 0xfff4, kTaskEntry = 0xfff5, kFdInfoEntry = 0xfff6;
inline constexpr std::size_t kFirstSysEntry = 0xa000;  // files and directories of /proc/sys
inline constexpr std::size_t kFirstExoEntry = 0x8000;  // the files of /proc/exo

/// A text that was made when the file was opened.
class TextFile : public File {
  public:
    TextFile(Text text, Inode& inode, Dentry& by)
        : File(ObjectType::kFile, FileFlags::kNone),
          text_(std::move(text)),
          inode_(inode),
          by_(by) {}

    Result<std::size_t> read(IoCursor& to) override {
        auto position = position_.lock();
        const std::size_t done = TRY(read_at(to, *position));
        *position += done;
        return done;
    }
    Result<std::size_t> read_at(IoCursor& to, std::uint64_t offset) override {
        const std::string_view text = text_.view();
        if (offset >= text.size()) return std::size_t{0};
        return to.put(text.data() + offset, std::min(to.remaining(), text.size() - offset));
    }
    Result<std::uint64_t> seek(std::int64_t offset, Whence whence) override {
        auto position = position_.lock();
        const std::uint64_t base = whence == Whence::kSet       ? 0
                                   : whence == Whence::kCurrent ? *position
                                                                : text_.view().size();
        if (whence > Whence::kEnd) return Errno::INVAL;
        *position = TRY(position_from(base, offset));
        return *position;
    }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return by_; }

  private:
    const Text text_;
    const Ref<Inode> inode_;
    const Ref<Dentry> by_;
    Locked<std::uint64_t, Mutex<LockRank::kFile>> position_;
};

/// Whether the running thread may see what `of` has in memory and open (inspection.h). ACCES.
Result<void> check_inspection(Process& of);

class ProcInode : public Inode {
  public:
    InodeStat stat() override {
        InodeStat stat;
        stat.number = number_;
        stat.type = type();
        stat.mode = mode_;
        stat.links = 1;
        if (process_) {
            const auto owner = process_->credentials();
            stat.uid = owner->effective_uid;
            stat.gid = owner->effective_gid;
        }
        stat.accessed = stat.modified = stat.changed = now_timestamp();
        return stat;
    }
    Result<void> set_attributes(const AttributeChange& change) override {
        // O_TRUNC of what can be written (/proc/sys) means nothing, as on Linux.
        return change.mode || change.uid || change.gid ? Result<void>(Errno::PERM) : Result<void>();
    }
    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) override {
        if (includes(access, Rights::kWrite)) return Errno::ACCES;
        return InodeFile::open(*this, by, flags);
    }
    [[nodiscard]] bool names_are_stable() const override { return false; }
    [[nodiscard]] const RefPtr<Process>& process() const { return process_; }
    [[nodiscard]] std::uint64_t number() const { return number_; }

  protected:
    ProcInode(FileSystem& file_system, FileType type, Mode mode, std::uint64_t number,
              RefPtr<Process> process)
        : Inode(file_system, type), process_(std::move(process)), number_(number), mode_(mode) {}

    const RefPtr<Process> process_;

  private:
    const std::uint64_t number_;
    const Mode mode_;
};

/// A file whose text is made when it is opened, and which is not written to.
class TextInode : public ProcInode {
  public:
    Result<Ref<File>> open(Dentry& by, FileFlags, Rights access) final {
        if (includes(access, Rights::kWrite)) return Errno::ACCES;
        Text text;
        TRY(write_text(text));
        return Ref<File>(TRY(make_ref<TextFile>(std::move(text), *this, by)));
    }

  protected:
    TextInode(FileSystem& file_system, std::uint64_t number, RefPtr<Process> process)
        : ProcInode(file_system, FileType::kRegular, 0444, number, std::move(process)) {}

  private:
    virtual Result<void> write_text(Text& text) = 0;
};

/// The number `name` is, without sign or leading zeros; -1: it is none.
[[nodiscard]] std::int32_t parse_number(std::string_view name);

/// /proc/sys; the directory of the whole tree. NOMEM.
Result<Ref<Inode>> make_sysctl_root(FileSystem& file_system);
/// /proc/PID/fd: a symlink for each descriptor; /proc/PID/fdinfo: a text. NOMEM.
enum class FdView : std::uint8_t { kLinks, kInfo };
Result<Ref<Inode>> make_fd_directory(FileSystem& file_system, const Ref<Process>& process,
                                     FdView view);
/// A descriptor of a process, and the text that /proc/PID/fdinfo has of it. NOMEM.
struct OpenDescriptor {
    Ref<File> file;
    Rights rights;
    CloseOnExec close_on_exec;
};
Result<void> write_descriptor(const OpenDescriptor& open, Text& text);
/// /proc/PID/task: a directory for each thread. NOMEM.
Result<Ref<Inode>> make_task_directory(FileSystem& file_system, const Ref<Process>& process);
/// /proc/PID, or /proc/PID/task/TID without the directories in it. NOMEM.
enum class ProcessView : std::uint8_t { kProcess, kThread };
Result<Ref<Inode>> make_process_directory(FileSystem& file_system, const Ref<Process>& process,
                                          ProcessView view);

}  // namespace exo::posix
