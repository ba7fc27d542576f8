// A table of paths; directories are what lies between the slashes, and a component '#' behind a
// name stands for the number of each CPU. Nothing changes after the boot, so texts are made when a
// file is opened and need no lock.
#include "posix_x/sysfs/sysfs.h"

#include <algorithm>

#include "kernel/arch/cpu.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/scheduler.h"
#include "kernel/fs/mounts.h"
#include "kernel/mm/frames.h"
#include "lib/sched/params.h"
#include "posix_x/procfs/proc_inode.h"

namespace exo::posix {

namespace {

constexpr std::string_view kTypeName = "sysfs";

/// A set of CPUs, a bit each.
using CpuSet = std::uint64_t;
static_assert(sched::kMaxCpus <= 64);

CpuSet all_cpus() {
    const std::uint32_t cpus = online_cpus();
    return cpus == 64 ? ~CpuSet{0} : (CpuSet{1} << cpus) - 1;
}

arch::CpuPlace place_of(std::uint32_t cpu) {
    return arch::cpu_place(cpu_local(cpu).apic_id);
}

/// The CPUs whose places are such.
template <typename Matches>
CpuSet cpus_where(Matches matches) {
    CpuSet set = 0;
    for (std::uint32_t each = 0; each < online_cpus(); ++each)
        if (matches(place_of(each))) set |= CpuSet{1} << each;
    return set;
}

CpuSet same_package(std::uint32_t cpu) {
    const std::uint32_t package = place_of(cpu).package;
    return cpus_where([&](const arch::CpuPlace& place) { return place.package == package; });
}

CpuSet same_core(std::uint32_t cpu) {
    const arch::CpuPlace own = place_of(cpu);
    return cpus_where([&](const arch::CpuPlace& place) { return place == own; });
}

/// "0-3,6".
Result<void> write_list(Text& text, CpuSet set) {
    bool first = true;
    for (std::uint32_t cpu = 0; cpu < 64; ++cpu) {
        if ((set >> cpu & 1) == 0) continue;
        std::uint32_t last = cpu;
        while (last < 63 && (set >> (last + 1) & 1) != 0) ++last;
        TRY(text.print("{}{}", first ? "" : ",", cpu));
        if (last > cpu) TRY(text.print("-{}", last));
        first = false;
        cpu = last;
    }
    return text.append("\n");
}

/// Hexadecimal, as wide as the number of CPUs asks for; a comma between words of 32 bits.
Result<void> write_mask(Text& text, CpuSet set) {
    for (std::uint32_t digit = (online_cpus() + 3) / 4; digit-- > 0;) {
        const char c = "0123456789abcdef"[set >> (4 * digit) & 15];
        TRY(text.append({&c, 1}));
        if (digit == 8) TRY(text.append(","));
    }
    return text.append("\n");
}

Result<void> write_all_list(Text& text, std::uint32_t) {
    return write_list(text, all_cpus());
}

Result<void> write_all_mask(Text& text, std::uint32_t) {
    return write_mask(text, all_cpus());
}

Result<void> write_no_list(Text& text, std::uint32_t) {
    return write_list(text, 0);
}

template <CpuSet (*set_of)(std::uint32_t cpu)>
Result<void> write_list_of(Text& text, std::uint32_t cpu) {
    return write_list(text, set_of(cpu));
}

template <CpuSet (*set_of)(std::uint32_t cpu)>
Result<void> write_mask_of(Text& text, std::uint32_t cpu) {
    return write_mask(text, set_of(cpu));
}

Result<void> write_core(Text& text, std::uint32_t cpu) {
    return text.print("{}\n", place_of(cpu).core);
}

Result<void> write_package(Text& text, std::uint32_t cpu) {
    return text.print("{}\n", place_of(cpu).package);
}

template <std::uint64_t kValue>
Result<void> write_number(Text& text, std::uint32_t) {
    return text.print("{}\n", kValue);
}

Result<void> write_node_memory(Text& text, std::uint32_t) {
    const MemoryUse use = memory_use();
    TRY(text.print("Node 0 MemTotal:       {:8} kB\n", use.total_bytes >> 10));
    TRY(text.print("Node 0 MemFree:        {:8} kB\n", use.free_bytes >> 10));
    return text.print("Node 0 MemUsed:        {:8} kB\n", (use.total_bytes - use.free_bytes) >> 10);
}

struct Entry {
    std::string_view path;
    /// `cpu`: the number that stands for '#'. nullptr: a directory with nothing in it.
    Result<void> (*write_text)(Text& text, std::uint32_t cpu);
};

// What is below one directory stands together. Memory is one node.
constexpr Entry kEntries[] = {
    {"block/", nullptr},
    {"bus/", nullptr},
    {"class/", nullptr},
    {"dev/block/", nullptr},
    {"dev/char/", nullptr},
    {"devices/system/cpu/cpu#/topology/core_cpus", write_mask_of<same_core>},
    {"devices/system/cpu/cpu#/topology/core_cpus_list", write_list_of<same_core>},
    {"devices/system/cpu/cpu#/topology/core_id", write_core},
    {"devices/system/cpu/cpu#/topology/core_siblings", write_mask_of<same_package>},
    {"devices/system/cpu/cpu#/topology/core_siblings_list", write_list_of<same_package>},
    {"devices/system/cpu/cpu#/topology/package_cpus", write_mask_of<same_package>},
    {"devices/system/cpu/cpu#/topology/package_cpus_list", write_list_of<same_package>},
    {"devices/system/cpu/cpu#/topology/physical_package_id", write_package},
    {"devices/system/cpu/cpu#/topology/thread_siblings", write_mask_of<same_core>},
    {"devices/system/cpu/cpu#/topology/thread_siblings_list", write_list_of<same_core>},
    {"devices/system/cpu/kernel_max", write_number<sched::kMaxCpus - 1>},
    {"devices/system/cpu/offline", write_no_list},
    {"devices/system/cpu/online", write_all_list},
    {"devices/system/cpu/possible", write_all_list},
    {"devices/system/cpu/present", write_all_list},
    {"devices/system/node/has_cpu", write_number<0>},
    {"devices/system/node/has_memory", write_number<0>},
    {"devices/system/node/has_normal_memory", write_number<0>},
    {"devices/system/node/node0/cpulist", write_all_list},
    {"devices/system/node/node0/cpumap", write_all_mask},
    {"devices/system/node/node0/distance", write_number<10>},
    {"devices/system/node/node0/meminfo", write_node_memory},
    {"devices/system/node/online", write_number<0>},
    {"devices/system/node/possible", write_number<0>},
    {"fs/", nullptr},
    {"kernel/", nullptr},
};

/// An inode's: its first entry, how many components lead to it, its CPU.
constexpr std::uint64_t inode_number(std::size_t entry, std::size_t depth, std::uint32_t cpu) {
    return 1 + (std::uint64_t{cpu} << 32 | depth << 16 | entry);
}

class SysFile final : public TextInode {
  public:
    SysFile(FileSystem& file_system, std::size_t entry, std::uint64_t number, std::uint32_t cpu)
        : TextInode(file_system, number, {}), entry_(kEntries[entry]), cpu_(cpu) {}

