// Benchmarks of the allocator that time single calls; those of whole programs are programs.py.
#include "bench/core/alloc/rows.h"
#include "bench/core/harness/machine.h"

int main(int /*argc*/, char** argv) {
    const auto allocators = exo::bench::load_allocators(argv);
    exo::bench::pin_to_cpu(exo::bench::allowed_cpus().front());
    exo::bench::level_rows(allocators);
    exo::bench::thread_rows(allocators);
    return 0;
}
