// make_context() and the first instructions of a new context.
#include "lib/switch/context.h"

#include "lib/base/bits.h"
#include "lib/base/panic.h"

// For debuggers (tools/gdb/exo.py): bytes from Context::rsp up to the RSP that the suspended
// function's unwind tables speak of. The word at Context::rsp is its RBP.
extern "C" {
[[gnu::used]] extern const std::size_t exo_switch_frame_size =
    exo::kRedZone + sizeof(exo::SuspendedFrame);
}

namespace exo {

namespace {

// What context_start pops, lowest address first.
struct StartFrame {
    void (*entry)(void*);
    void* argument;
};

[[noreturn, gnu::used]] void context_returned() {
    panic("the entry function of a context returned; it must end by switching away for good");
}

// RIP is undefined in the outermost frame: debuggers and unwinders end the backtrace here instead
// of reading on above the stack. RBP is zero for those that walk frame pointers.
[[gnu::naked]] void context_start() {
    asm volatile(
        ".cfi_undefined rip\n\t"
        ".cfi_undefined rbp\n\t"
        "popq   %%rax\n\t"
        "popq   %%rdi\n\t"
        "xorl   %%ebp, %%ebp\n\t"
        "callq  *%%rax\n\t"
        "callq  %P0\n\t"
        "ud2\n\t" ::"i"(context_returned));
}

}  // namespace

Context make_context(void* stack_top, void (*entry)(void*), void* argument) {
    // After the two pops RSP is 16-byte aligned, as the psABI wants before a call (3.2.2).
    const auto top = align_down<std::uintptr_t>(reinterpret_cast<std::uintptr_t>(stack_top), 16);
    auto* frame = reinterpret_cast<StartFrame*>(top) - 1;
    *frame = {entry, argument};
    return {frame, reinterpret_cast<void*>(context_start)};
}

}  // namespace exo
