// What `./exo bench kernel` measures of an operation of Linux's ABI: the same static program under
// Exo-OS and Linux (bench/kernel/operations.py). An operation is done in batches, and the fastest
// batch counts, in ticks of the TSC: under QEMU's -icount shift=0 these are instructions.
#pragma once

#include <cstdint>
#include <span>

namespace bench {

struct Operation {
    const char* name;
    /// Does the operation so many times.
    void (*run)(int times);
    /// Times a batch; some 2 million instructions of Linux, so that a batch takes milliseconds.
    int batch;
    /// Around all batches, not timed; may be null.
    void (*prepare)() = nullptr;
    void (*finish)() = nullptr;
};

// The tables, each in the file of its name, in the order in which they are run.
std::span<const Operation> calls();
std::span<const Operation> files();
std::span<const Operation> events();
std::span<const Operation> exchanges();
std::span<const Operation> switches();
std::span<const Operation> memory();
std::span<const Operation> processes();

/// Ends the program, naming what failed, unless `done`. errno is told.
void require(bool done, const char* what);

/// Binds this thread, and the threads and processes that it starts, to the first CPU; or to all.
void bind_to_one_cpu();
void bind_to_all_cpus();

/// A shared page of zeroes that children inherit; for what two processes tell each other.
void* shared_page();
void drop_shared_page(void* page);

/// Starts a process that runs `body` and exits; its number.
int start_process(void (*body)());
/// Waits for its end, which must be a clean one.
void end_process(int pid);

}  // namespace bench
