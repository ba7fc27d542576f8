// The host figures of the core libraries in instructions: the loops of lib/measure/core_loops.h in
// a Linux program (bench/kernel/inside.py). Prints "NAME HUNDREDTHS".
#include <stdio.h>
#include <stdlib.h>

#include "lib/alloc/port.h"
#include "lib/base/panic.h"
#include "lib/measure/core_loops.h"

namespace exo {

void panic(const char* message) {
    fprintf(stderr, "core: %s\n", message);
    abort();
}

namespace alloc::port {
void lock_wait(Atomic<std::uint32_t>&, std::uint32_t) {}  // one thread: no lock is ever contended
void lock_wake(Atomic<std::uint32_t>&) {}
}  // namespace alloc::port

namespace {

constexpr std::size_t kHeapBytes = std::size_t{16} << 20;

alignas(4096) std::byte heap_memory[kHeapBytes];
alignas(4096) std::byte ring_memory[64 * 1024];
alignas(4096) std::byte stack[64 * 1024];
alignas(64) std::byte pick_memory[sizeof(measure::PickLoop)];

void report(const char* name, std::uint64_t hundredths) {
    printf("%s %llu\n", name, static_cast<unsigned long long>(hundredths));
}

int run() {
    const auto ring =
        ring::RingMemory::create(ring_memory, sizeof ring_memory, {ring::RingFlavour::kSpsc, 8, 0});
    const auto heap =
        alloc::Heap::create({.base = heap_memory, .bytes = sizeof heap_memory, .secret = 1});
    if (!ring || !heap) return 1;
    const auto cache = (*heap)->create_cache();
    if (!cache) return 1;
    report("ring", measure::ring_pair(*ring));
    report("allocation", measure::allocation_pair(**heap, **cache));
    report("switch", measure::context_switch(stack + sizeof stack));
    auto* picks = new (pick_memory) measure::PickLoop;
    report("pick", picks->run());
    report("check", picks->run_checks());
    return 0;
}

}  // namespace

}  // namespace exo

namespace std {
inline namespace __1 {
[[noreturn]] void __libcpp_verbose_abort(const char* format, ...) {
    exo::panic(format);
}
}  // namespace __1
}  // namespace std

int main() {
    return exo::run();
}
