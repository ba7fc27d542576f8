// Files of /proc that are about the system as a whole (proc(5)).
#include <algorithm>

#include "kernel/arch/clock.h"
#include "kernel/arch/cpu.h"
#include "kernel/core/load_average.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/time.h"
#include "kernel/fs/file.h"
#include "kernel/fs/file_locks.h"
#include "kernel/fs/mounts.h"
#include "kernel/mm/frames.h"
#include "kernel/personality.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/procfs.h"
#include "posix_x/system_name.h"
#include "posix_x/times.h"

namespace exo::posix {

namespace {

CpuTime all_busy_time() {
    CpuTime busy;
    for (std::uint32_t cpu = 0; cpu < online_cpus(); ++cpu) busy += cpu_busy_time(cpu);
    return busy;
}

/// What of `whole_ns` is left beside `busy`. The two were not read at one moment.
std::uint64_t idle_ns(std::uint64_t whole_ns, const CpuTime& busy) {
    return whole_ns - std::min(whole_ns, busy.total_ns());
}

/// Seconds with two digits behind the point.
Result<void> print_seconds(Text& text, std::uint64_t ns) {
    return text.print("{}.{:02}", to_ticks(ns) / abi::kTicksPerSecond,
                      to_ticks(ns) % abi::kTicksPerSecond);
}

Result<void> write_meminfo(Text& text) {
    const MemoryUse use = memory_use();
    TRY(text.print("MemTotal:       {:8} kB\n", use.total_bytes >> 10));
    TRY(text.print("MemFree:        {:8} kB\n", use.free_bytes >> 10));
    TRY(text.print("MemAvailable:   {:8} kB\n", use.free_bytes >> 10));
    TRY(text.print("Buffers:        {:8} kB\n", 0));
    TRY(text.print("Cached:         {:8} kB\n",
                   (use.total_bytes - use.free_bytes - use.kernel_bytes) >> 10));
    TRY(text.print("SwapTotal:      {:8} kB\n", 0));
    TRY(text.print("SwapFree:       {:8} kB\n", 0));
    return text.print("Slab:           {:8} kB\n", use.kernel_bytes >> 10);
}

// What is counted; readers take what is absent for 0.
Result<void> write_vmstat(Text& text) {
    return text.print("nr_free_pages {}\n", memory_use().free_bytes / kPageSize);
}

Result<void> write_uptime(Text& text) {
    const std::uint64_t up = arch::now_ns();
    TRY(print_seconds(text, up));
    TRY(text.append(" "));
    TRY(print_seconds(text, idle_ns(up * online_cpus(), all_busy_time())));
    return text.append("\n");
}

// LINUX-DIFF: time in interrupt handlers counts for whom they interrupt.
Result<void> write_cpu(Text& text, std::string_view name, const CpuTime& busy, std::uint64_t idle) {
    return text.print("{} {} 0 {} {} 0 0 0 0 0 0\n", name, to_ticks(busy.program_ns),
                      to_ticks(busy.kernel_ns), to_ticks(idle));
}

Result<void> write_stat(Text& text) {
    const std::uint64_t up = arch::now_ns();
    const CpuTime all = all_busy_time();
    TRY(write_cpu(text, "cpu ", all, idle_ns(up * online_cpus(), all)));
    for (std::uint32_t cpu = 0; cpu < online_cpus(); ++cpu) {
        char name[16];
        const std::size_t length = format_to(std::span(name), "cpu{}", cpu);
        const CpuTime busy = cpu_busy_time(cpu);
        TRY(write_cpu(text, {name, length}, busy, idle_ns(up, busy)));
    }
    TRY(text.print("btime {}\n", static_cast<std::int64_t>(wall_clock_ns() - up) / kNsPerSecond));
    const Pid last =
        process_table().lock()->last_id();  // without the lock from here: this allocates
    return text.print("processes {}\n", last);
}

Result<void> write_system_mounts(Text& text) {
    return write_mounts(text, MountFormat::kMounts);
}

/// There is no swap space.
Result<void> write_swaps(Text& text) {
    return text.append("Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

Result<void> write_partitions(Text& text) {
    return text.append("major minor  #blocks  name\n\n");
}

Result<void> write_cpu_info(Text& text) {
    const arch::CpuName name = arch::cpu_name();
    for (std::uint32_t cpu = 0; cpu < online_cpus(); ++cpu) {
        TRY(text.print("processor\t: {}\nvendor_id\t: {}\ncpu family\t: {}\nmodel\t\t: {}\n", cpu,
                       static_cast<const char*>(name.vendor), name.family, name.model));
        TRY(text.print("model name\t: {}\nstepping\t: {}\n", static_cast<const char*>(name.brand),
                       name.stepping));
        TRY(text.print("cpu MHz\t\t: {}.{:03}\ncpu cores\t: 1\n\n", arch::tsc_rate() / 1'000'000,
                       arch::tsc_rate() / 1000 % 1000));
    }
    return {};
}

struct ThreadCount {
    std::uint64_t threads = 0;
    Pid last = 0;
};

ThreadCount count_threads() {
    ThreadCount count;
    auto table = process_table().lock();
    count.last = table->last_id();
    for (Process* each = table->first(); each != nullptr; each = table->next(*each))
        count.threads += each->signals.lock()->thread_count.load(std::memory_order_relaxed);
    return count;
}

Result<void> write_load_averages(Text& text) {
    for (const std::uint64_t average : load_averages()) {
        // Rounded to hundredths.
        const std::uint64_t hundredths = (average * 100 + (1 << (kLoadShift - 1))) >> kLoadShift;
        TRY(text.print("{}.{:02} ", hundredths / 100, hundredths % 100));
    }
    const ThreadCount count = count_threads();
    return text.print("{}/{} {}\n", runnable_threads(), count.threads, count.last);
}

Result<void> write_version(Text& text) {
    return text.print("{} version {} {}\n", kSystemName, kRelease, kVersion);
}

Result<void> write_command_line(Text& text) {
    TRY(text.append(boot_command_line()));
    return text.append("\n");
}

Result<void> write_file_systems(Text& text) {
    for (std::size_t i = 0;; ++i) {
        const std::string_view name = file_system_type_name(i);
        if (name.empty()) return {};
        TRY(text.print("nodev\t{}\n", name));
    }
}

constexpr std::size_t kOptionBytes = 128;

/// What restricts a mount besides "ro", each word after a comma, in Linux's order.
Result<void> write_mount_flags(Text& text, MountFlags flags) {
    struct Word {
        MountFlags flag;
        std::string_view text;
    };
    constexpr Word kWords[] = {{MountFlags::kNoSetId, ",nosuid"},
                               {MountFlags::kNoDevices, ",nodev"},
                               {MountFlags::kNoExecute, ",noexec"},
                               {MountFlags::kNoAccessTime, ",noatime"},
                               {MountFlags::kNoDirectoryAccessTime, ",nodiratime"},
                               {MountFlags::kRelativeAccessTime, ",relatime"}};
    for (const Word& word : kWords)
        if (has(flags, word.flag)) TRY(text.append(word.text));
    return {};
}

}  // namespace

Result<void> write_mounts(Text& text, MountFormat format) {
    struct Writer final : MountVisitor {
        Writer(Text& t, MountFormat f) : text(t), format(f) {}
        bool mount(const MountInfo& info) override {
            char path[kPathMax / 4] = "/";
            std::size_t length = 1;
            if (info.mount_point) {
                const auto written = info.mount_point->path(*root_dentry(), path, sizeof path);
                if (!written) return true;  // unreachable, or longer than anyone mounts at
                length = *written;
            }
            result = print(info, {path, length});
            return result.has_value();
        }
        // Piece by piece: a path may be longer than what one print() holds.
        Result<void> print(const MountInfo& info, std::string_view path) {
            FileSystem& system = info.root.inode()->file_system();
            const MountFlags flags = info.root.mount_state().flags();
            const std::string_view access = has(flags, MountFlags::kReadOnly) ? "ro" : "rw";
            char options[kOptionBytes];
            const std::string_view own(options, system.show_options(options));
            if (format == MountFormat::kMountInfo) {
                TRY(text.print("{} {} 0:{} / ", info.id, info.parent, system.device_minor()));
                TRY(text.append(path));
                TRY(text.print(" {}", access));
                TRY(write_mount_flags(text, flags));
                TRY(text.print(" - {} ", system.type_name()));
                TRY(text.append(info.source));
                TRY(text.print(" {}", access));
                TRY(text.append(own));
                return text.append("\n");
            }
            TRY(text.append(info.source));
            TRY(text.append(" "));
            TRY(text.append(path));
            TRY(text.print(" {} {}", system.type_name(), access));
            TRY(write_mount_flags(text, flags));
            TRY(text.append(own));
            return text.append(" 0 0\n");
        }
        Text& text;
        const MountFormat format;
        Result<void> result;
    } writer(text, format);
    for_each_mount(writer);
    return writer.result;
}

namespace {

std::string_view lock_kind(FileLockKind kind) {
    switch (kind) {
        case FileLockKind::kWhole:
            return "FLOCK ";
        case FileLockKind::kProcess:
            return "POSIX ";
        case FileLockKind::kOpenFile:
            break;
    }
    return "OFDLCK";
}

Result<void> write_locks(Text& text) {
    std::uint32_t number = 0;
    for (const ListedFileLock& each : TRY(FileLocks::list_all())) {
        if (!each.waits) ++number;
        const FileLockRequest& what = each.what;
        TRY(text.print("{}: {}{} ADVISORY  {} {} 00:{:02x}:{} {} ", number, each.waits ? "-> " : "",
                       lock_kind(what.kind),
                       what.mode == FileLockMode::kExclusive ? "WRITE" : "READ", what.process,
                       each.file.device_minor, each.file.inode_number, what.first));
        TRY(what.last == kMaxFileOffset ? text.append("EOF\n") : text.print("{}\n", what.last));
    }
    return {};
}

constexpr SystemEntry kEntries[] = {
    {"cmdline", write_command_line},
    {"cpuinfo", write_cpu_info},
    {"filesystems", write_file_systems},
    {"loadavg", write_load_averages},
    {"locks", write_locks},
    {"meminfo", write_meminfo},
    {"mounts", write_system_mounts},
    {"partitions", write_partitions},
    {"stat", write_stat},
    {"swaps", write_swaps},
    {"uptime", write_uptime},
    {"version", write_version},
    {"vmstat", write_vmstat},
};

}  // namespace

std::span<const SystemEntry> system_entries() {
    return kEntries;
}

}  // namespace exo::posix
