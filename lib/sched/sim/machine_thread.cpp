// The simulated machine: how a thread follows its script, and what is counted of it.
#include <algorithm>

#include "lib/sched/sim/machine.h"

namespace exo::sched::sim {

/// Charges the running thread with the time since it was last charged.
void Machine::catch_up(unsigned cpu) {
    Cpu& here = *cpus_[cpu];
    const SchedEntity* current = here.queue.current();
    const std::uint64_t ran = now_ns_ - here.ran_until_ns;
    here.ran_until_ns = now_ns_;
    if (current == nullptr || ran == 0) return;
    Thread& thread = owner(*current);
    here.queue.account(ran, now_ns_);
    thread.run_left_ns -= ran;
    report_.threads[index_of(thread)].ran_ns += ran;
}

/// Lets the running thread do what its script says next, up to its next Run.
void Machine::step(unsigned cpu) {
    const SchedEntity* current = cpus_[cpu]->queue.current();
    if (current == nullptr) return;
    Thread& thread = owner(*current);
    if (thread.run_left_ns > 0) return;
    if (!run_ops(thread, cpu)) return;
    finish_burst(thread, cpu, true);
    --alive_;
    report_.threads[index_of(thread)].finished_ns = now_ns_;
}

/// true: the script is at its end and the thread still runs.
bool Machine::run_ops(Thread& thread, unsigned cpu) {
    const Script& script = *thread.script;
    for (;;) {
        if (thread.next_op == script.ops.size()) {
            if (!script.repeat) return true;
            thread.next_op = 0;
        }
        const Op op = script.ops[thread.next_op++];
        switch (op.kind) {
            case Op::Kind::Run:
                if (op.value == 0) continue;
                thread.run_left_ns = op.value;
                return false;
            case Op::Kind::Sleep:
                finish_burst(thread, cpu, false);
                post(after(op.value), What::Ready, index_of(thread));
                return false;
            case Op::Kind::Wait:
                if (thread.tokens > 0) {
                    --thread.tokens;
                    continue;
                }
                thread.waits_for_token = true;
                finish_burst(thread, cpu, false);
                return false;
            case Op::Kind::Wake:
                wake_from(thread, op.value, cpu);
                continue;
            case Op::Kind::Start: {
                Thread& child = *threads_[op.value];
                if (child.started) continue;
                child.started = true;
                child.entity.predictor.inherit(thread.entity.predictor);
                child.entity.last_cpu = static_cast<std::uint8_t>(cpu);
                make_runnable(op.value, Enqueue::New, cpu, Wake::Plain);
                continue;
            }
        }
    }
}

void Machine::finish_burst(Thread& thread, unsigned cpu, bool exits) {
    SchedEntity& entity = thread.entity;
    if (is_fair(entity.policy)) {
        const Level actual = level_of_burst(entity.burst_ns);
        Accuracy& accuracy = report_.accuracy;
        ++accuracy.bursts;
        ++accuracy.actual[static_cast<std::size_t>(actual)];
        accuracy.right += entity.predicted == actual ? 1 : 0;
        accuracy.right_average += thread.by_average == actual ? 1 : 0;
        accuracy.right_last += thread.by_last == actual ? 1 : 0;
        thread.by_last = actual;
    } else if (entity.policy == Policy::Deadline && !exits && now_ns_ > entity.deadline_at_ns) {
        ++report_.threads[index_of(thread)].missed_deadlines;
    }
    cpus_[cpu]->queue.block();
    cpus_[cpu]->reschedule = true;
}

void Machine::wake_from(Thread& waker, std::size_t woken, unsigned cpu) {
    Thread& thread = *threads_[woken];
    if (!thread.waits_for_token) {
        ++thread.tokens;
        return;
    }
    thread.waits_for_token = false;
    // A waker whose very next act is to wait leaves its CPU to the woken.
    const std::vector<Op>& ops = waker.script->ops;
    const std::size_t next =
        waker.next_op == ops.size() && waker.script->repeat ? 0 : waker.next_op;
    const bool waits_next =
        next < ops.size() && waker.tokens == 0 && ops[next].kind == Op::Kind::Wait;
    make_runnable(woken, Enqueue::Wakeup, cpu, waits_next ? Wake::Sync : Wake::Plain);
}

void Machine::make_runnable(std::size_t index, Enqueue why, unsigned waker_cpu, Wake wake) {
    Thread& thread = *threads_[index];
    SchedEntity& entity = thread.entity;
    thread.by_average = entity.predictor.level();
    // Scripts were checked to have an online CPU in their affinity.
    const unsigned cpu = *select_cpu(entity, waker_cpu, wake, topology_, load());
    Cpu& there = *cpus_[cpu];
    catch_up(cpu);
    const std::uint64_t ahead =
        there.queue.waiting() + (there.queue.current() != nullptr ? 1U : 0U);
    if (wake == Wake::Sync && cpu == waker_cpu) {
        there.queue.hand_over(entity, now_ns_);
        ++report_.hand_overs;
    } else {
        there.queue.enqueue(entity, why, now_ns_);
    }
    begin_wait(thread, cpu, ahead, true);
    if (there.queue.should_preempt(entity, now_ns_)) {
        there.reschedule = true;
    } else {
        arm(cpu);
    }
}

void Machine::begin_wait(Thread& thread, unsigned cpu, std::uint64_t ahead, bool woken) {
    thread.wait_since_ns = now_ns_;
    thread.wait_ahead = ahead;
    thread.wait_cpu = cpu;
    thread.wait_level = thread.entity.level;
    thread.woken = woken;
    Cpu& there = *cpus_[cpu];
    there.longest_slice_ns =
        std::max<std::uint64_t>(there.longest_slice_ns, thread.entity.slice_ns);
    there.above_fair_seen |= !is_fair(thread.entity.policy);
}

void Machine::end_wait(Thread& thread, bool picked) {
    const std::uint64_t waited = now_ns_ - thread.wait_since_ns;
    ThreadReport& report = report_.threads[index_of(thread)];
    report.waited_ns += waited;
    report.longest_wait_ns = std::max(report.longest_wait_ns, waited);
    if (picked && thread.woken) report_.wakeup_latency_ns.push_back(waited);
    thread.wait_since_ns = kNever;
    if (!is_fair(thread.entity.policy)) return;
    const Cpu& there = *cpus_[thread.wait_cpu];
    const std::uint64_t bound = there.queue.wait_bound_ns(
        thread.wait_level, thread.wait_ahead, there.longest_slice_ns, there.above_fair_seen);
    ++report_.waits;
    if (waited > bound) ++report_.starved;
    report_.tightest_bound =
        std::max(report_.tightest_bound, static_cast<double>(waited) / static_cast<double>(bound));
}

}  // namespace exo::sched::sim
