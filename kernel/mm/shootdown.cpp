#include "kernel/mm/shootdown.h"

#include <algorithm>
#include <bit>

#include "kernel/arch/interrupts.h"
#include "kernel/arch/local_apic.h"
#include "kernel/arch/page_entry.h"
#include "kernel/arch/user_copy.h"
#include "kernel/core/cpu_scheduler.h"
#include "kernel/core/interrupts.h"
#include "kernel/mm/frames.h"
#include "lib/base/cpu.h"
#include "lib/base/panic.h"
#include "lib/sched/params.h"

namespace exo {

namespace {

/// What one CPU asks of the others; a CPU asks for one thing at a time. The fields are published by
/// the store to `pending` (release) and read by who finds its bit there (acquire); taking the bit
/// out (release) tells the asker (acquire) that it is done.
struct alignas(kCacheLine) Request {
    Atomic<std::uint64_t> pending{0};  ///< CPUs that have not answered
    arch::UserSpace* space = nullptr;
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::uint64_t generation = 0;
};

constinit std::array<Request, sched::kMaxCpus> requests{};
static_assert(sched::kMaxCpus <= 64, "a CPU is a bit of a word");

std::uint64_t self_bit() {
    return std::uint64_t{1} << this_cpu().id;
}

/// Makes this CPU forget a range; interrupts are off. If it has the space loaded without running
/// it (lazy TLB), it lets go of it, so that the next change does not concern it.
void forget(arch::UserSpace& space, std::uint64_t begin, std::uint64_t end,
            std::uint64_t generation) {
    CpuLocal& cpu = this_cpu();
    // Another space is loaded by now: whoever loads this one again sees its generation.
    if (cpu.space != &space) return;
    if (this_thread().space() == &space) {
        arch::invalidate(space, begin, end, generation);
    } else {
        CpuScheduler::load_space(cpu, nullptr);
    }
}

/// Interrupts are off.
void answer_requests() {
    const std::uint64_t self = self_bit();
    for (Request& request : requests) {
        if ((request.pending.load(std::memory_order_acquire) & self) == 0) continue;
        forget(*request.space, request.begin, request.end, request.generation);
        request.pending.fetch_and(~self, std::memory_order_release);
    }
}

void shoot_down(arch::UserSpace& space, std::uint64_t begin, std::uint64_t end) {
    const std::uint64_t generation = arch::next_generation(space);
    const auto interrupts = arch::disable_interrupts();
    forget(space, begin, end, generation);
    const std::uint64_t others = space.cpus.load(std::memory_order_seq_cst) & ~self_bit();
    if (others == 0) {
        arch::restore_interrupts(interrupts);
        return;
    }
    EXO_CHECK(interrupts == arch::InterruptState::kOn, "TLB shoot-down with interrupts off");
    Request& request = requests[this_cpu().id];
    request.space = &space;
    request.begin = begin;
    request.end = end;
    request.generation = generation;
    request.pending.store(others, std::memory_order_release);
    for (std::uint64_t left = others; left != 0; left &= left - 1) {
        const auto cpu = static_cast<std::uint32_t>(std::countr_zero(left));
        arch::send_ipi(cpu_local(cpu).apic_id, arch::kShootdownVector);
    }
    arch::restore_interrupts(interrupts);
    while (request.pending.load(std::memory_order_acquire) != 0) cpu_relax();
}

/// Gives back the pages of a last-level table, if this was its last user, and then the table.
void release_last_level(PhysAddr table) {
    if (!release_table_frame(table)) return;
    for (unsigned index = 0; (index = arch::next_held(table, index)) != arch::kTableEntries;
         ++index) {
        unref_frame(arch::EntryPlace(table, index).load().frame());
    }
    free_table_frame(table);
}

void release(std::uint64_t tagged) {
    const PhysAddr frame(align_down<std::uint64_t>(tagged, kPageSize));
    switch (static_cast<TlbBatch::Kind>(tagged % kPageSize)) {
        case TlbBatch::Kind::kPage:
            unref_frame(frame);
            break;
        case TlbBatch::Kind::kLastLevelTable:
            release_last_level(frame);
            break;
        case TlbBatch::Kind::kTable:
            if (release_table_frame(frame)) free_table_frame(frame);
            break;
    }
}

}  // namespace

void TlbBatch::drop(std::uint64_t begin, std::uint64_t bytes, PhysAddr frame, Kind kind) {
    if (count_ == kMostFrames) flush();
    restrict(begin, begin + bytes);
    frames_[count_++] = frame.value | static_cast<std::uint64_t>(kind);
}

void TlbBatch::restrict(std::uint64_t begin, std::uint64_t end) {
    begin_ = std::min(begin_, begin);
    end_ = std::max(end_, end);
}

void TlbBatch::flush() {
    if (begin_ >= end_) return;
    shoot_down(space_, begin_, end_);
    begin_ = ~std::uint64_t{0};
    end_ = 0;
    for (std::size_t at = 0; at < count_; ++at) release(frames_[at]);
    count_ = 0;
}

void unload_everywhere(arch::UserSpace& space) {
    if (space.cpus.load(std::memory_order_acquire) != 0) shoot_down(space, 0, arch::kUserEnd);
}

void synchronize_cpus(arch::UserSpace& space) {
    // Of nothing to forget only the interrupt remains, and the answer that is waited for.
    shoot_down(space, 0, 0);
}

void start_shootdown() {
    set_interrupt_handler(arch::kShootdownVector, [](std::uint8_t) { answer_requests(); });
}

}  // namespace exo
