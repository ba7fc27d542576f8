// wait4(2), waitid(2): what became of children.
#include "posix_x/calls.h"
#include "posix_x/pid_file.h"
#include "posix_x/process_table.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

/// Which children, and which of their changes.
struct Want {
    enum class Which : std::uint8_t { kAny, kPid, kGroup, kProcess } which = Which::kAny;
    Pid id = 0;
    RefPtr<PidFile> process;
    std::uint32_t options = 0;

    [[nodiscard]] bool matches(const Process& child) const {
        if ((options & abi::kWaitAll) == 0) {
            const bool clone = child.kin.exit_signal != Signal::kChld;
            if (clone != ((options & abi::kWaitClone) != 0)) return false;
        }
        switch (which) {
            case Which::kAny:
                return true;
            case Which::kPid:
                return child.pid == id;
            case Which::kGroup:
                return child.kin.group == id;
            case Which::kProcess:
                return &child == &process->process();
        }
        return false;
    }
};

struct Event {
    Pid pid = 0;  ///< 0: none yet
    Uid uid = 0;
    std::int32_t code = 0;
    WaitStatus status;
    CpuTime used;  ///< the child's and its children's
    RefPtr<Process> reaped;
};

/// The child's event, taken unless WNOWAIT; false: none of those wanted.
bool take_event(ProcessTable& table, Process& parent, Process& child, const Want& want,
                Event& event) {
    const bool take = (want.options & abi::kWaitNoWait) == 0;
    if (child.kin.zombie && (want.options & abi::kWaitExited) != 0) {
        event.status = child.signals.lock()->exit_status;
        event.code = event.status.was_killed() ? abi::kCldKilled : abi::kCldExited;
        event.used = child.kin.used.own;
        event.used += child.kin.used.children;
        if (take) parent.kin.used.children += event.used;
    } else if (child.kin.tell_stopped && (want.options & abi::kWaitUntraced) != 0) {
        event.status = WaitStatus::stopped(child.kin.stopped_by);
        event.code = abi::kCldStopped;
        if (take) child.kin.tell_stopped = false;
    } else if (child.kin.tell_continued && (want.options & abi::kWaitContinued) != 0) {
        event.status = WaitStatus::continued();
        event.code = abi::kCldContinued;
        if (take) child.kin.tell_continued = false;
    } else {
        return false;
    }
    event.pid = child.pid;
    event.uid = child.credentials()->uid;
    if (take && child.kin.zombie && (want.options & abi::kWaitExited) != 0)
        event.reaped = table.remove(child);
    return true;
}

/// Looks once. CHILD: no child matches at all.
Result<void> look(Process& parent, const Want& want, Event& event) {
    auto table = process_table().lock();
    bool any = false;
    for (Process* child = parent.children.front(); child != nullptr;
         child = parent.children.next(*child)) {
        if (!want.matches(*child)) continue;
        any = true;
        if (take_event(*table, parent, *child, want, event)) return {};
    }
    if (!any) return Errno::CHILD;
    return {};
}

/// The next event; pid 0: WNOHANG and none.
Result<Event> wait_for(Process& parent, const Want& want) {
    Event event;
    Result<void> looked;
    const auto found = [&] {
        looked = look(parent, want, event);
        return !looked.has_value() || event.pid != 0;
    };
    if ((want.options & abi::kWaitNoHang) != 0) {
        static_cast<void>(found());
    } else {
        TRY(parent.child_events.wait(found));
    }
    TRY(std::move(looked));
    return event;
}

Result<Want> want_of(Pid pid, std::uint32_t options, const Process& self) {
    Want want;
    want.options = options;
    if (pid > 0) {
        want.which = Want::Which::kPid;
        want.id = pid;
    } else if (pid != -1) {
        want.which = Want::Which::kGroup;
        if (pid == INT32_MIN) return Errno::SRCH;
        want.id = pid == 0 ? self.kin.group : -pid;
    }
    return want;
}

}  // namespace

Result<long> sys_wait4(Task& task, Pid pid, UserOut<std::int32_t> status, Flags options,
                       UserOut<abi::ResourceUse> use) {
    constexpr std::uint32_t kKnown = abi::kWaitNoHang | abi::kWaitUntraced | abi::kWaitContinued |
                                     abi::kWaitNoThread | abi::kWaitAll | abi::kWaitClone;
    if (!options.only(kKnown)) return Errno::INVAL;
    Process& self = task.process();
    const Want want = TRY(want_of(pid, options.bits | abi::kWaitExited, self));
    const Event event = TRY(wait_for(self, want));
    if (event.pid == 0) return 0;
    if (!status.is_null()) TRY(status.write(event.status.word));
    if (!use.is_null()) TRY(use.write(resource_use(event.used)));
    return event.pid;
}

Result<long> sys_waitid(Task& task, std::uint32_t type, Pid id, UserAddr info, Flags options,
                        UserOut<abi::ResourceUse> use) {
    constexpr std::uint32_t kEvents = abi::kWaitExited | abi::kWaitUntraced | abi::kWaitContinued;
    constexpr std::uint32_t kKnown = kEvents | abi::kWaitNoHang | abi::kWaitNoWait |
                                     abi::kWaitNoThread | abi::kWaitAll | abi::kWaitClone;
    constexpr std::uint32_t kAll = 0, kPid = 1, kGroup = 2, kPidFd = 3;
    if (!options.only(kKnown) || !options.has(kEvents)) return Errno::INVAL;
    Process& self = task.process();
    Want want;
    want.options = options.bits;
    want.id = id;
    if (type == kPid) {
        if (id <= 0) return Errno::INVAL;
        want.which = Want::Which::kPid;
    } else if (type == kGroup) {
        if (id < 0) return Errno::INVAL;
        want.which = Want::Which::kGroup;
        if (id == 0) want.id = self.kin.group;
    } else if (type == kPidFd) {
        if (id < 0) return Errno::INVAL;
        want.which = Want::Which::kProcess;
        want.process = TRY(pid_file_of(task, Fd{id}));
        if (has(want.process->flags(), FileFlags::kNonBlocking)) want.options |= abi::kWaitNoHang;
    } else if (type != kAll) {
        return Errno::INVAL;
    }
    const Result<Event> waited = wait_for(self, want);
    // Of a descriptor that does not block, what WNOHANG does not tell is an error.
    if (waited && waited->pid == 0 && want.options != options.bits) return Errno::AGAIN;
    const Event event = waited ? *waited : Event{};
    if (!use.is_null() && event.pid != 0) TRY(use.write(resource_use(event.used)));
    const Result<long> result = waited ? Result<long>(0L) : waited.error();
    if (info.is_null()) return result;
    // Linux tells that there was nothing in `info`, whatever the error.
    abi::SigInfo told = {};
    if (event.pid != 0) {
        told.signo = static_cast<std::int32_t>(Signal::kChld);
        told.code = event.code;
        told.child.pid = event.pid;
        told.child.uid = event.uid;
        const std::int32_t word = event.status.word;
        told.child.status = event.code == abi::kCldExited      ? word >> 8
                            : event.code == abi::kCldContinued ? static_cast<int>(Signal::kCont)
                            : event.code == abi::kCldStopped   ? word >> 8
                                                               : word & 0x7f;
    }
    TRY(write_user(info, &told, sizeof told));
    return result;
}

}  // namespace exo::posix
