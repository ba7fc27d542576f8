// System calls by number: what abi/syscalls.def becomes.
#pragma once

#include <cstdint>

#include "abi/syscall_numbers.h"
#include "posix_x/arguments.h"
#include "posix_x/task.h"

namespace exo::posix {

/// How a call travels (abi/syscalls.def).
enum class PathClass : std::uint8_t { kFast, kHybrid, kLegacy };
enum class Support : std::uint8_t { kNone, kPartial, kFull };

inline constexpr std::size_t kMaxArguments = 6;

struct Call {
    const char* name = nullptr;  ///< nullptr: no such number
    /// Decodes the registers and calls the handler. nullptr: ENOSYS.
    Result<long> (*thunk)(Task& task, const arch::TrapFrame& frame) = nullptr;
    PathClass path = PathClass::kLegacy;
    Support support = Support::kNone;
    std::uint8_t argument_count = 0;
    ArgumentKind arguments[kMaxArguments] = {};
};

/// By number, up to abi::kSyscallNumbers.
[[nodiscard]] const Call& call(std::uint64_t number);

/// How often each was called and how long it took, sums over all CPUs.
struct CallUse {
    std::uint64_t fast = 0;   ///< answered at entry, which is not timed
    std::uint64_t count = 0;  ///< by its handler behind a frame
    std::uint64_t ticks = 0;  ///< of the TSC, of these; waiting included
};
[[nodiscard]] CallUse call_use(std::uint64_t number);

/// Room for the counts of each CPU; once, at boot. NOMEM.
Result<void> create_call_statistics();

/// From now on calls that are kFast take the fast path, on all CPUs; once, after the above and
/// before any program. Without it, when calls are traced, they take the way of the others.
void start_fast_calls();

/// A line in the log for each call, as strace(1) prints them (exo.trace).
void trace_calls(bool on);
[[nodiscard]] bool tracing_calls();

/// One call and its result as text.
void trace_call(const Task& task, const Call& call, const arch::TrapFrame& frame,
                const Result<long>& result);

}  // namespace exo::posix
