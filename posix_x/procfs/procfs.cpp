// The file system: inodes are made when they are looked up and forgotten with their last reference.
#include "posix_x/procfs/procfs.h"

#include <cstring>

#include "kernel/fs/mounts.h"
#include "posix_x/inspection.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/proc_inode.h"

namespace exo::posix {

namespace {

constexpr std::string_view kTypeName = "proc";

/// Of a process's file that can be written to: each write is a whole value.
class SettingFile final : public TextFile {
  public:
    SettingFile(Text text, Inode& inode, Dentry& by, Ref<Process> process,
                const ProcessEntry& entry)
        : TextFile(std::move(text), inode, by), process_(std::move(process)), entry_(entry) {}

    Result<std::size_t> write(IoCursor& from) override {
        char text[kMostBytes];
        const std::size_t all = from.remaining();
        const std::size_t bytes = TRY(from.take(text, std::min(all, sizeof text)));
        constexpr std::string_view kBlank = " \t\n";
        std::string_view value(text, bytes);
        value.remove_prefix(std::min(value.find_first_not_of(kBlank), value.size()));
        value = value.substr(0, value.find_last_not_of(kBlank) + 1);
        TRY(entry_.set(*process_, value));
        from.advance(all - bytes);
        return all;
    }
    Result<std::size_t> write_at(IoCursor& from, std::uint64_t) override { return write(from); }

  private:
    static constexpr std::size_t kMostBytes = 64;
    const Ref<Process> process_;
    const ProcessEntry& entry_;
};

class SystemFile final : public TextInode {
  public:
    SystemFile(FileSystem& file_system, const SystemEntry& entry, std::uint64_t number)
        : TextInode(file_system, number, {}), entry_(entry) {}

  private:
    Result<void> write_text(Text& text) override { return entry_.write_text(text); }
    const SystemEntry& entry_;
};

class ProcessFile final : public ProcInode {
  public:
    ProcessFile(FileSystem& file_system, const Ref<Process>& process, std::size_t index)
        : ProcInode(file_system, kind(index), process_entries()[index].mode,
                    number_of(process->pid, index), process),
          entry_(process_entries()[index]) {}

    Result<Ref<File>> open(Dentry& by, FileFlags, Rights access) override {
        if (entry_.write_text == nullptr) return Errno::LOOP;
        if (includes(access, Rights::kWrite) && entry_.set == nullptr) return Errno::ACCES;
        if (entry_.inspects == Inspects::kYes) TRY(check_inspection(*process_));
        Text text;
        TRY(entry_.write_text(*process_, text));
        if (entry_.set != nullptr)
            return Ref<File>(
                TRY(make_ref<SettingFile>(std::move(text), *this, by, process_.to_ref(), entry_)));
        return Ref<File>(TRY(make_ref<TextFile>(std::move(text), *this, by)));
    }
    /// O_TRUNC on what is written as a whole changes nothing.
    Result<void> set_attributes(const AttributeChange& change) override {
        if (entry_.set == nullptr || !change.size) return Errno::PERM;
        return {};
    }
    Result<std::size_t> read_link(char* to, std::size_t capacity) override {
        if (entry_.target == nullptr) return Errno::INVAL;
        TRY(check_inspection(*process_));
        const Ref<Dentry> target = TRY(entry_.target(*process_));
        return target->path(*root_dentry(), to, capacity);
    }
    RefPtr<Dentry> link_target() override {
        // Empty for who may not: the text is asked for then, which says so.
        if (entry_.target == nullptr || !check_inspection(*process_)) return {};
        auto target = entry_.target(*process_);
        return target ? RefPtr<Dentry>(std::move(*target)) : RefPtr<Dentry>();
    }

