#include "bench/core/harness/partner.h"

#include <utility>

#include "bench/core/harness/machine.h"
#include "lib/base/cpu.h"

namespace exo::bench {

Partner::Partner(int cpu) : thread_([this, cpu] { serve(cpu); }) {}

Partner::~Partner() {
    wait();
    state_.store(kStop, std::memory_order_release);
    thread_.join();
}

void Partner::start(std::function<void()> job) {
    wait();
    job_ = std::move(job);
    state_.store(kHanded, std::memory_order_release);
    while (state_.load(std::memory_order_acquire) == kHanded) cpu_relax();
}

void Partner::wait() {
    while (state_.load(std::memory_order_acquire) != kIdle) cpu_relax();
}

void Partner::serve(int cpu) {
    pin_to_cpu(cpu);
    for (;;) {
        const int state = state_.load(std::memory_order_acquire);
        if (state == kStop) return;
        if (state != kHanded) {
            cpu_relax();
            continue;
        }
        state_.store(kRunning, std::memory_order_release);
        job_();
        state_.store(kIdle, std::memory_order_release);
    }
}

}  // namespace exo::bench
