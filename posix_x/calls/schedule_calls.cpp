// sched_setaffinity(2), setpriority(2), ioprio_set(2) and their kin: who gets how much of which
// CPU. Policies: policy_calls.cpp.
#include "abi/linux/capability.h"
#include "kernel/core/scheduler.h"
#include "posix_x/calls.h"
#include "posix_x/calls/schedule.h"
#include "posix_x/pi_futex.h"
#include "posix_x/process_table.h"
#include "posix_x/times.h"

namespace exo::posix {

bool may_schedule(Task& self, Task& target) {
    const auto who = self.process().credentials();
    const auto whose = target.process().credentials();
    return who->effective_uid == whose->uid || who->effective_uid == whose->effective_uid ||
           who->capable(abi::kCapSysNice);
}

namespace {

std::uint64_t all_cpus() {
    const std::uint32_t cpus = online_cpus();
    return cpus >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << cpus) - 1;
}

/// What `which` and `who` of setpriority(2) and ioprio_set(2) name.
enum class Whose : std::uint8_t { kThread, kGroup, kUser };

/// The threads among them that are left at the moment, at most kMost for a call. SRCH: none.
Result<Vector<Ref<Task>>> find_threads(Task& self, Whose whose, Pid id) {
    Vector<Ref<Task>> found;
    if (whose == Whose::kThread) {
        Ref<Task> thread = TRY(find_thread(self, id));
        TRY(found.push_back(std::move(thread)));
        return found;
    }
    const Uid uid =
        id == 0 && whose == Whose::kUser ? self.process().credentials()->uid : static_cast<Uid>(id);
    // The table's lock forbids to allocate: make room for as many as there were, and try again.
    for (std::uint32_t room = 16;; room *= 2) {
        TRY(found.reserve(room));
        auto table = process_table().lock();
        const Pid group = id == 0 ? self.process().kin.group : id;
        bool all = true;
        for (Process* each = table->first(); each != nullptr; each = table->next(*each)) {
            const bool meant =
                whose == Whose::kGroup ? each->kin.group == group : each->credentials()->uid == uid;
            if (!meant) continue;
            auto state = each->signals.lock();
            for (Task* task = state->first_thread; task != nullptr; task = task->next_thread) {
                all = all && found.size() < room;
                if (all) MUST(found.push_back(Ref<Task>(*task)));  // there is room
            }
        }
        if (all) break;
        found.clear();
    }
    if (found.empty()) return Errno::SRCH;
    return found;
}

Result<Vector<Ref<Task>>> find_for_priority(Task& self, std::uint32_t which, Pid who) {
    constexpr std::uint32_t kProcess = 0, kGroup = 1, kUser = 2;
    if (which != kProcess && which != kGroup && which != kUser) return Errno::INVAL;
    if (who < 0 && which != kUser) return Errno::SRCH;
    return find_threads(self, static_cast<Whose>(which), who);
}

}  // namespace

Result<long> sys_sched_yield(Task&) {
    yield();
    return 0;
}

Result<long> sys_sched_getaffinity(Task& task, Pid tid, std::uint32_t bytes,
                                   UserOut<std::uint64_t> out) {
    // In bits, and with 32 of them, as Linux has it: 2^31 bytes are none.
    if (bytes * 8 < online_cpus() || bytes % sizeof(std::uint64_t) != 0) return Errno::INVAL;
    const auto target = TRY(find_thread(task, tid));
    TRY(out.write(affinity_of(*target) & all_cpus()));
    return sizeof(std::uint64_t);
}

Result<long> sys_sched_setaffinity(Task& task, Pid tid, std::uint32_t bytes, UserAddr in) {
    std::uint64_t mask = 0;
    TRY(read_user(&mask, in, std::min<std::size_t>(bytes, sizeof mask)));
    const auto target = TRY(find_thread(task, tid));
    if (!may_schedule(task, *target)) return Errno::PERM;
    TRY(set_affinity(*target, mask & all_cpus()));
    return 0;
}

// setpriority(2): the highest priority among those named, as 20 - nice so that it is not negative.
Result<long> sys_getpriority(Task& task, std::uint32_t which, Pid who) {
    const auto targets = TRY(find_for_priority(task, which, who));
    long best = 0;
    for (const Ref<Task>& each : targets) best = std::max<long>(best, 20 - standing_of(*each).nice);
    return best;
}

Result<long> sys_setpriority(Task& task, std::uint32_t which, Pid who, std::int32_t nice) {
    nice = std::clamp<std::int32_t>(nice, sched::kMinNice, sched::kMaxNice);
    const auto targets = TRY(find_for_priority(task, which, who));
    const bool privileged = task.process().credentials()->capable(abi::kCapSysNice);
    Result<long> result = 0;
    for (const Ref<Task>& each : targets) {
        // RLIMIT_NICE n allows values down to 20 - n.
        const auto limit = each->process().limits.soft(abi::Limit::kNice);
        if (!may_schedule(task, *each)) {
            result = Errno::PERM;
        } else if (nice < standing_of(*each).nice && !privileged &&
                   static_cast<std::uint64_t>(20 - nice) > limit) {
            result = Errno::ACCES;
        } else {
            set_nice(*each, nice);
            reorder_pi_waiter(*each);
        }
    }
    return result;
}

namespace {

constexpr std::uint32_t kIoClassShift = 13, kIoClassNone = 0, kIoClassRealTime = 1,
                        kIoClassIdle = 3;
constexpr std::uint32_t kIoLevels = 8;

Result<Vector<Ref<Task>>> find_for_io(Task& self, std::uint32_t which, Pid who) {
    constexpr std::uint32_t kProcess = 1, kUser = 3;
    if (which < kProcess || which > kUser) return Errno::INVAL;
    return find_threads(self, static_cast<Whose>(which - kProcess), who);
}

}  // namespace

Result<long> sys_ioprio_get(Task& task, std::uint32_t which, Pid who) {
    const auto targets = TRY(find_for_io(task, which, who));
    // The most urgent: real time before best effort before idle; none counts as best effort 4.
    constexpr std::uint32_t kNoneCountsAs = 2 << kIoClassShift | 4;
    std::uint32_t best = ~std::uint32_t{0};
    long answer = 0;
    for (const Ref<Task>& each : targets) {
        const std::uint32_t value = each->io_priority.load(std::memory_order_relaxed);
        const std::uint32_t urgency =
            value >> kIoClassShift == kIoClassNone ? kNoneCountsAs : value;
        if (urgency >= best) continue;
        best = urgency;
        answer = value;
    }
    return answer;
}

Result<long> sys_ioprio_set(Task& task, std::uint32_t which, Pid who, std::uint32_t value) {
    const std::uint32_t kind = value >> kIoClassShift;
    const std::uint32_t level = value & ((1U << kIoClassShift) - 1);
    if (kind > kIoClassIdle || (kind != kIoClassIdle && level >= kIoLevels)) return Errno::INVAL;
    if (kind == kIoClassNone && level != 0) return Errno::INVAL;
    const auto credentials = task.process().credentials();
    if (kind == kIoClassRealTime && !credentials->capable(abi::kCapSysNice) &&
        !credentials->capable(abi::kCapSysAdmin)) {
        return Errno::PERM;
    }
    const auto targets = TRY(find_for_io(task, which, who));
    for (const Ref<Task>& each : targets) {
        if (!may_schedule(task, *each)) return Errno::PERM;
        each->io_priority.store(static_cast<std::uint16_t>(value), std::memory_order_relaxed);
    }
    return 0;
}

}  // namespace exo::posix
