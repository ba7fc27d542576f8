// sched_setscheduler(2) and its kin: the policies of sched(7) but SCHED_DEADLINE.
#include "abi/linux/capability.h"
#include "kernel/core/scheduler.h"
#include "posix_x/calls.h"
#include "posix_x/calls/schedule.h"
#include "posix_x/pi_futex.h"
#include "posix_x/process_table.h"
#include "posix_x/times.h"

namespace exo::posix {

namespace {

constexpr std::uint32_t kResetOnFork = 0x40000000;
constexpr std::uint32_t kLastPolicy = 6;

bool is_policy(std::uint32_t number) {
    constexpr std::uint32_t kIso = 4;  // reserved, never there
    return number <= kLastPolicy && number != kIso;
}

/// A negative number names no thread and is no reason to look for one. INVAL, SRCH.
Result<Ref<Task>> find_by_policy_call(Task& self, Pid tid) {
    if (tid < 0) return Errno::INVAL;
    return find_thread(self, tid);
}

/// What RLIMIT_RTPRIO and RLIMIT_NICE allow to who is not privileged (sched(7), "Privileges and
/// resource limits").
bool limits_allow(Task& target, sched::Standing from, sched::Standing to) {
    if (sched::is_realtime(to.policy)) {
        const std::uint64_t highest = target.process().limits.soft(abi::Limit::kRealTimePriority);
        if (to.policy != from.policy && highest == 0) return false;
        return to.rt_priority <= from.rt_priority || to.rt_priority <= highest;
    }
    if (from.policy != sched::Policy::Idle || to.policy == sched::Policy::Idle) return true;
    return static_cast<std::uint64_t>(20 - from.nice) <=
           target.process().limits.soft(abi::Limit::kNice);
}

/// INVAL: the priority is not one of the policy; PERM. SCHED_DEADLINE has parameters that these
/// calls cannot tell: INVAL, as on Linux.
Result<long> change_policy(Task& self, Task& target, sched::Policy policy, std::int32_t priority,
                           OnFork new_on_fork) {
    constexpr auto kHighest = static_cast<std::int32_t>(sched::kMaxRtPriority);
    if (priority < 0 || priority > kHighest || policy == sched::Policy::Deadline)
        return Errno::INVAL;
    if (sched::is_realtime(policy) != (priority != 0)) return Errno::INVAL;
    const sched::Standing from = standing_of(target);
    const sched::Standing to{policy, static_cast<std::uint8_t>(priority), from.nice};
    const bool clears = new_on_fork == OnFork::kKeep && on_fork(target) == OnFork::kReset;
    const bool allowed = limits_allow(target, from, to) && may_schedule(self, target) && !clears;
    if (!allowed && !self.process().credentials()->capable(abi::kCapSysNice)) return Errno::PERM;
    set_policy(target, to.policy, to.rt_priority, new_on_fork);
    reorder_pi_waiter(target);
    return 0;
}

}  // namespace

Result<long> sys_sched_getscheduler(Task& task, Pid tid) {
    const auto target = TRY(find_by_policy_call(task, tid));
    const auto policy = static_cast<long>(standing_of(*target).policy);
    return on_fork(*target) == OnFork::kReset ? policy | kResetOnFork : policy;
}

Result<long> sys_sched_setscheduler(Task& task, Pid tid, std::uint32_t policy,
                                    UserIn<std::int32_t> in) {
    if (static_cast<std::int32_t>(policy) < 0 || in.is_null() || tid < 0) return Errno::INVAL;
    const std::int32_t priority = TRY(in.read());
    const auto target = TRY(find_thread(task, tid));
    const std::uint32_t number = policy & ~kResetOnFork;
    if (!is_policy(number)) return Errno::INVAL;
    return change_policy(task, *target, static_cast<sched::Policy>(number), priority,
                         number != policy ? OnFork::kReset : OnFork::kKeep);
}

Result<long> sys_sched_getparam(Task& task, Pid tid, UserOut<std::int32_t> out) {
    if (out.is_null()) return Errno::INVAL;
    const auto target = TRY(find_by_policy_call(task, tid));
    TRY(out.write(standing_of(*target).rt_priority));
    return 0;
}

Result<long> sys_sched_setparam(Task& task, Pid tid, UserIn<std::int32_t> in) {
    if (in.is_null() || tid < 0) return Errno::INVAL;
    const std::int32_t priority = TRY(in.read());
    const auto target = TRY(find_thread(task, tid));
    return change_policy(task, *target, standing_of(*target).policy, priority, on_fork(*target));
}

Result<long> sys_sched_rr_get_interval(Task& task, Pid tid, UserOut<abi::Timespec> out) {
    const auto target = TRY(find_by_policy_call(task, tid));
    const sched::Tunables figures;
    std::uint64_t slice_ns = figures.slice_ns[0];
    const sched::Policy policy = standing_of(*target).policy;
    if (policy == sched::Policy::RoundRobin) slice_ns = figures.rr_slice_ns;
    if (policy == sched::Policy::Fifo) slice_ns = 0;  // it has no end
    TRY(out.write(to_timespec(slice_ns)));
    return 0;
}

Result<long> sys_sched_get_priority_max(Task&, std::uint32_t policy) {
    if (!is_policy(policy)) return Errno::INVAL;
    return sched::is_realtime(static_cast<sched::Policy>(policy)) ? sched::kMaxRtPriority : 0;
}

Result<long> sys_sched_get_priority_min(Task& task, std::uint32_t policy) {
    return TRY(sys_sched_get_priority_max(task, policy)) == 0 ? 0 : 1;
}

}  // namespace exo::posix
