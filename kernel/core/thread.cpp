#include "kernel/core/thread.h"

#include <algorithm>
#include <cstring>

#include "kernel/arch/interrupts.h"
#include "kernel/core/kernel_stack.h"
#include "kernel/core/scheduler.h"

namespace exo {

Thread::Thread(std::string_view name) {
    set_name(name);
}

Thread::~Thread() {
    if (stack_top_.value != 0) free_kernel_stack(stack_top_);
}

void Thread::set_name(std::string_view name) {
    const std::size_t length = std::min(name.size(), kNameBytes - 1);
    std::memset(name_, 0, sizeof name_);
    std::memcpy(name_, name.data(), length);
}

Result<void> Thread::prepare(void (*entry)(void*), void* argument) {
    stack_top_ = TRY(allocate_kernel_stack());
    entry_ = entry;
    argument_ = argument;
    // The frame of the program's registers lies above what the thread itself uses.
    context_ = make_context(&user_frame(), &Thread::begin, this);
    return {};
}

arch::TrapFrame& Thread::user_frame() const {
    return *reinterpret_cast<arch::TrapFrame*>(stack_top_.value - sizeof(arch::TrapFrame));
}

Result<Ref<Thread>> Thread::create_kernel(std::string_view name, void (*entry)(void*),
                                          void* argument) {
    auto* thread = new (std::nothrow) Thread(name);
    if (thread == nullptr) return Errno::NOMEM;
    auto ref = Ref<Thread>::adopt(*thread);
    TRY(ref->prepare(entry, argument));
    return ref;
}

}  // namespace exo
