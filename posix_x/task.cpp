#include "posix_x/task.h"

#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/scheduler.h"
#include "lib/base/cpu.h"

namespace exo::posix {

namespace {
constexpr std::align_val_t kFpuAlignment{64};
}

Result<Ref<Task>> Task::create(Ref<Process> process, std::string_view name) {
    auto* raw = new (std::nothrow) Task(std::move(process), name);
    if (raw == nullptr) return Errno::NOMEM;
    auto task = Ref<Task>::adopt(*raw);
    void* fpu = ::operator new(arch::fpu_state_bytes(), kFpuAlignment, std::nothrow);
    if (fpu == nullptr) return Errno::NOMEM;
    arch::init_fpu_state(task->user_state, fpu);
    TRY(task->prepare(&Task::begin, raw));
    task->user_frame() = {};
    return task;
}

Task::~Task() {
    if (user_state.fpu != nullptr) ::operator delete(user_state.fpu, kFpuAlignment);
}

void Task::begin(void* argument) {
    auto& task = *static_cast<Task*>(argument);
    use_space(&task.process().space->machine());
    if (!task.set_child_tid.is_null()) {
        // As on Linux, a bad address is the child's own problem.
        static_cast<void>(write_user(task.set_child_tid, &task.tid, sizeof task.tid));
    }
    if (task.before_program != nullptr) task.before_program(task);
    arch::TrapFrame& frame = task.user_frame();
    arch::disable_interrupts();
    arch::upcall::return_to_user(frame, read_tsc());
    arch::enter_user(frame);
}

}  // namespace exo::posix
