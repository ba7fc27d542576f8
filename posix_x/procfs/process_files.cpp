// Files of /proc/PID (proc(5)).
#include "abi/linux/capability.h"
#include "kernel/core/scheduler.h"
#include "kernel/fs/file.h"
#include "kernel/fs/mounts.h"
#include "kernel/fs/path_walk.h"
#include "posix_x/out_of_memory.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/procfs.h"
#include "posix_x/task.h"
#include "posix_x/terminal.h"
#include "posix_x/times.h"

namespace exo::posix {

namespace {

/// Signals as sets (signal_bit()).
struct SignalSets {
    std::uint64_t pending = 0;          ///< of the first thread
    std::uint64_t process_pending = 0;  ///< of all
    std::uint64_t blocked = 0, ignored = 0, caught = 0;
};

/// What stat and status tell.
struct Snapshot {
    char name[Thread::kNameBytes] = {};
    char state = 'Z';
    Pid parent = 0, group = 0, session = 0, foreground = -1;
    std::uint32_t terminal = 0;  ///< tty_nr
    TimesUsed used;
    std::uint32_t threads = 0, cpu = 0;
    sched::Standing given, raised;
    std::uint64_t affinity = 0;
    SignalSets signals;
    std::uint64_t mapped = 0, resident = 0;
    ProgramStrings strings;
};

SignalSets signal_sets(const SignalState& state) {
    SignalSets sets;
    sets.process_pending = state.pending.set();
    for (std::size_t i = 0; i < state.actions.size(); ++i) {
        const std::uint64_t handler = state.actions[i].handler;
        const std::uint64_t bit = signal_bit(static_cast<Signal>(i + 1));
        if (handler == abi::kSigIgnore) sets.ignored |= bit;
        if (handler != abi::kSigIgnore && handler != abi::kSigDefault) sets.caught |= bit;
    }
    if (state.first_thread != nullptr) {
        sets.pending = state.first_thread->pending.set();
        sets.blocked = state.first_thread->blocked;
    }
    return sets;
}

char state_letter(const Task& task, bool stopped) {
    if (stopped) return 'T';
    return task.state() == ThreadState::kRunnable   ? 'R'
           : task.state() == ThreadState::kSleeping ? 'D'
                                                    : 'S';
}

/// The terminal's number as dev_t has it, and its foreground group; -1 without one.
void add_terminal(Process& process, Snapshot& shot) {
    RefPtr<Terminal> terminal;
    {
        auto table = process_table().lock();
        terminal = process.kin.terminal;
    }
    if (!terminal) return;
    const DeviceNumber number = terminal->number();
    shot.terminal = (number.minor & 0xff) | number.major << 8 | (number.minor & ~0xffu) << 12;
    shot.foreground = terminal->foreground();
}

Snapshot take_snapshot(Process& process) {
    Snapshot shot;
    if (const Process::Memory memory = process.pin_memory(); memory.space) {
        shot.mapped = memory.space->mapped_bytes();
        shot.resident = memory.space->resident_bytes();
        shot.strings = memory.strings;
    }
    shot.used = times_used(process);
    add_terminal(process, shot);
    auto table = process_table().lock();
    const Kinship& kin = process.kin;
    shot.parent = kin.parent == nullptr ? 0 : kin.parent->pid;
    shot.group = kin.group;
    shot.session = kin.session;
    auto signals = process.signals.lock();
    shot.threads = signals->thread_count.load(std::memory_order_relaxed);
    shot.signals = signal_sets(*signals);
    const Task* first = signals->first_thread;
    if (first != nullptr) {
        std::copy_n(first->name().data(), first->name().size(), shot.name);
        shot.cpu = first->last_cpu();
        shot.given = standing_of(*first);
        shot.raised = raised_standing_of(*first);
        shot.affinity = affinity_of(*first);
        if (!kin.zombie) shot.state = state_letter(*first, signals->stopped);
    }
    return shot;
}

/// Linux's numbers: 0..39 by nice value, -2..-100 by real-time priority. What the thread runs with,
/// what it is lent included.
int priority_of(sched::Standing raised) {
    return sched::is_realtime(raised.policy) ? -1 - raised.rt_priority : 20 + raised.nice;
}

Result<void> write_stat(Process& process, Text& text) {
    const Snapshot shot = take_snapshot(process);
    TRY(text.print("{} ({}) {} {} {} {} {} {} 0 0 0 0 0 ", process.pid,
                   static_cast<const char*>(shot.name), shot.state, shot.parent, shot.group,
                   shot.session, shot.terminal, shot.foreground));
    TRY(text.print("{} {} {} {} {} {} {} 0 {} {} {} ", to_ticks(shot.used.own.program_ns),
                   to_ticks(shot.used.own.kernel_ns), to_ticks(shot.used.children.program_ns),
                   to_ticks(shot.used.children.kernel_ns), priority_of(shot.raised),
                   shot.given.nice, shot.threads, to_ticks(process.start_ns), shot.mapped,
                   shot.resident / kPageSize));
    // Signals beyond 31 are in status only, as on Linux.
    constexpr std::uint64_t kOld = 0x7fffffff;
    const SignalSets& sets = shot.signals;
    TRY(text.print("{} 0 0 0 0 0 {} {} {} {} 0 0 0 17 ", ~std::uint64_t{0}, sets.pending & kOld,
                   sets.blocked & kOld, sets.ignored & kOld, sets.caught & kOld));
    return text.print("{} {} {} 0 0 0 0 0 0 {} {} 0 0 0\n", shot.cpu, shot.given.rt_priority,
                      static_cast<int>(shot.given.policy), shot.strings.arguments_begin,
                      shot.strings.arguments_end);
}

Result<void> write_statm(Process& process, Text& text) {
    const Snapshot shot = take_snapshot(process);
    return text.print("{} {} 0 0 0 0 0\n", shot.mapped / kPageSize, shot.resident / kPageSize);
}

std::string_view state_name(char letter) {
    switch (letter) {
        case 'R':
            return "running";
        case 'S':
            return "sleeping";
        case 'D':
            return "disk sleep";
        case 'T':
            return "stopped";
        default:
            return "zombie";
    }
}

Result<void> write_status(Process& process, Text& text) {
    const Snapshot shot = take_snapshot(process);
    const auto who = process.credentials();
    TRY(text.print("Name:\t{}\nState:\t{} ({})\nTgid:\t{}\nPid:\t{}\nPPid:\t{}\n",
                   static_cast<const char*>(shot.name), shot.state, state_name(shot.state),
                   process.pid, process.pid, shot.parent));
    TRY(text.print("Uid:\t{}\t{}\t{}\t{}\nGid:\t{}\t{}\t{}\t{}\n", who->uid, who->effective_uid,
                   who->saved_uid, who->fs_uid, who->gid, who->effective_gid, who->saved_gid,
                   who->fs_gid));
    TRY(text.append("Groups:\t"));
    for (const Gid group : who->groups) TRY(text.print("{} ", group));
    TRY(text.print("\nVmSize:\t{:8} kB\nVmRSS:\t{:8} kB\nThreads:\t{}\n", shot.mapped >> 10,
                   shot.resident >> 10, shot.threads));
    const SignalSets& sets = shot.signals;
    TRY(text.print("SigPnd:\t{:016x}\nShdPnd:\t{:016x}\nSigBlk:\t{:016x}\n", sets.pending,
                   sets.process_pending, sets.blocked));
    TRY(text.print("SigIgn:\t{:016x}\nSigCgt:\t{:016x}\n", sets.ignored, sets.caught));
    const CapabilitySets& caps = who->capabilities;
    TRY(text.print("CapInh:\t{:016x}\nCapPrm:\t{:016x}\nCapEff:\t{:016x}\n", caps.inheritable,
                   caps.permitted, caps.effective));
    TRY(text.print("CapBnd:\t{:016x}\nCapAmb:\t{:016x}\n", caps.bounding, caps.ambient));
    const std::uint64_t online = (std::uint64_t{2} << (online_cpus() - 1)) - 1;
    return text.print("NoNewPrivs:\t{}\nCpus_allowed:\t{:x}\n", who->no_new_privileges ? 1 : 0,
                      shot.affinity & online);
}

Result<void> write_comm(Process& process, Text& text) {
    const Snapshot shot = take_snapshot(process);
    return text.print("{}\n", static_cast<const char*>(shot.name));
}

/// What `space` has in [begin, end), appended up to where it can be read.
Result<void> append_memory(AddressSpace& space, std::uint64_t begin, std::uint64_t end,
                           Text& text) {
    char bytes[256];
    for (std::uint64_t at = begin; at < end;) {
        const std::size_t wanted = std::min<std::uint64_t>(end - at, sizeof bytes);
        const std::size_t got = space.read(at, std::as_writable_bytes(std::span(bytes, wanted)));
        TRY(text.append({bytes, got}));
        if (got < wanted) break;
        at += got;
    }
    return {};
}

// Empty for a zombie. A program whose arguments do not end with NUL any more has written a title
// over them, which may go on over the environment and ends with the first NUL, as on Linux.
Result<void> write_arguments(Process& process, Text& text) {
    const auto [space, strings] = process.pin_memory();
    if (!space) return {};
    TRY(append_memory(*space, strings.arguments_begin, strings.arguments_end, text));
    const bool whole = text.view().size() == strings.arguments_end - strings.arguments_begin;
    if (!whole || text.view().empty() || text.view().back() == '\0') return {};
    TRY(append_memory(*space, strings.arguments_end, strings.environment_end, text));
    text.truncate(text.view().find('\0'));
    return {};
}

Result<void> write_environment(Process& process, Text& text) {
    const auto [space, strings] = process.pin_memory();
    if (!space) return {};
    return append_memory(*space, strings.arguments_end, strings.environment_end, text);
}

/// Of nobody who logged in: the value of a process that no login has marked (credentials(7)).
Result<void> write_login_uid(Process&, Text& text) {
    return text.append("4294967295");
}

Result<void> write_limit(Text& text, std::uint64_t value) {
    if (value == abi::kUnlimited) return text.print("{:20} ", std::string_view("unlimited"));
    return text.print("{:20} ", value);
}

Result<void> write_limits(Process& process, Text& text) {
    struct Row {
        std::string_view name, unit;
    };
    constexpr Row kRows[abi::kLimits] = {
        {"Max cpu time", "seconds"},     {"Max file size", "bytes"},
        {"Max data size", "bytes"},      {"Max stack size", "bytes"},
        {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
        {"Max processes", "processes"},  {"Max open files", "files"},
        {"Max locked memory", "bytes"},  {"Max address space", "bytes"},
        {"Max file locks", "locks"},     {"Max pending signals", "signals"},
        {"Max msgqueue size", "bytes"},  {"Max nice priority", ""},
        {"Max realtime priority", ""},   {"Max realtime timeout", "us"}};
    const ResourceLimits::All limits = process.limits.all();
    TRY(text.append(
        "Limit                     Soft Limit           Hard Limit           Units     \n"));
    for (std::size_t i = 0; i < abi::kLimits; ++i) {
        TRY(text.append(kRows[i].name));
        TRY(text.append(
            std::string_view("                          ").substr(kRows[i].name.size())));
        TRY(write_limit(text, limits[i].current));
        TRY(write_limit(text, limits[i].maximum));
        TRY(text.append(kRows[i].unit));
        TRY(text.append(std::string_view("          ").substr(kRows[i].unit.size())));
        TRY(text.append("\n"));
    }
    return {};
}

Result<void> write_mapping(Text& text, const MappingInfo& info) {
    const auto letter = [&](Protection bit, char c) { return has(info.protection, bit) ? c : '-'; };
    TRY(text.print("{:08x}-{:08x} {}{}{}{} {:08x} 00:00 ", info.begin, info.end,
                   letter(Protection::kRead, 'r'), letter(Protection::kWrite, 'w'),
                   letter(Protection::kExecute, 'x'), info.sharing == Sharing::kShared ? 's' : 'p',
                   info.object_offset));
    const RefPtr<Dentry> dentry =
        info.file ? static_cast<File&>(*info.file).dentry() : RefPtr<Dentry>();
    const RefPtr<Inode> inode = dentry ? dentry->inode() : RefPtr<Inode>();
    TRY(text.print("{}", inode ? inode->stat().number : 0));
    if (dentry) {
        char path[kPathMax / 4];
        const auto length = dentry->path(*root_dentry(), path, sizeof path);
        TRY(text.append("    "));
        TRY(text.append({path, length.value_or(0)}));
    } else if (info.grows_down) {
        TRY(text.append("    [stack]"));
    }
    return text.append("\n");
}

Result<void> write_maps(Process& process, Text& text) {
    const RefPtr<AddressSpace> space = process.pin_memory().space;
    if (!space) return {};
    Result<void> result;
    space->for_each_mapping([&](const MappingInfo& info) {
        result = write_mapping(text, info);
        return result.has_value();
    });
    return result;
}

Result<void> write_oom_score(Process& process, Text& text) {
    return text.print("{}\n", oom_score(process));
}

Result<void> write_oom_score_adjustment(Process& process, Text& text) {
    return text.print("{}\n", process.oom_score_adjustment.load(std::memory_order_relaxed));
}

/// A decimal number with or without sign. INVAL.
Result<std::int32_t> parse_signed(std::string_view text) {
    const bool negative = text.starts_with('-');
    if (negative || text.starts_with('+')) text.remove_prefix(1);
    if (text.empty()) return Errno::INVAL;
    std::int32_t value = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return Errno::INVAL;
        if (__builtin_mul_overflow(value, 10, &value)) return Errno::INVAL;
        if (__builtin_add_overflow(value, c - '0', &value)) return Errno::INVAL;
    }
    return negative ? -value : value;
}

/// ACCES: less than what CAP_SYS_RESOURCE has allowed.
Result<void> set_oom_score_adjustment(Process& process, std::string_view text) {
    const std::int32_t value = TRY(parse_signed(text));
    if (value < kOomNever || value > kOomMost) return Errno::INVAL;
    const bool privileged = this_task().process().credentials()->capable(abi::kCapSysResource);
    if (!privileged && value < process.least_oom_score_adjustment.load(std::memory_order_relaxed))
        return Errno::ACCES;
    process.oom_score_adjustment.store(value, std::memory_order_relaxed);
    if (privileged) process.least_oom_score_adjustment.store(value, std::memory_order_relaxed);
    return {};
}

Result<void> write_process_mounts(Process&, Text& text) {
    return write_mounts(text, MountFormat::kMounts);
}

Result<void> write_mount_info(Process&, Text& text) {
    return write_mounts(text, MountFormat::kMountInfo);
}

Result<Ref<Dentry>> executable(Process& process) {
    RefPtr<Dentry> file = process.executable();
    if (!file) return Errno::NOENT;
    return file.to_ref();
}

Result<Ref<Dentry>> directory(Process& process) {
    return process.places().walk_start().at;
}

Result<Ref<Dentry>> root(Process& process) {
    return process.places().walk_start().root;
}

constexpr ProcessEntry kEntries[] = {
    {"cmdline", 0444, write_arguments, nullptr},
    {"comm", 0444, write_comm, nullptr},
    {"cwd", 0777, nullptr, directory},
    {"environ", 0400, write_environment, nullptr, nullptr, Inspects::kYes},
    {"exe", 0777, nullptr, executable},
    {"limits", 0444, write_limits, nullptr},
    {"loginuid", 0444, write_login_uid, nullptr},
    {"maps", 0444, write_maps, nullptr, nullptr, Inspects::kYes},
    {"mountinfo", 0444, write_mount_info, nullptr},
    {"mounts", 0444, write_process_mounts, nullptr},
    {"oom_score", 0444, write_oom_score, nullptr},
    {"oom_score_adj", 0644, write_oom_score_adjustment, nullptr, set_oom_score_adjustment},
    {"root", 0777, nullptr, root},
    {"stat", 0444, write_stat, nullptr},
    {"statm", 0444, write_statm, nullptr},
    {"status", 0444, write_status, nullptr},
};

}  // namespace

std::span<const ProcessEntry> process_entries() {
    return kEntries;
}

}  // namespace exo::posix
