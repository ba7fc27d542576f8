#include "posix_x/out_of_memory.h"

#include "kernel/core/log.h"
#include "kernel/core/scheduler.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/out_of_memory.h"
#include "kernel/mm/reserve.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

/// One at a time chooses; those who waited look first whether it has helped them too.
using ChoosingLock = Mutex<LockRank::kOutOfMemory>;
constinit ChoosingLock* choosing = nullptr;

struct Candidate {
    RefPtr<Process> process;
    RefPtr<AddressSpace> space;
    std::uint64_t resident_bytes = 0;
    std::int64_t points = 0;
};

/// The process with the lowest number from `least` on.
RefPtr<Process> next_process(Pid least) {
    auto table = process_table().lock();
    for (Pid pid = least; pid < ProcessTable::kMaxPid; ++pid)
        if (Process* const found = table->find(pid)) return RefPtr<Process>(found);
    return {};
}

std::int64_t total_pages() {
    return static_cast<std::int64_t>(memory_use().total_bytes / kPageSize);
}

/// oom_badness() of Linux's mm/oom_kill.c.
std::int64_t points_of(std::uint64_t resident_bytes, std::int32_t adjustment, std::int64_t total) {
    return static_cast<std::int64_t>(resident_bytes / kPageSize) + adjustment * (total / 1000);
}

bool is_dying(Task& task) {
    auto state = task.process().signals.lock();
    const std::uint64_t pending = task.pending.set() | state->pending.set();
    return state->exiting || (pending & signal_bit(Signal::kKill)) != 0;
}

struct Choice {
    Candidate victim;
    bool some_are_dying = false;
};

/// Who has the most points. The first process is exempt, and so is who runs on its memory.
Choice choose() {
    Choice choice;
    const std::int64_t total = total_pages();
    RefPtr<AddressSpace> spared;
    Pid next = 1;
    while (RefPtr<Process> process = next_process(next)) {
        next = process->pid + 1;
        Candidate each;
        each.space = process->pin_memory().space;
        if (process->pid == 1) spared = each.space;
        if (!each.space || each.space.get() == spared.get()) continue;
        if (each.space->is_doomed()) {
            choice.some_are_dying = true;
            continue;
        }
        const std::int32_t adjustment =
            process->oom_score_adjustment.load(std::memory_order_relaxed);
        if (adjustment == kOomNever) continue;
        each.resident_bytes = each.space->resident_bytes();
        each.points = points_of(each.resident_bytes, adjustment, total);
        each.process = std::move(process);
        if (!choice.victim.process || each.points > choice.victim.points)
            choice.victim = std::move(each);
    }
    return choice;
}

/// Ends it, and all who run on the same memory, which is given back here and now: whatever its
/// threads wait for, perhaps for a lock that the caller holds, the memory is not kept by it.
void end(const Candidate& victim) {
    Process& process = *victim.process;
    char name[Thread::kNameBytes] = {};
    {
        auto table = process_table().lock();
        if (const Task* const first = process.signals.lock()->first_thread)
            std::copy_n(first->name().data(), first->name().size(), name);
        for (Process* each = table->first(); each != nullptr; each = table->next(*each))
            if (each->runs_on(*victim.space)) send_signal(*each, info_from_kernel(Signal::kKill));
    }
    log(LogLevel::kError, "memory",
        "Out of memory: Killed process {} ({}) total-vm:{}kB, rss:{}kB, UID:{} oom_score_adj:{}",
        process.pid, static_cast<const char*>(name), victim.space->mapped_bytes() >> 10,
        victim.resident_bytes >> 10, process.credentials()->uid,
        process.oom_score_adjustment.load(std::memory_order_relaxed));
    victim.space->doom();
    reserve_relieved();
}

bool can_allocate() {
    const auto frame = allocate_frame(Fill::kNone);
    if (frame) unref_frame(*frame);
    return frame.has_value();
}

}  // namespace

std::int64_t oom_score(Process& process) {
    const std::int32_t adjustment = process.oom_score_adjustment.load(std::memory_order_relaxed);
    const RefPtr<AddressSpace> space = process.pin_memory().space;
    if (process.pid == 1 || !space || adjustment == kOomNever) return 0;
    const std::int64_t total = total_pages();
    const std::int64_t points = points_of(space->resident_bytes(), adjustment, total);
    return std::max<std::int64_t>(0, (1000 + points * 1000 / total) * 2 / 3);
}

Result<void> start_out_of_memory() {
    choosing = new (std::nothrow) ChoosingLock;
    if (choosing == nullptr) return Errno::NOMEM;
    return {};
}

}  // namespace exo::posix

bool exo::relieve_memory() {
    using namespace exo::posix;
    might_sleep();
    const AddressSpace* const space = current_address_space();
    if (choosing == nullptr || space == nullptr) return false;
    // A process that ends gives its memory back within milliseconds, unless something is in its
    // way.
    constexpr std::uint64_t kWaitNs = 10'000'000;
    constexpr unsigned kMostWaits = 100;
    for (unsigned waits = 0; waits < kMostWaits; ++waits) {
        if (space->is_doomed() || is_dying(this_task())) return false;
        {
            const MutexGuard guard(*choosing);
            if (can_allocate()) return true;
            const Choice choice = choose();
            if (choice.victim.process) {
                end(choice.victim);
                continue;
            }
            if (!choice.some_are_dying) return false;
        }
        WaitQueue nobody;
        static_cast<void>(
            nobody.wait([] { return false; }, Deadline::in(kWaitNs), Interruptible::kNo));
    }
    return false;
}
