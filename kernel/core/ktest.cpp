#include "kernel/core/ktest.h"

#include <span>

#include "kernel/arch/cpu.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/time.h"

// Bounds of the section .ktest (arch/x86_64/linker.ld).
extern "C" const exo::KernelTest ktest_begin[], ktest_end[];

namespace exo {

namespace {

constinit Atomic<std::uint32_t> failures{0};
// Set before the thread starts that reads it; points into the boot information, which stays.
constinit std::string_view wanted;

bool is_wanted(std::string_view name) {
    return wanted == "all" || name.find(wanted) != std::string_view::npos;
}

/// False: it failed.
bool run(const KernelTest& test) {
    failures.store(0, std::memory_order_relaxed);
    // Before the test, so that the log of one that hangs or panics names it.
    log_info("ktest", "run {}", test.name);
    const std::uint64_t begin = arch::now_ns();
    test.run();
    const std::uint32_t failed = failures.load(std::memory_order_relaxed);
    if (failed == 0) {
        log_info("ktest", "ok {} ({} us)", test.name, (arch::now_ns() - begin) / 1000);
        return true;
    }
    log(LogLevel::kError, "ktest", "FAILED {}: {} expectations", test.name, failed);
    return false;
}

void run_all(void*) {
    std::uint32_t passed = 0, failed = 0;
    for (const KernelTest& test : std::span(ktest_begin, ktest_end)) {
        if (!is_wanted(test.name)) continue;
        if (run(test)) {
            ++passed;
        } else {
            ++failed;
        }
    }
    log_info("ktest", "{} passed, {} failed, on {} CPUs", passed, failed, online_cpus());
    arch::exit_emulator(passed > 0 && failed == 0 ? 0 : kKernelTestStatus);
}

}  // namespace

void ktest::fail(const char* file, int line, std::string_view text) {
    failures.fetch_add(1, std::memory_order_relaxed);
    log(LogLevel::kError, "ktest", "{}:{}: expected {}", file, line, text);
}

void start_kernel_tests(std::string_view pattern) {
    wanted = pattern;
    const auto thread = Thread::create_kernel("ktest", run_all, nullptr);
    if (!thread) panic("no memory for the thread of the kernel's tests");
    start_thread(**thread);
}

}  // namespace exo
