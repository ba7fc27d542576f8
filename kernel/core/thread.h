// A thread: what the scheduler switches between. The kernel itself is not preempted: a thread in
// the kernel runs until it sleeps, yields or returns to its program, so per-CPU data is stable
// between two such points, and interrupts are all that can come in between.
//
// A personality derives its own thread class (posix_x: Task) and finds it by this_thread().
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/arch/address.h"
#include "kernel/arch/trap_frame.h"
#include "kernel/arch/user_state.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/program_profile.h"
#include "lib/base/atomic.h"
#include "lib/base/ref.h"
#include "lib/sched/standing.h"
#include "lib/switch/context.h"

namespace exo {

namespace arch {
class UserSpace;
}

/// How a wake-up is meant: kSync says that the waker is about to sleep, so that the woken thread
/// may take this CPU over directly.
enum class WakeHint : std::uint8_t { kPlain, kSync };

/// Running or waiting for a CPU; asleep so that only wake() ends it; asleep so that interrupt()
/// does as well; gone.
enum class ThreadState : std::uint8_t { kRunnable, kSleeping, kInterruptible, kDead };

class Thread;

/// The policy's view of a thread, which leads back to it. It runs with what it was given, or, if
/// that is better, what it is lent by those who wait for it.
struct ThreadEntity : sched::SchedEntity {
    explicit ThreadEntity(Thread& t) : thread(t) {}
    Thread& thread;
    sched::Standing own;
    sched::Urgency lent;
    bool resets_on_fork = false;  ///< SCHED_RESET_ON_FORK (sched(7))
};

class Thread : public RefCounted {
  public:
    static constexpr std::size_t kStackBytes = 16 * 1024;
    static constexpr std::size_t kNameBytes = 16;

    /// A thread that will run `entry(argument)` in the kernel and ends when that returns. It does
    /// not run before start_thread() (scheduler.h). NOMEM.
    static Result<Ref<Thread>> create_kernel(std::string_view name, void (*entry)(void*),
                                             void* argument);

    /// Where the user registers are kept while this thread is in the kernel: the top of its stack.
    [[nodiscard]] arch::TrapFrame& user_frame() const;

    /// The address space that is loaded when this thread runs; nullptr: any (a kernel thread).
    /// Changed only by the thread itself (scheduler.h: use_space()).
    [[nodiscard]] arch::UserSpace* space() const { return space_; }

    /// FPU and segment state of a thread that has a program; unused by kernel threads.
    arch::UserState user_state;

    /// Whether interruptible sleeps of this thread end at once with RESTARTSYS. Set by interrupt(),
    /// cleared by who handles what came (posix_x: signal delivery).
    [[nodiscard]] bool interrupted() const {
        return (attention_.load(std::memory_order_acquire) & kInterrupted) != 0;
    }
    void clear_interrupted() {
        attention_.fetch_and(static_cast<std::uint8_t>(~kInterrupted), std::memory_order_release);
    }

    /// From now on the thread is marked when the CPU is taken from it, and at once; or no more.
    void mark_switches(bool on) {
        marks_switches_ = on;
        if (on) attention_.fetch_or(kSwitched, std::memory_order_relaxed);
    }
    /// Whether it is marked so, which it is not any more. Of the thread itself.
    [[nodiscard]] bool take_switched() {
        const auto all = attention_.load(std::memory_order_relaxed);
        if ((all & kSwitched) == 0) return false;
        attention_.fetch_and(static_cast<std::uint8_t>(~kSwitched), std::memory_order_relaxed);
        return true;
    }

    /// Whether it is interrupted or marked: one look before it goes on with its program.
    [[nodiscard]] bool wants_attention() const {
        return attention_.load(std::memory_order_acquire) != 0;
    }

    /// As it is this moment: for statistics.
    [[nodiscard]] ThreadState state() const { return state_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint32_t last_cpu() const { return cpu_.load(std::memory_order_relaxed); }

    [[nodiscard]] std::string_view name() const { return {name_}; }
    void set_name(std::string_view name);

    /// Guarded by the lock of its run queue.
    ThreadEntity entity{*this};
    ListLink dead_link;  ///< the reaper's

  protected:
    explicit Thread(std::string_view name);
    ~Thread() override;

    /// Gives it its stack, with `entry` as what it begins with. NOMEM.
    Result<void> prepare(void (*entry)(void*), void* argument);

  private:
    friend class CpuScheduler;
    friend void prepare_sleep(ThreadState state);
    friend void cancel_sleep();
    friend void interrupt(Thread& thread);
    friend bool wake(Thread& thread, WakeHint hint);
    friend void use_space(arch::UserSpace* space);
    friend void start_thread(Thread& thread);
    friend void inherit_policy(Thread& child, const Thread& parent);
    friend void set_program(RefPtr<ProgramProfile> program);

    static void begin(void* thread);

    Context context_{};
    void (*entry_)(void*) = nullptr;
    void* argument_ = nullptr;
    VirtAddr stack_top_;
    arch::UserSpace* space_ = nullptr;
    RefPtr<ProgramProfile> program_;  ///< entity.profile is in it
    Atomic<ThreadState> state_{ThreadState::kSleeping};
    static constexpr std::uint8_t kInterrupted = 1, kSwitched = 2;
    Atomic<std::uint8_t> attention_{0};
    bool marks_switches_ = false;
    /// The CPU on whose run queue it is or was last; changes under that queue's lock.
    Atomic<std::uint32_t> cpu_{0};
    friend void leave_program(std::uint64_t now);
    Atomic<std::uint64_t> program_ticks_{0};  ///< up to when it last entered the kernel
    Atomic<std::uint64_t> cpu_time_ns_{0};    ///< up to the last switch or tick (cpu_time_ns())
    char name_[kNameBytes] = {};
};

/// The thread that runs here. There is always one (the CPU's idle thread at least), once
/// start_scheduler() has run.
[[nodiscard]] inline Thread& this_thread() {
    Thread* thread;
    asm("movq %%gs:%c1, %0" : "=r"(thread) : "i"(kCpuLocalThreadOffset));  // the same all its life
    return *thread;
}

}  // namespace exo
