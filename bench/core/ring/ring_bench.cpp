// Fusion Rings against a bare cache line and the best queues: prints the rows of docs/ring.md.
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

#include "bench/core/harness/machine.h"
#include "bench/core/harness/partner.h"
#include "bench/core/ring/rows.h"

namespace {

// bench_ring_copies, which stands beside this program, prints its row on our standard output.
void run_sibling(const std::string& self) {
    const std::string path = self.substr(0, self.rfind('/') + 1) + "bench_ring_copies";
    const pid_t child = fork();
    if (child == 0) {
        execl(path.c_str(), path.c_str(), nullptr);
        std::perror(path.c_str());
        _exit(1);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) std::exit(1);
}

}  // namespace

int main(int, char** argv) {
    using namespace exo::bench;
    const auto& cpus = allowed_cpus();
    if (cpus.size() < 2) {
        std::fprintf(stderr, "bench_ring: needs two CPUs\n");
        return 1;
    }
    run_sibling(argv[0]);
    pin_to_cpu(cpus[0]);
    {
        Partner partner(cpus[1]);
        latency_rows(partner);
        stream_rows(partner);
    }
    wake_rows(cpus[0], cpus[1]);
    return 0;
}
