// A program for unwind_test.sh to look at: it suspends one context in a known chain of calls and
// stops for the debugger inside another.
#include "lib/switch/context.h"
#include "lib/switch/host/stack.h"

namespace {

constexpr std::size_t kStackSize = 64 * 1024;

}  // namespace

// Global and with C linkage, so that the debugger finds them by these names.
extern "C" {

exo::Context exo_main_context;
exo::Context exo_suspended_context;
exo::Context exo_running_context;

[[gnu::noinline]] void exo_suspend_here() {
    exo::switch_context(exo_suspended_context, exo_main_context);
    asm volatile("");  // no tail call
}

[[gnu::noinline]] void exo_suspend_outer() {
    exo_suspend_here();
    asm volatile("");
}

[[gnu::noinline]] void exo_break_here() {
    asm volatile("nop");
}

[[gnu::noinline]] void exo_running_outer() {
    exo_break_here();
    asm volatile("");
}
}

int main() {
    auto first = exo::GuardedStack::create(kStackSize);
    auto second = exo::GuardedStack::create(kStackSize);
    if (!first || !second) return 1;
    exo_suspended_context = exo::make_context(
        first->top(),
        [](void*) {
            exo_suspend_outer();
            exo::panic("the suspended context was resumed");
        },
        nullptr);
    exo_running_context = exo::make_context(
        second->top(),
        [](void*) {
            exo_running_outer();
            for (;;) exo::switch_context(exo_running_context, exo_main_context);
        },
        nullptr);
    exo::switch_context(exo_main_context, exo_suspended_context);
    exo::switch_context(exo_main_context, exo_running_context);
    return 0;
}
