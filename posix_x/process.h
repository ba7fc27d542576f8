// A process: what its threads share. Lock order: the process table (process_table.h) > a process's
// signal lock. Places and credentials have locks of their own, under which nothing is taken.
#pragma once

#include <array>
#include <cstdint>

#include "abi/linux/process.h"
#include "abi/linux/signal.h"
#include "kernel/core/mutex.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/timer.h"
#include "kernel/core/wait_queue.h"
#include "kernel/fs/credentials.h"
#include "kernel/mm/address_space.h"
#include "kernel/object/handle_table.h"
#include "posix_x/alarm.h"
#include "posix_x/cpu_alarm.h"
#include "posix_x/pending_signals.h"
#include "posix_x/places.h"
#include "posix_x/posix_timers.h"
#include "posix_x/resource_limits.h"

namespace exo::posix {

class Task;
class Terminal;

/// Of a process, a thread, a process group or a session; above 0.
using Pid = std::int32_t;

/// How a process ended or what it does, as wait(2) encodes it.
struct WaitStatus {
    std::int32_t word = 0;
    static constexpr WaitStatus exited(std::int32_t code) { return {(code & 0xff) << 8}; }
    static constexpr WaitStatus killed(Signal signal) {
        return {static_cast<std::int32_t>(signal)};
    }
    static constexpr WaitStatus stopped(Signal signal) {
        return {static_cast<std::int32_t>(signal) << 8 | 0x7f};
    }
    static constexpr WaitStatus continued() { return {0xffff}; }
    [[nodiscard]] bool was_killed() const { return (word & 0x7f) != 0; }
};

/// Processor time.
struct TimesUsed {
    CpuTime own;
    CpuTime children;  ///< of children that were waited for
};

/// What the threads of a process and those who signal it share, under one lock: nobody may see an
/// action and a mask that do not belong together.
struct SignalState {
    std::array<abi::SigAction, abi::kSignals> actions = {};
    PendingSignals pending;        ///< for whichever thread comes first
    QueuedSignals dropped;         ///< where they could not be given back, for the next thread
    Task* first_thread = nullptr;  ///< list through Task::next_thread, the oldest first
    /// Changes under the lock. A thread of the process that reads 1 without it is alone until it
    /// starts another; acquire and release: and sees what those did that are gone.
    Atomic<std::uint32_t> thread_count{0};
    /// All threads leave: the process ends with exit_status, or `exec_by` goes on alone.
    bool exiting = false;
    Task* exec_by = nullptr;
    WaitStatus exit_status;
    bool stopped = false;  ///< by job control: its threads wait in the kernel
    /// A thread has taken a signal that stops; SIGCONT and SIGKILL undo it until `stopped` is set.
    bool stop_begun = false;

    ~SignalState() { release_all(dropped); }

    [[nodiscard]] abi::SigAction& action(Signal signal) {
        return actions[static_cast<std::size_t>(signal) - 1];
    }
};

/// What other processes know and change of one.
struct Kinship {
    Kinship();
    ~Kinship();  // where Terminal is known

    Process* parent = nullptr;  ///< nullptr: the first process
    Pid group = 0, session = 0;
    RefPtr<Terminal> terminal;  ///< the session's, if it has one
    /// Of a session leader whose terminal was hung up: the group that is told when the leader ends.
    Pid hung_up_foreground = 0;
    bool zombie = false;
    bool has_executed = false;  ///< setpgid(2) by its parent is too late
    Signal exit_signal = Signal::kChld;
    Signal parent_death_signal = Signal::kNone;  ///< PR_SET_PDEATHSIG of prctl(2)
    bool adopts_descendants = false;             ///< PR_SET_CHILD_SUBREAPER of prctl(2)
    // What wait(2) has not told yet.
    bool tell_stopped = false, tell_continued = false;
    Signal stopped_by = Signal::kNone;
    TimesUsed used;  ///< processor time of threads that are gone
};

/// Where execve() put a program's arguments, and its environment behind them.
struct ProgramStrings {
    std::uint64_t arguments_begin = 0, arguments_end = 0;
    std::uint64_t environment_end = 0;
};

/// What getuid(2), getppid(2) and their kin tell, readable without a lock: each word is a copy of
/// one value, stored under the lock that guards it (relaxed: it says nothing of any other).
struct Identity {
    Atomic<Pid> parent{0};  ///< 0: the first process
    Atomic<Pid> group{0};
    Atomic<Uid> uid{0}, effective_uid{0};
    Atomic<Gid> gid{0}, effective_gid{0};

    void set(const Credentials& who) {
        uid.store(who.uid, std::memory_order_relaxed);
        effective_uid.store(who.effective_uid, std::memory_order_relaxed);
        gid.store(who.gid, std::memory_order_relaxed);
        effective_gid.store(who.effective_gid, std::memory_order_relaxed);
    }
};

class Process final : public RefCounted {
  public:
    Process(Pid pid, Ref<Places> places, Ref<const Credentials> credentials)
        : pid(pid), places_(std::move(places)), credentials_(std::move(credentials)) {
        identity.set(*credentials_.unlocked());
    }

