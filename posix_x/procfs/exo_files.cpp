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

/// The path that a call takes behind a frame: of one that is kFast, while calls are traced or its
/// program is stepped, the one that looks no further than the task.
constexpr PathClass framed(PathClass path) {
    return path == PathClass::kFast ? PathClass::kHybrid : path;
}

/// Calls begun, by the path they took and one by one, and how long those that returned took,
/// waiting included: what a program's own vDSO does is not in it, and the fast path is not timed.
/// Those that nobody made are left out.
Result<void> write_posix_x(Text& text) {
    CallUse by_path[kPaths];
    Text calls;
    for (std::uint64_t number = 0; number < abi::kSyscallNumbers; ++number) {
        const CallUse use = call_use(number);
        const Call& which = call(number);
        const std::string_view name(which.name == nullptr ? "" : which.name);
        if (use.fast != 0) {
            by_path[index_of(PathClass::kFast)].count += use.fast;
            TRY(calls.print("call {} {} fast {} -\n", number, name, use.fast));
        }
        if (use.count == 0) continue;
        const std::size_t path = index_of(framed(which.path));
        by_path[path].count += use.count;
        by_path[path].ticks += use.ticks;
        TRY(calls.print("call {} {} {} {} {}\n", number, name, kPathNames[path], use.count,
                        arch::ticks_to_ns(use.ticks)));
    }
    TRY(text.append("# path NAME COUNT NS; call NUMBER NAME PATH COUNT NS\n"));
    for (const PathClass path : {PathClass::kFast, PathClass::kHybrid, PathClass::kLegacy}) {
        const CallUse& sum = by_path[index_of(path)];
        TRY(text.print("path {} {} ", kPathNames[index_of(path)], sum.count));
        if (path == PathClass::kFast) {
            TRY(text.append("-\n"));
        } else {
            TRY(text.print("{}\n", arch::ticks_to_ns(sum.ticks)));
        }
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
