// Benchmarks of the allocator that time single calls; those of whole programs are programs.py.
//   bench_alloc [levels|threads]
#include <cstring>

#include "bench/core/alloc/rows.h"
#include "bench/core/harness/machine.h"

int main(int argc, char** argv) {
    const auto allocators = exo::bench::load_allocators(argv);
    exo::bench::pin_to_cpu(exo::bench::allowed_cpus().front());
    const char* only = argc > 1 ? argv[1] : nullptr;
    if (only == nullptr || std::strcmp(only, "levels") == 0) exo::bench::level_rows(allocators);
    if (only == nullptr || std::strcmp(only, "threads") == 0) exo::bench::thread_rows(allocators);
    return 0;
}
