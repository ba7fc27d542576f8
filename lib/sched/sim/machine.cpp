#include "lib/sched/sim/machine.h"

#include <algorithm>

namespace exo::sched::sim {

Machine::Machine(const Scenario& scenario)
    : scenario_(scenario),
      topology_(Topology::regular(scenario.cpus, scenario.threads_per_core, kMaxCpus)) {
    for (unsigned cpu = 0; cpu < scenario.cpus; ++cpu) {
        cpus_.push_back(std::make_unique<Cpu>(cpu, scenario.tunables));
    }
    for (const std::uint32_t weight : scenario.group_weights) {
        groups_.push_back(std::make_unique<SchedGroup>(weight));
    }
}

Result<void> Machine::prepare() {
    DeadlineAdmission admission(scenario_.cpus);
    report_.threads.resize(scenario_.threads.size());
    for (std::size_t i = 0; i < scenario_.threads.size(); ++i) {
        const Script& script = scenario_.threads[i];
        threads_.push_back(std::make_unique<Thread>());
        Thread& thread = *threads_.back();
        thread.script = &script;
        SchedEntity& entity = thread.entity;
        index_[&entity] = i;
        if (script.policy == Policy::Deadline) TRY(admission.admit(script.deadline));
        RunQueue& queue = cpus_[0]->queue;
        TRY(queue.set_policy(entity, script.policy, script.rt_priority, script.deadline, 0));
        TRY(queue.set_affinity(entity, script.affinity));
        queue.set_nice(entity, script.nice);
        if (script.group != kNoGroup) {
            queue.set_group(entity, groups_[static_cast<std::size_t>(script.group)].get());
        }
        if (scenario_.profiles) entity.profile = &profiles_[script.program];
        if (script.start_ns != kStartedByOther) post(script.start_ns, What::Ready, i);
    }
    alive_ = threads_.size();
    for (unsigned cpu = 0; cpu < scenario_.cpus && scenario_.cpus > 1; ++cpu) {
        post(scenario_.balance_period_ns, What::Balance, cpu);
    }
    return {};
}

Report Machine::run() {
    // Each CPU always has one balance event: with nothing else to come, nobody can run again.
    const std::size_t idle_events = scenario_.cpus > 1 ? scenario_.cpus : 0;
    while (events_.size() > idle_events && alive_ > 0) {
        const Event event = events_.top();
        if (event.at_ns > scenario_.end_ns) break;
        events_.pop();
        now_ns_ = event.at_ns;
        handle(event);
        reschedule_marked();
    }
    if (scenario_.end_ns != kNever && alive_ > 0) now_ns_ = scenario_.end_ns;
    for (unsigned cpu = 0; cpu < scenario_.cpus; ++cpu) catch_up(cpu);
    for (const auto& thread : threads_) {
        if (thread->wait_since_ns != kNever) end_wait(*thread, false);
    }
    report_.end_ns = now_ns_;
    std::sort(report_.wakeup_latency_ns.begin(), report_.wakeup_latency_ns.end());
    return std::move(report_);
}

void Machine::post(std::uint64_t at_ns, What what, std::size_t subject, std::uint64_t generation) {
    if (at_ns == kNever) return;
    events_.push({at_ns, sequence_++, what, subject, generation});
}

void Machine::handle(const Event& event) {
    switch (event.what) {
        case What::Ready: {
            Thread& thread = *threads_[event.subject];
            const bool first = !thread.started;
            thread.started = true;
            make_runnable(event.subject, first ? Enqueue::New : Enqueue::Wakeup,
                          thread.entity.last_cpu, Wake::Plain);
            break;
        }
        case What::Check:
            if (event.generation == cpus_[event.subject]->generation) {
                check(static_cast<unsigned>(event.subject));
            }
            break;
        case What::Unthrottle: {
            const auto cpu = static_cast<unsigned>(event.subject);
            cpus_[cpu]->unthrottle_at_ns = kNever;
            catch_up(cpu);
            if (cpus_[cpu]->queue.unthrottle(now_ns_)) cpus_[cpu]->reschedule = true;
            arm(cpu);
            break;
        }
        case What::Balance:
            balance(static_cast<unsigned>(event.subject));
            break;
    }
}

/// The running thread finished a Run or its turn is over.
void Machine::check(unsigned cpu) {
    catch_up(cpu);
    step(cpu);
    Cpu& here = *cpus_[cpu];
    if (here.queue.current() == nullptr || here.queue.slice_expired(now_ns_)) {
        here.reschedule = true;
    }
    if (!here.reschedule) arm(cpu);
}

void Machine::balance(unsigned cpu) {
    if (const auto target = select_relief(cpu, topology_, load())) {
        if (SchedEntity* entity = cpus_[cpu]->queue.relieve(*target)) {
            end_wait(owner(*entity), false);
            migrate(*entity, *target);
            if (cpus_[*target]->queue.current() == nullptr) cpus_[*target]->reschedule = true;
            arm(*target);
        }
    }
    post(after(scenario_.balance_period_ns), What::Balance, cpu);
}

void Machine::migrate(SchedEntity& entity, unsigned cpu) {
    Cpu& there = *cpus_[cpu];
    catch_up(cpu);
    const std::uint64_t ahead = there.queue.waiting() + (there.queue.current() != nullptr ? 1 : 0);
    there.queue.enqueue(entity, Enqueue::Migrated, now_ns_);
    begin_wait(owner(entity), cpu, ahead, false);
    ++report_.migrations;
}

void Machine::reschedule_marked() {
    // Choosing may let a thread run that wakes others: until nobody is marked.
    for (bool again = true; again;) {
        again = false;
        for (unsigned cpu = 0; cpu < scenario_.cpus; ++cpu) {
            if (!cpus_[cpu]->reschedule) continue;
            cpus_[cpu]->reschedule = false;
            choose(cpu);
            again = true;
        }
    }
}

void Machine::choose(unsigned cpu) {
    Cpu& here = *cpus_[cpu];
    catch_up(cpu);
    if (const SchedEntity* current = here.queue.current()) {
        Thread& thread = owner(*current);
        const bool expired = here.queue.slice_expired(now_ns_);
        const std::uint64_t ahead = here.queue.waiting();
        here.queue.put_prev(expired ? Put::Expired : Put::Preempted, now_ns_);
        begin_wait(thread, cpu, ahead, false);
    }
    SchedEntity* next = here.queue.pick_next(now_ns_);
    if (next == nullptr && steal_for(cpu)) next = here.queue.pick_next(now_ns_);
    here.ran_until_ns = now_ns_;
    if (next != nullptr) {
        Thread& thread = owner(*next);
        here.longest_slice_ns = std::max<std::uint64_t>(here.longest_slice_ns, next->slice_ns);
        here.above_fair_seen |= !is_fair(next->policy);
        report_.rescues += here.queue.rescuing() ? 1 : 0;
        ++report_.switches;
        ++report_.threads[index_of(thread)].picks;
        end_wait(thread, true);
        step(cpu);
        if (here.queue.current() == nullptr) here.reschedule = true;
    }
    arm(cpu);
}

bool Machine::steal_for(unsigned thief) {
    const auto victim = select_victim(thief, topology_, load());
    if (!victim) return false;
    SchedEntity* entity = cpus_[*victim]->queue.steal(thief);
    if (entity == nullptr) return false;
    end_wait(owner(*entity), false);
    migrate(*entity, thief);
    return true;
}

/// Posts the next moment at which something happens on `cpu` by itself.
void Machine::arm(unsigned cpu) {
    Cpu& here = *cpus_[cpu];
    ++here.generation;
    if (const SchedEntity* current = here.queue.current()) {
        const std::uint64_t left = owner(*current).run_left_ns;
        const std::uint64_t check = here.queue.next_check_ns(now_ns_);
        post(after(std::min(left, check)), What::Check, cpu, here.generation);
    }
    const std::uint64_t unthrottle = here.queue.next_unthrottle_ns();
    if (unthrottle < here.unthrottle_at_ns) {
        here.unthrottle_at_ns = unthrottle;
        post(std::max(unthrottle, now_ns_), What::Unthrottle, cpu);
    }
}

MachineLoad Machine::load() const {
    MachineLoad load;
    for (unsigned cpu = 0; cpu < scenario_.cpus; ++cpu) {
        const RunQueue& queue = cpus_[cpu]->queue;
        const SchedEntity* current = queue.current();
        load.online |= std::uint64_t{1} << cpu;
        if (current == nullptr && queue.waiting() == 0) load.idle |= std::uint64_t{1} << cpu;
        CpuLoad& summary = load.cpus[cpu];
        summary.waiting = queue.waiting();
        summary.weight = queue.fair_weight();
        summary.realtime_runs = current != nullptr && !is_fair(current->policy);
        if (current != nullptr && is_fair(current->policy)) {
            summary.running = RunQueue::level_now(*current);
        }
    }
    return load;
}

Machine::Thread& Machine::owner(const SchedEntity& entity) {
    return *threads_[index_.at(&entity)];
}

std::size_t Machine::index_of(const Thread& thread) const {
    return index_.at(&thread.entity);
}

}  // namespace exo::sched::sim