  private:
    static FileType kind(std::size_t index) {
        return process_entries()[index].target == nullptr ? FileType::kRegular : FileType::kSymlink;
    }
    const ProcessEntry& entry_;
};

/// /proc/PID and /proc/PID/task/TID.
class ProcessDirectory final : public ProcInode {
  public:
    ProcessDirectory(FileSystem& file_system, const Ref<Process>& process, ProcessView view)
        : ProcInode(file_system, FileType::kDirectory, 0555,
                    number_of(process->pid, kDirectoryEntry), process),
          view_(view) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        const auto entries = process_entries();
        for (std::size_t i = 0; i < entries.size(); ++i) {
            if (entries[i].name != name) continue;
            return Ref<Inode>(TRY(make_ref<ProcessFile>(file_system(), process_.to_ref(), i)));
        }
        if (name == "fd")
            return make_fd_directory(file_system(), process_.to_ref(), FdView::kLinks);
        if (name == "fdinfo")
            return make_fd_directory(file_system(), process_.to_ref(), FdView::kInfo);
        if (name == "task" && view_ == ProcessView::kProcess)
            return make_task_directory(file_system(), process_.to_ref());
        return Errno::NOENT;
    }
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        const auto entries = process_entries();
        const std::size_t count = entries.size() + (view_ == ProcessView::kProcess ? 3 : 2);
        for (; offset - kFirstEntry < count; ++offset) {
            const std::size_t i = offset - kFirstEntry;
            Entry entry{"fd", kFdEntry, FileType::kDirectory};
            if (i == entries.size() + 1) entry = {"fdinfo", kFdInfoEntry, FileType::kDirectory};
            if (i == entries.size() + 2) entry = {"task", kTaskEntry, FileType::kDirectory};
            if (i < entries.size()) {
                const bool link = entries[i].target != nullptr;
                entry = {entries[i].name, i, link ? FileType::kSymlink : FileType::kRegular};
            }
            if (!sink.entry(entry.name, number_of(process_->pid, entry.index), entry.type,
                            offset + 1))
                break;
        }
        return {};
    }

  private:
    struct Entry {
        std::string_view name;
        std::size_t index;
        FileType type;
    };
    const ProcessView view_;
};

/// /proc/self: to the number of who looks.
class SelfLink final : public ProcInode {
  public:
    explicit SelfLink(FileSystem& file_system)
        : ProcInode(file_system, FileType::kSymlink, 0777, number_of(0, kSelfEntry), {}) {}
    Result<std::size_t> read_link(char* to, std::size_t capacity) override {
        char text[16];
        const std::size_t length = format_to(std::span(text), "{}", this_task().process().pid);
        std::memcpy(to, text, std::min(length, capacity));
        return std::min(length, capacity);
    }
};

/// The entries of a directory, the first of which has the number `first`. NOENT.
Result<Ref<Inode>> lookup_in(std::span<const SystemEntry> entries, std::size_t first,
                             FileSystem& file_system, std::string_view name) {
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].name != name) continue;
        return Ref<Inode>(
            TRY(make_ref<SystemFile>(file_system, entries[i], number_of(0, first + i))));
    }
    return Errno::NOENT;
}

/// False: the sink is full.
bool read_entries(std::span<const SystemEntry> entries, std::size_t first, std::uint64_t& offset,
                  DirectorySink& sink) {
    for (; offset - Inode::kFirstEntry < entries.size(); ++offset) {
        const std::size_t i = offset - Inode::kFirstEntry;
        if (!sink.entry(entries[i].name, number_of(0, first + i), FileType::kRegular, offset + 1))
            return false;
    }
    return true;
}

/// /proc/exo.
class ExoDirectory final : public ProcInode {
  public:
    explicit ExoDirectory(FileSystem& file_system)
        : ProcInode(file_system, FileType::kDirectory, 0555, number_of(0, kExoEntry), {}) {}
    Result<Ref<Inode>> lookup(std::string_view name) override {
        return lookup_in(exo_entries(), kFirstExoEntry, file_system(), name);
    }
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        static_cast<void>(read_entries(exo_entries(), kFirstExoEntry, offset, sink));
        return {};
    }
};

