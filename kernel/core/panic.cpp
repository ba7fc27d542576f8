// Nothing here takes a lock or allocates: whatever broke may hold the lock or be the heap.
#include "kernel/core/panic.h"

#include "kernel/arch/backtrace.h"
#include "kernel/arch/console.h"
#include "kernel/arch/cpu.h"
#include "kernel/arch/interrupts.h"
#include "kernel/arch/upcalls.h"
#include "kernel/core/cpu_local.h"
#include "kernel/core/symbols.h"
#include "kernel/core/trace_ring.h"
#include "lib/base/atomic.h"

namespace exo {

namespace {

constinit Atomic<bool> panicking{false};
constinit Atomic<PanicSink> panic_sink{nullptr};

template <typename... Arguments>
void print(Format<Arguments...> format, const Arguments&... arguments) {
    char line[256];
    panic_write({line, format_to(std::span(line), format, arguments...)});
}

void print_registers(const arch::TrapFrame& f) {
    print("rip {:016x}  rsp {:016x}  rflags {:08x}  cs {:x}  error {:x}\n", f.rip, f.rsp, f.rflags,
          f.cs, f.orig_rax);
    print("rax {:016x}  rbx {:016x}  rcx {:016x}  rdx {:016x}\n", f.rax, f.rbx, f.rcx, f.rdx);
    print("rsi {:016x}  rdi {:016x}  rbp {:016x}  cr2 {:016x}\n", f.rsi, f.rdi, f.rbp,
          arch::fault_address());
    print("r8  {:016x}  r9  {:016x}  r10 {:016x}  r11 {:016x}\n", f.r8, f.r9, f.r10, f.r11);
    print("r12 {:016x}  r13 {:016x}  r14 {:016x}  r15 {:016x}\n", f.r12, f.r13, f.r14, f.r15);
}

void print_frame(std::uintptr_t address) {
    const Symbol symbol = find_symbol(address);
    print("  {:#x}  {}+{:#x}\n", address, symbol.name, symbol.offset);
}

// A call that does not return may be a function's last instruction: what follows belongs to the
// next one, so the call itself is looked for.
void print_caller(std::uintptr_t return_address) {
    const Symbol symbol = find_symbol(return_address - 1);
    print("  {:#x}  {}+{:#x}\n", return_address, symbol.name, symbol.offset + 1);
}

void print_backtrace(std::uintptr_t rip, std::uintptr_t rbp) {
    panic_write("backtrace:\n");
    if (rip != 0) print_frame(rip);
    for (arch::FrameWalk walk(rbp); walk.valid(); walk.next()) print_caller(walk.return_address());
}

void print_held_locks() {
    const CpuLocal& cpu = this_cpu();
    if (cpu.held_count == 0) return;
    panic_write("held locks, oldest first:\n");
    for (std::uint32_t i = 0; i < cpu.held_count && i < kMaxHeldLocks; ++i) {
        print("  {} rank {}  {}\n", cpu.held[i].lock, cpu.held[i].rank,
              find_symbol(reinterpret_cast<std::uintptr_t>(cpu.held[i].lock)).name);
    }
}

[[noreturn]] void end(const char* message, const arch::TrapFrame* frame) {
    arch::disable_interrupts();
    if (panicking.exchange(true, std::memory_order_relaxed)) {
        // Perhaps it was the screen: this is for the serial console alone.
        arch::serial_write("\npanic while panicking: ");
        arch::serial_write(message);
        arch::serial_write("\n");
        arch::exit_emulator(kPanicStatus);
    }
    print("\nKERNEL PANIC on CPU {}: {}\n", this_cpu().id, message);
    if (frame != nullptr) {
        print_registers(*frame);
        print_backtrace(frame->rip, frame->rbp);
    } else {
        print_backtrace(0, reinterpret_cast<std::uintptr_t>(__builtin_frame_address(0)));
    }
    print_held_locks();
    print_traces();
    arch::exit_emulator(kPanicStatus);
}

}  // namespace

void set_panic_sink(PanicSink sink) {
    panic_sink.store(sink, std::memory_order_release);
}

void panic_write(std::string_view text) {
    arch::serial_write(text);
    const PanicSink sink = panic_sink.load(std::memory_order_acquire);
    if (sink != nullptr) sink(text);
}

void panic(const char* message) {
    end(message, nullptr);
}

void arch::upcall::fatal_exception(const TrapFrame& frame, const char* name) {
    end(name, &frame);
}

}  // namespace exo

// What libc++ calls where it would throw. Its message is a printf format of its own; it names
// itself.
namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
    exo::panic(format);
}
}  // namespace __1
}  // namespace std