    InodeStat stat() override {
        InodeStat stat = TextInode::stat();
        stat.size = kPageSize;  // as on Linux, whatever the text's length
        return stat;
    }

  private:
    Result<void> write_text(Text& text) override { return entry_.write_text(text, cpu_); }
    const Entry& entry_;
    const std::uint32_t cpu_;
};

/// What is below `prefix`, which ends in '/' or is empty; of the CPU `cpu` where that has a '#'.
class SysDirectory final : public ProcInode {
  public:
    SysDirectory(FileSystem& file_system, std::string_view prefix, std::uint64_t number,
                 std::uint32_t cpu)
        : ProcInode(file_system, FileType::kDirectory, prefix.empty() ? 0555 : 0755, number, {}),
          prefix_(prefix),
          cpu_(cpu) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        RefPtr<Inode> found;
        TRY(for_each_child([&](const Child& child) -> Result<bool> {
            if (child.name() != name) return true;
            found = RefPtr<Inode>(TRY(make(child)));
            return false;
        }));
        if (!found) return Errno::NOENT;
        return found.to_ref();
    }

    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        std::uint64_t at = kFirstEntry;
        return for_each_child([&](const Child& child) -> Result<bool> {
            if (at++ < offset) return true;
            const FileType type = is_file(child) ? FileType::kRegular : FileType::kDirectory;
            if (!sink.entry(child.name(), number_of_child(child), type, at)) return false;
            offset = at;
            return true;
        });
    }

