// System calls: number to handler, statistics, trace, result, and the way back; and the table of
// those that need none of it (kFast).
#include "posix_x/dispatch.h"

#include <algorithm>

#include "kernel/arch/clock.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/log.h"
#include "kernel/core/program_time.h"
#include "kernel/core/scheduler.h"
#include "lib/base/cpu.h"
#include "posix_x/calls.h"
#include "posix_x/calls/fast_calls.h"
#include "posix_x/rseq.h"
#include "posix_x/signals.h"

namespace exo::posix {

/// Not constexpr and nowhere defined: to reach it while compiling is the error.
void two_calls_have_one_number();

namespace {

std::uint64_t argument(const arch::TrapFrame& frame, std::size_t index) {
    switch (index) {
        case 0:
            return frame.rdi;
        case 1:
            return frame.rsi;
        case 2:
            return frame.rdx;
        case 3:
            return frame.r10;
        case 4:
            return frame.r8;
        default:
            return frame.r9;
    }
}

template <auto kHandler>
struct Thunk;

template <typename... Arguments, Result<long> (*kHandler)(Task&, Arguments...)>
struct Thunk<kHandler> {
    template <std::size_t... kIndex>
    static Result<long> apply(Task& task, const arch::TrapFrame& frame,
                              std::index_sequence<kIndex...>) {
        return kHandler(task, decode_argument<Arguments>(argument(frame, kIndex))...);
    }
    static Result<long> run(Task& task, const arch::TrapFrame& frame) {
        return apply(task, frame, std::index_sequence_for<Arguments...>{});
    }
    /// For kFast: at SYSCALL's entry, without a frame.
    __attribute__((preserve_most)) static long run_fast(std::uint64_t a, std::uint64_t b,
                                                        std::uint64_t c) {
        static_assert(sizeof...(Arguments) <= 3);
        const std::uint64_t raw[] = {a, b, c};
        const Result<long> result = [&]<std::size_t... kIndex>(std::index_sequence<kIndex...>) {
            return kHandler(this_task(), decode_argument<Arguments>(raw[kIndex])...);
        }(std::index_sequence_for<Arguments...>{});
        return result ? *result : -static_cast<long>(result.error());
    }
    static consteval Call entry(const char* name, PathClass path, Support support) {
        static_assert(sizeof...(Arguments) <= kMaxArguments);
        return {name, &run, path, support, sizeof...(Arguments), {argument_kind<Arguments>()...}};
    }
};

struct Table {
    Call calls[abi::kSyscallNumbers];
};

constexpr Call named(const char* name) {
    Call call;
    call.name = name;
    return call;
}

/// A number that is there twice, or too high, does not compile.
consteval Table make_table() {
    Table table;
    const auto put = [&](std::size_t number, const Call& call) {
        if (table.calls[number].name != nullptr) two_calls_have_one_number();
        table.calls[number] = call;
    };
#define EXO_CALL(number, name, path, support, missing) \
    put(number, Thunk<&sys_##name>::entry(#name, PathClass::path, Support::support));
#define EXO_NO_CALL(number, name, belongs) put(number, named(#name));
#include "abi/syscalls.def"
#undef EXO_CALL
#undef EXO_NO_CALL
    return table;
}

constexpr Table kTable = make_table();
constexpr Call kNoCall;

template <PathClass kPath, auto kHandler>
consteval arch::upcall::FastCall fast_call() {
    if constexpr (kPath == PathClass::kFast) {
        return &Thunk<kHandler>::run_fast;
    } else {
        return nullptr;
    }
}

struct CpuCounts {
    std::uint64_t fast[abi::kSyscallNumbers] = {};  ///< counted at entry (trap_entry.S)
    using ByCall = Atomic<std::uint64_t>[abi::kSyscallNumbers];
    ByCall count = {}, ticks = {};
};
constexpr std::uint32_t kMaxCpus = 64;
constinit CpuCounts* counts[kMaxCpus] = {};
constinit Atomic<bool> tracing{false};

/// This CPU's own: others only read it, and the kernel is not preempted, so that a load and a store
/// do; a sum over CPUs is of no one moment (relaxed). `number` is a call's.
void add(CpuCounts::ByCall CpuCounts::* what, std::uint64_t number, std::uint64_t more) {
    CpuCounts* own = counts[this_cpu().id];
    if (own == nullptr) [[unlikely]]
        return;
    Atomic<std::uint64_t>& to = (own->*what)[number];
    to.store(to.load(std::memory_order_relaxed) + more, std::memory_order_relaxed);
}

/// Once for each number, so that a program cannot fill the log; numbers out of range share one.
constinit Atomic<bool> was_missed[abi::kSyscallNumbers + 1] = {};

void log_missing(const Task& task, std::uint64_t number) {
    auto& missed = was_missed[std::min<std::uint64_t>(number, abi::kSyscallNumbers)];
    if (missed.exchange(true, std::memory_order_relaxed)) return;
    const char* name = call(number).name;
    log(LogLevel::kWarning, "posix", "{} ({}): no system call {} ({})", task.name(), task.tid,
        number, name == nullptr ? "unknown" : name);
}

[[gnu::cold, gnu::noinline]] void miss_call(const Task& task, arch::TrapFrame& frame,
                                            std::uint64_t number) {
    if (number != static_cast<std::uint32_t>(-1)) log_missing(task, number);
    frame.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(Errno::NOSYS));
}

[[gnu::noinline]] void fail_call(Task& task, arch::TrapFrame& frame, Errno error) {
    frame.rax = static_cast<std::uint64_t>(-static_cast<std::int64_t>(error));
    if (error >= Errno::RESTARTSYS && error <= Errno::RESTART_RESTARTBLOCK)
        task.restart_code = error;
}

/// Whether there is something to do before the program goes on.
bool is_wanted(const Task& task) {
    return this_cpu().reschedule || task.wants_attention() || task.restart_code != Errno{};
}

/// Does it. Interrupts are off, and on in between.
[[gnu::cold, gnu::noinline]] void do_what_is_wanted(Task& task, arch::TrapFrame& frame) {
    while (is_wanted(task)) {
        reschedule_if_needed();
        if (!task.wants_attention() && task.restart_code == Errno{}) break;
        arch::enable_interrupts();
        if (task.take_switched()) settle_rseq(task, frame);
        if (task.interrupted() || task.restart_code != Errno{}) deliver_signals(frame);
        arch::disable_interrupts();
    }
}

}  // namespace

const Call& call(std::uint64_t number) {
    return number < abi::kSyscallNumbers ? kTable.calls[number] : kNoCall;
}

Result<void> create_call_statistics() {
    call_name = [](std::uint64_t number) { return call(number).name; };
    for (std::uint32_t cpu = 0; cpu < online_cpus() && cpu < kMaxCpus; ++cpu) {
        counts[cpu] = new (std::nothrow) CpuCounts;
        if (counts[cpu] == nullptr) return Errno::NOMEM;
    }
    return {};
}

void start_fast_calls() {
    for (std::uint32_t cpu = 0; cpu < online_cpus() && cpu < kMaxCpus; ++cpu) {
        cpu_local(cpu).fast_call_counts = counts[cpu]->fast;
        cpu_local(cpu).fast_call_numbers = abi::kSyscallNumbers;
    }
}

CallUse call_use(std::uint64_t number) {
    CallUse sum;
    for (const CpuCounts* each : counts) {
        if (each == nullptr) continue;
        sum.fast += __atomic_load_n(&each->fast[number], __ATOMIC_RELAXED);
        sum.count += each->count[number].load(std::memory_order_relaxed);
        sum.ticks += each->ticks[number].load(std::memory_order_relaxed);
    }
    return sum;
}

void trace_calls(bool on) {
    tracing.store(on, std::memory_order_relaxed);
}

bool tracing_calls() {
    return tracing.load(std::memory_order_relaxed);
}

}  // namespace exo::posix

