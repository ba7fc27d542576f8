#include "lib/base/model/fiber.h"

#include <sys/mman.h>

#include <cstdint>

#include "lib/base/panic.h"

#if __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

// exo_model_switch(save, load): the callee-saved registers of the System V ABI go on the current
// stack, its pointer to *save, and those of the stack `load` come back. The control words of x87
// and SSE are left alone: no fiber changes them.
asm(R"(
    .text
    .globl exo_model_switch
    .type exo_model_switch, @function
exo_model_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    retq
    .size exo_model_switch, . - exo_model_switch
)");

extern "C" void exo_model_switch(void** save, void* load);

namespace exo::model {
namespace {

constexpr std::size_t kStackSize = std::size_t{256} << 10;
constexpr std::size_t kGuardSize = 4096;
constexpr unsigned kSavedRegisters = 6;

Fiber* starting = nullptr;

}  // namespace

Fiber::Fiber()
    : stack_(mmap(nullptr, kGuardSize + kStackSize, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0)) {
    EXO_CHECK(stack_ != MAP_FAILED, "model: no memory for a fiber's stack");
    EXO_CHECK(mprotect(stack_, kGuardSize, PROT_NONE) == 0, "model: no guard page");
}

Fiber::~Fiber() {
    munmap(stack_, kGuardSize + kStackSize);
}

void Fiber::restart(Entry entry, void* argument) {
    entry_ = entry;
    argument_ = argument;
    auto* bottom = static_cast<std::byte*>(stack_) + kGuardSize;
#if __has_feature(address_sanitizer)
    __asan_unpoison_memory_region(bottom, kStackSize);  // frames of an abandoned run
    fiber_fake_stack_ = nullptr;
#endif
    // The first switch pops six registers and returns to start(), which then sees the stack as
    // after a call: 8 bytes below a multiple of 16.
    auto* top = reinterpret_cast<std::uintptr_t*>(bottom + kStackSize);
    top -= 2;
    *top = reinterpret_cast<std::uintptr_t>(&Fiber::start);
    top -= kSavedRegisters;
    for (unsigned i = 0; i < kSavedRegisters; ++i) top[i] = 0;
    stack_pointer_ = top;
}

void Fiber::start() {
    Fiber* self = starting;
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(nullptr, &self->resumer_stack_, &self->resumer_stack_size_);
#endif
    self->entry_(self->argument_);
    panic("model: a fiber's function returned");
}

void Fiber::resume() {
    starting = this;
#if __has_feature(address_sanitizer)
    __sanitizer_start_switch_fiber(&resumer_fake_stack_,
                                   static_cast<std::byte*>(stack_) + kGuardSize, kStackSize);
#endif
    exo_model_switch(&resumer_, stack_pointer_);
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(resumer_fake_stack_, nullptr, nullptr);
#endif
}

void Fiber::suspend() {
#if __has_feature(address_sanitizer)
    __sanitizer_start_switch_fiber(&fiber_fake_stack_, resumer_stack_, resumer_stack_size_);
#endif
    exo_model_switch(&stack_pointer_, resumer_);
#if __has_feature(address_sanitizer)
    __sanitizer_finish_switch_fiber(fiber_fake_stack_, &resumer_stack_, &resumer_stack_size_);
#endif
}

}  // namespace exo::model