  private:
    struct Child {
        std::size_t entry;           // the first below it
        std::string_view component;  // as it stands in the table
        std::uint32_t cpu;
        char text[24];
        std::size_t length;
        [[nodiscard]] std::string_view name() const { return {text, length}; }
    };

    /// visit(child) -> Result<bool>, false: enough.
    template <typename Visit>
    Result<void> for_each_child(Visit visit) {
        std::string_view before;
        for (std::size_t i = 0; i < std::size(kEntries); ++i) {
            if (!kEntries[i].path.starts_with(prefix_)) continue;
            const std::string_view rest = kEntries[i].path.substr(prefix_.size());
            const std::string_view component = rest.substr(0, rest.find('/'));
            if (component.empty() || component == before) continue;
            before = component;
            const bool numbered = component.ends_with('#');
            const std::string_view stem =
                component.substr(0, component.size() - (numbered ? 1 : 0));
            for (std::uint32_t cpu = 0; cpu < (numbered ? online_cpus() : 1); ++cpu) {
                Child child{i, component, numbered ? cpu : cpu_, {}, 0};
                child.length = numbered ? format_to(std::span(child.text), "{}{}", stem, cpu)
                                        : format_to(std::span(child.text), "{}", stem);
                if (!TRY(visit(child))) return {};
            }
        }
        return {};
    }

    [[nodiscard]] bool is_file(const Child& child) const {
        return prefix_.size() + child.component.size() == kEntries[child.entry].path.size();
    }
    [[nodiscard]] std::uint64_t number_of_child(const Child& child) const {
        const auto depth = 1 + static_cast<std::size_t>(std::ranges::count(prefix_, '/'));
        return inode_number(child.entry, depth, child.cpu);
    }
    Result<Ref<Inode>> make(const Child& child) {
        const std::uint64_t number = number_of_child(child);
        if (is_file(child))
            return Ref<Inode>(
                TRY(make_ref<SysFile>(file_system(), child.entry, number, child.cpu)));
        const std::string_view below =
            kEntries[child.entry].path.substr(0, prefix_.size() + child.component.size() + 1);
        return Ref<Inode>(TRY(make_ref<SysDirectory>(file_system(), below, number, child.cpu)));
    }

    const std::string_view prefix_;
    const std::uint32_t cpu_;
};

class SysFileSystem final : public FileSystem {
  public:
    [[nodiscard]] std::string_view type_name() const override { return kTypeName; }
    FileSystemStat stat() override {
        return {.magic = 0x62656572, .block_size = kPageSize};  // SYSFS_MAGIC, statfs(2)
    }
    Result<Ref<Inode>> create_root() override {
        return Ref<Inode>(
            TRY(make_ref<SysDirectory>(*this, std::string_view(), inode_number(0, 0, 0), 0u)));
    }
};

Result<Ref<FileSystem>> create(std::string_view) {
    return Ref<FileSystem>(TRY(make_ref<SysFileSystem>()));
}

}  // namespace

Result<void> register_sysfs() {
    return register_file_system({kTypeName, create});
}

}  // namespace exo::posix