namespace exo::arch {

constexpr upcall::FastCall upcall::fast_calls[abi::kSyscallNumbers] = {
#define EXO_CALL(number, name, path, support, missing) \
    [number] = exo::posix::fast_call<exo::posix::PathClass::path, &exo::posix::sys_##name>(),
#define EXO_NO_CALL(number, name, belongs)
#include "abi/syscalls.def"
#undef EXO_CALL
#undef EXO_NO_CALL
};

std::uint64_t upcall::system_call(TrapFrame& frame, std::uint64_t begin) {
    using namespace exo::posix;
    Task& task = this_task();
    // Linux takes EAX for the number.
    const std::uint64_t number = static_cast<std::uint32_t>(frame.orig_rax);
    const Call& what = call(number);
    if (what.thunk == nullptr) [[unlikely]] {
        miss_call(task, frame, number);
        return read_tsc();
    }
    add(&CpuCounts::count, number, 1);  // first: exit(2) does not come back
    this_cpu().trace.note(begin, TraceKind::kCall, number, frame.rip);
    const Result<long> result = what.thunk(task, frame);
    const std::uint64_t end = read_tsc();
    add(&CpuCounts::ticks, number, end - begin);
    if (tracing_calls()) [[unlikely]]
        trace_call(task, what, frame, result);
    if (!result) {
        fail_call(task, frame, result.error());
    } else if (static_cast<std::uint32_t>(frame.orig_rax) == number) {
        // A new program begins with what execve() put there; all others get their result.
        frame.rax = static_cast<std::uint64_t>(*result);
    }
    return end;
}

void upcall::return_to_user(TrapFrame& frame, std::uint64_t now) {
    using namespace exo::posix;
    Task& task = this_task();
    if (is_wanted(task)) [[unlikely]] {
        do_what_is_wanted(task, frame);
        now = read_tsc();
    }
    restore_fpu_state(task.user_state, this_cpu().fpu);
    enter_program(now);
}

}  // namespace exo::arch
