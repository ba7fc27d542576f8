// /proc/PID/fd, fdinfo and task: a process's descriptors and threads.
#include <cstring>

#include "kernel/fs/mounts.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/proc_inode.h"

namespace exo::posix {

namespace {

/// Numbers of a descriptor's link and of a thread's directory: above those of entries.
constexpr std::uint64_t fd_number(Pid pid, std::int32_t fd) {
    return std::uint64_t{1} << 62 | static_cast<std::uint64_t>(pid) << 32 |
           static_cast<std::uint32_t>(fd);
}
/// Beside it, for its file in fdinfo.
constexpr std::uint64_t kInfoNumber = std::uint64_t{1} << 63;

/// What `fd` of `process` is. NOENT: nothing, or the process has ended.
Result<OpenDescriptor> open_descriptor(Process& process, std::int32_t fd) {
    const RefPtr<HandleTable> handles = process.pin_handles();
    if (!handles) return Errno::NOENT;
    const Result<Handle> handle = handles->get(Fd{fd});
    const Result<CloseOnExec> close_on_exec = handles->close_on_exec(Fd{fd});
    if (!handle || !close_on_exec) return Errno::NOENT;
    // POSIX-X puts nothing but files there.
    return OpenDescriptor{Ref<File>(static_cast<File&>(*handle->object)), handle->rights,
                          *close_on_exec};
}

/// /proc/PID/fd/N: leads to what the file was opened by.
class FdLink final : public ProcInode {
  public:
    FdLink(FileSystem& file_system, const Ref<Process>& process, std::int32_t fd, Mode mode)
        : ProcInode(file_system, FileType::kSymlink, mode, fd_number(process->pid, fd), process),
          fd_(fd) {}

    Result<std::size_t> read_link(char* to, std::size_t capacity) override {
        const auto file = TRY(open_descriptor(*process_, fd_)).file;
        const RefPtr<Dentry> dentry = file->dentry();
        if (!dentry) return Errno::NOMEM;
        return dentry->path(*root_dentry(), to, capacity);
    }
    RefPtr<Dentry> link_target() override {
        const auto open = open_descriptor(*process_, fd_);
        return open ? open->file->dentry() : RefPtr<Dentry>();
    }

  private:
    const std::int32_t fd_;
};

/// /proc/PID/fdinfo/N: what is known of an open file.
class FdInfo final : public TextInode {
  public:
    FdInfo(FileSystem& file_system, const Ref<Process>& process, std::int32_t fd)
        : TextInode(file_system, fd_number(process->pid, fd) | kInfoNumber, process), fd_(fd) {}

  private:
    Result<void> write_text(Text& text) override {
        return write_descriptor(TRY(open_descriptor(*process_, fd_)), text);
    }
    const std::int32_t fd_;
};

/// /proc/PID/fd and /proc/PID/fdinfo.
class FdDirectory final : public ProcInode {
  public:
    FdDirectory(FileSystem& file_system, const Ref<Process>& process, FdView view)
        : ProcInode(file_system, FileType::kDirectory, view == FdView::kLinks ? 0500 : 0555,
                    number_of(process->pid, view == FdView::kLinks ? kFdEntry : kFdInfoEntry),
                    process),
          view_(view) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        const std::int32_t fd = parse_number(name);
        if (fd < 0) return Errno::NOENT;
        const Rights rights = TRY(open_descriptor(*process_, fd)).rights;
        if (view_ == FdView::kInfo)
            return Ref<Inode>(TRY(make_ref<FdInfo>(file_system(), process_.to_ref(), fd)));
        const Mode mode = static_cast<Mode>((includes(rights, Rights::kRead) ? 0500 : 0) |
                                            (includes(rights, Rights::kWrite) ? 0300 : 0));
        return Ref<Inode>(TRY(make_ref<FdLink>(file_system(), process_.to_ref(), fd, mode)));
    }

    // The offset is the descriptor's number.
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        const RefPtr<HandleTable> handles = process_->pin_handles();
        if (!handles) return {};
        bool full = false;
        const bool links = view_ == FdView::kLinks;
        handles->for_each([&](Fd each, const Handle&) {
            const auto fd = static_cast<std::uint32_t>(each);
            if (full || fd + kFirstEntry < offset) return;
            char name[16];
            const std::size_t length = format_to(std::span(name), "{}", fd);
            const std::uint64_t next = fd + kFirstEntry + 1;
            const std::uint64_t number = fd_number(process_->pid, static_cast<int>(fd));
            full = !sink.entry({name, length}, links ? number : number | kInfoNumber,
                               links ? FileType::kSymlink : FileType::kRegular, next);
            if (!full) offset = next;
        });
        return {};
    }

  private:
    const FdView view_;
};

/// LINUX-DIFF: a thread's directory shows what its process's does.
class TaskDirectory final : public ProcInode {
  public:
    TaskDirectory(FileSystem& file_system, const Ref<Process>& process)
        : ProcInode(file_system, FileType::kDirectory, 0555, number_of(process->pid, kTaskEntry),
                    process) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        const Pid tid = parse_number(name);
        if (tid <= 0 || next_thread(tid) != tid) return Errno::NOENT;
        return make_process_directory(file_system(), process_.to_ref(), ProcessView::kThread);
    }

    // The offset is a thread's number: entries keep theirs while others come and go.
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        const auto least = static_cast<Pid>(offset - kFirstEntry);
        for (Pid tid = next_thread(least); tid != 0; tid = next_thread(tid + 1)) {
            char name[16];
            const std::size_t length = format_to(std::span(name), "{}", tid);
            const std::uint64_t next = static_cast<std::uint64_t>(tid) + kFirstEntry + 1;
            if (!sink.entry({name, length}, number_of(tid, kDirectoryEntry), FileType::kDirectory,
                            next))
                break;
            offset = next;
        }
        return {};
    }

  private:
    /// The lowest number of a thread of the process from `least` on; 0: none.
    Pid next_thread(Pid least) const {
        Pid found = 0;
        auto state = process_->signals.lock();
        for (const Task* task = state->first_thread; task != nullptr; task = task->next_thread)
            if (task->tid >= least && (found == 0 || task->tid < found)) found = task->tid;
        return found;
    }
};

}  // namespace

Result<Ref<Inode>> make_fd_directory(FileSystem& file_system, const Ref<Process>& process,
                                     FdView view) {
    return Ref<Inode>(TRY(make_ref<FdDirectory>(file_system, process, view)));
}

Result<Ref<Inode>> make_task_directory(FileSystem& file_system, const Ref<Process>& process) {
    return Ref<Inode>(TRY(make_ref<TaskDirectory>(file_system, process)));
}

}  // namespace exo::posix
