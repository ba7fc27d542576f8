// The first program of the machine that is measured: mounts what the operations need, runs them in
// a process of its own, prints "row NAME TICKS" for each, and ends the machine.
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"
#include "image/init/system.h"

namespace bench {

void require(bool done, const char* what) {
    if (done) return;
    printf("failed: %s: %s\n", what, strerror(errno));
    exit(1);
}

namespace {

cpu_set_t all_cpus;

void bind(const cpu_set_t& cpus) {
    require(sched_setaffinity(0, sizeof cpus, &cpus) == 0, "sched_setaffinity");
}

}  // namespace

void bind_to_one_cpu() {
    cpu_set_t first;
    CPU_ZERO(&first);
    CPU_SET(0, &first);
    require(sched_getaffinity(0, sizeof all_cpus, &all_cpus) == 0, "sched_getaffinity");
    bind(first);
}

void bind_to_all_cpus() {
    bind(all_cpus);
}

void* shared_page() {
    void* page = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    require(page != MAP_FAILED, "mmap of a shared page");
    memset(page, 0, 4096);
    return page;
}

void drop_shared_page(void* page) {
    munmap(page, 4096);
}

int start_process(void (*body)()) {
    const pid_t child = fork();
    require(child >= 0, "fork");
    if (child == 0) {
        body();
        _exit(0);
    }
    return child;
}

void end_process(int pid) {
    int status = -1;
    require(waitpid(pid, &status, 0) == pid && status == 0, "a process that was started");
}

namespace {

constexpr int kBatches = 6;

std::uint64_t ticks() {
    unsigned processor;
    const std::uint64_t now = __builtin_ia32_rdtscp(&processor);
    return now;
}

[[gnu::noinline]] void measure(const Operation& operation) {  // profile.py stops here
    if (operation.prepare != nullptr) operation.prepare();
    std::uint64_t best = ~std::uint64_t{0};
    for (int batch = 0; batch < kBatches; ++batch) {
        const std::uint64_t begin = ticks();
        operation.run(operation.batch);
        const std::uint64_t took = ticks() - begin;
        if (took < best) best = took;
    }
    if (operation.finish != nullptr) operation.finish();
    const auto times = static_cast<std::uint64_t>(operation.batch);
    printf("row\t%s\t%llu.%02llu\n", operation.name, static_cast<unsigned long long>(best / times),
           static_cast<unsigned long long>(best % times * 100 / times));
}

/// Whether the name contains `part`, in which each space is a '_'.
bool is_wanted(const char* name, const char* part) {
    char copy[64] = {};
    for (std::size_t i = 0; i + 1 < sizeof copy && name[i] != '\0'; ++i)
        copy[i] = name[i] == ' ' ? '_' : name[i];
    return strstr(copy, part) != nullptr;
}

void measure_all(const char* part) {
    for (const auto& table :
         {calls(), files(), events(), exchanges(), switches(), memory(), processes()}) {
        for (const Operation& operation : table) {
            if (is_wanted(operation.name, part)) measure(operation);
        }
    }
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) {
    if (count > 1 && strcmp(arguments[1], "exit") == 0) return 0;
    setvbuf(stdout, nullptr, _IOLBF, BUFSIZ);
    // The last argument only: Linux gives its init what it does not know itself, too.
    char* const last = arguments[count - 1];
    const char* const part = strncmp(last, "only=", 5) == 0 ? last + 5 : last + strlen(last);
    if (getpid() != 1) {
        bench::measure_all(part);
        return 0;
    }
    init::mount_all();
    const pid_t child = fork();
    if (child == 0) {
        bench::measure_all(part);
        exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    printf("end\t%d\n", status);
    init::end_machine(status == 0 ? 0 : 1);
}
