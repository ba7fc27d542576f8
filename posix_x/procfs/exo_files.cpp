// Files of /proc/exo: what this kernel tells of itself beyond proc(5).
#include "kernel/arch/clock.h"
#include "posix_x/dispatch.h"
#include "posix_x/procfs/procfs.h"

namespace exo::posix {

namespace {

constexpr std::size_t kPaths = 3;
constexpr std::string_view kPathNames[kPaths] = {"fast", "hybrid", "legacy"};

constexpr std::size_t index_of(PathClass path) {
    return static_cast<std::size_t>(path);
}
static_assert(index_of(PathClass::kFast) == 0 && index_of(PathClass::kHybrid) == 1 &&
              index_of(PathClass::kLegacy) == 2);

/// Exact for up to 500 years, at rates up to 18 GHz.
std::uint64_t ticks_to_ns(std::uint64_t ticks) {
    constexpr std::uint64_t kNsPerSecond = 1'000'000'000;
    const std::uint64_t rate = arch::tsc_rate();
    return ticks / rate * kNsPerSecond + ticks % rate * kNsPerSecond / rate;
}

/// Calls begun, by path and one by one, and how long those that returned took, waiting included:
/// what a program's own vDSO does is not in it. Those that nobody made are left out.
Result<void> write_posix_x(Text& text) {
    CallUse by_path[kPaths];
    Text calls;
    for (std::uint64_t number = 0; number < abi::kSyscallNumbers; ++number) {
        const CallUse use = call_use(number);
        if (use.count == 0) continue;
        const Call& which = call(number);
        CallUse& sum = by_path[index_of(which.path)];
        sum.count += use.count;
        sum.ticks += use.ticks;
        TRY(calls.print("call {} {} {} {} {}\n", number, std::string_view(which.name),
                        kPathNames[index_of(which.path)], use.count, ticks_to_ns(use.ticks)));
    }
    TRY(text.append("# path NAME COUNT NS; call NUMBER NAME PATH COUNT NS\n"));
    for (std::size_t i = 0; i < kPaths; ++i) {
        TRY(text.print("path {} {} {}\n", kPathNames[i], by_path[i].count,
                       ticks_to_ns(by_path[i].ticks)));
    }
    return text.append(calls.view());
}

constexpr SystemEntry kEntries[] = {
    {"posix_x", write_posix_x},
};

}  // namespace

std::span<const SystemEntry> exo_entries() {
    return kEntries;
}

}  // namespace exo::posix