class RootDirectory final : public ProcInode {
  public:
    explicit RootDirectory(FileSystem& file_system)
        : ProcInode(file_system, FileType::kDirectory, 0555, kRootNumber, {}) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        auto found = lookup_in(system_entries(), 0, file_system(), name);
        if (found || found.error() != Errno::NOENT) return found;
        if (name == "self") return Ref<Inode>(TRY(make_ref<SelfLink>(file_system())));
        if (name == "sys") return make_sysctl_root(file_system());
        if (name == "exo") return Ref<Inode>(TRY(make_ref<ExoDirectory>(file_system())));
        RefPtr<Process> process;
        if (const Pid pid = parse_number(name); pid > 0) {
            auto table = process_table().lock();
            process = RefPtr<Process>(table->find(pid));
        }
        if (!process) return Errno::NOENT;
        return make_process_directory(file_system(), process.to_ref(), ProcessView::kProcess);
    }

    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        if (!read_entries(system_entries(), 0, offset, sink)) return {};
        constexpr struct {
            std::string_view name;
            std::size_t entry;
            FileType type;
        } kOthers[] = {{"self", kSelfEntry, FileType::kSymlink},
                       {"sys", kSysEntry, FileType::kDirectory},
                       {"exo", kExoEntry, FileType::kDirectory}};
        const std::uint64_t others = kFirstEntry + system_entries().size();
        for (; offset - others < std::size(kOthers); ++offset) {
            const auto& [name, entry, type] = kOthers[offset - others];
            if (!sink.entry(name, number_of(0, entry), type, offset + 1)) return {};
        }
        const std::uint64_t exo = others + std::size(kOthers) - 1;
        // Behind them the offset is a process number: entries keep theirs while others come and go.
        for (Pid pid = next_pid(static_cast<Pid>(offset - exo)); pid != 0;
             pid = next_pid(pid + 1)) {
            char name[16];
            const std::size_t length = format_to(std::span(name), "{}", pid);
            const std::uint64_t next = exo + static_cast<std::uint64_t>(pid) + 1;
            if (!sink.entry({name, length}, number_of(pid, kDirectoryEntry), FileType::kDirectory,
                            next))
                return {};
            offset = next;
        }
        return {};
    }

  private:
    /// The lowest number of a process from `least` on; 0: none.
    static Pid next_pid(Pid least) {
        auto table = process_table().lock();
        for (Pid pid = least; pid <= ProcessTable::kMaxPid; ++pid) {
            if (table->find(pid) != nullptr) return pid;
        }
        return 0;
    }
};

class ProcFileSystem final : public FileSystem {
  public:
    [[nodiscard]] std::string_view type_name() const override { return kTypeName; }
    FileSystemStat stat() override {
        return {.magic = 0x9fa0, .block_size = kPageSize};  // PROC_SUPER_MAGIC, statfs(2)
    }
    Result<Ref<Inode>> create_root() override {
        return Ref<Inode>(TRY(make_ref<RootDirectory>(*this)));
    }
};

Result<Ref<FileSystem>> create(std::string_view) {
    return Ref<FileSystem>(TRY(make_ref<ProcFileSystem>()));
}

}  // namespace

Result<void> check_inspection(Process& of) {
    const bool may = may_inspect(this_task().process(), of, InspectBy::kFileIds);
    return may ? Result<void>() : Result<void>(Errno::ACCES);
}

std::int32_t parse_number(std::string_view name) {
    std::int32_t number = 0;
    if (name.empty() || name.size() > 9 || (name.size() > 1 && name.front() == '0')) return -1;
    for (const char c : name) {
        if (c < '0' || c > '9') return -1;
        number = number * 10 + (c - '0');
    }
    return number;
}

Result<Ref<Inode>> make_process_directory(FileSystem& file_system, const Ref<Process>& process,
                                          ProcessView view) {
    return Ref<Inode>(TRY(make_ref<ProcessDirectory>(file_system, process, view)));
}

RefPtr<Process> process_of_directory(const File& file) {
    const RefPtr<Inode> inode = file.inode();
    if (inode->file_system().type_name() != kTypeName) return {};
    // All inodes of this file system are of this class.
    const auto& of = static_cast<const ProcInode&>(*inode);
    const RefPtr<Process>& process = of.process();
    if (!process || of.number() != number_of(process->pid, kDirectoryEntry)) return {};
    return process;
}

Result<void> register_procfs() {
    return register_file_system({kTypeName, create});
}

}  // namespace exo::posix