    const Pid pid;
    Identity identity;

    // Guarded by the process table's lock; parent and group change by its set_parent(),
    // set_group().
    Kinship kin;
    ListLink sibling_link, all_link;
    List<Process, &Process::sibling_link> children;

    Locked<SignalState, IrqSpinLock<LockRank::kSignals>> signals;

    /// For its own threads: whether the caller is the only one.
    [[nodiscard]] bool is_single_threaded() NO_THREAD_SAFETY_ANALYSIS {
        return signals.unlocked().thread_count.load(std::memory_order_acquire) == 1;
    }

    // Replaced only by the process itself, while it has one thread. Its own threads read it as it
    // is.
    RefPtr<AddressSpace> space;
    ProgramStrings strings;
    void set_space(RefPtr<AddressSpace> next, const ProgramStrings& next_strings) {
        auto held = space_changes_.lock();
        std::swap(space, next);
        strings = next_strings;
    }
    /// For other processes (/proc); empty: it has ended.
    struct Memory {
        RefPtr<AddressSpace> space;
        ProgramStrings strings;
    };
    [[nodiscard]] bool runs_on(const AddressSpace& other) {
        auto held = space_changes_.lock();
        return space.get() == &other;
    }
    [[nodiscard]] Memory pin_memory() {
        auto held = space_changes_.lock();
        return {space, strings};
    }

    /// Replaced by set_handles() only; its own threads read it as it is.
    RefPtr<HandleTable> handles;
    void set_handles(RefPtr<HandleTable> next) {
        auto held = space_changes_.lock();
        std::swap(handles, next);
    }
    /// For other processes (/proc); empty: it has ended.
    [[nodiscard]] RefPtr<HandleTable> pin_handles() {
        auto held = space_changes_.lock();
        return handles;
    }
    /// As personality(2) set it.
    Atomic<std::uint32_t> personality{0};

    /// What it runs, which nobody writes to meanwhile.
    struct Executable {
        RefPtr<Dentry> file;
        FileClaim claim;
    };
    [[nodiscard]] RefPtr<Dentry> executable() { return executable_.lock()->file; }
    /// The same for a child.
    [[nodiscard]] Executable share_executable() {
        auto slot = executable_.lock();
        return {slot->file, slot->claim.again()};
    }
    void set_executable(Executable next) {
        auto slot = executable_.lock();
        std::swap(*slot, next);
    }

    std::uint64_t vdso = 0;  ///< where it is mapped

    struct Break {
        std::uint64_t begin = 0, end = 0;
    };
    Locked<Break, Mutex<LockRank::kProcess>> program_break;

    std::uint64_t start_ns = 0;
    /// /proc/PID/oom_score_adj, and the least that a process without CAP_SYS_RESOURCE may set.
    Atomic<std::int32_t> oom_score_adjustment{0}, least_oom_score_adjustment{0};
    Alarm alarm{*this};
    CpuAlarm program_alarm{*this, CpuAlarm::Counts::kProgram, Signal::kVtalrm};
    CpuAlarm profile_alarm{*this, CpuAlarm::Counts::kBoth, Signal::kProf};
    CpuAlarm limit_alarm{*this, CpuAlarm::Counts::kBoth, Signal::kXcpu};
    /// membarrier(2)'s MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED.
    Atomic<bool> uses_barriers{false};
    /// PR_SET_DUMPABLE of prctl(2).
    Atomic<bool> dumpable{true};
    PosixTimers timers{*this};
    /// Records of signals that are queued, and timers (RLIMIT_SIGPENDING).
    Atomic<std::uint32_t> queued_signals{0};

    WaitQueue ended;  ///< has_ended
    Atomic<bool> has_ended{false};
    WaitQueue child_events;    ///< a child ended, stopped or continued
    WaitQueue state_changes;   ///< of signals: continued, exiting, a thread gone
    WaitQueue signal_arrived;  ///< a signal is pending, blocked ones too
    WaitQueue space_released;  ///< for vfork(2)
    Atomic<bool> has_released_space{false};

    [[nodiscard]] Places& places() const { return *places_; }

    [[nodiscard]] Ref<const Credentials> credentials() { return *credentials_.lock(); }
    void set_credentials(Ref<const Credentials> value) {
        auto slot = credentials_.lock();
        identity.set(*value);
        std::swap(*slot, value);
    }

    ResourceLimits limits;
    /// Tells an address space of the limits that it keeps itself.
    void limit_space(AddressSpace& of);

  private:
    struct Nothing {};
    Locked<Nothing, IrqSpinLock<LockRank::kProcessParts>> space_changes_;
    const Ref<Places> places_;
    Locked<Ref<const Credentials>, IrqSpinLock<LockRank::kProcessParts>> credentials_;
    Locked<Executable, IrqSpinLock<LockRank::kProcessParts>> executable_;
};

}  // namespace exo::posix
