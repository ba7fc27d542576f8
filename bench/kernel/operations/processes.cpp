// Starting and ending: threads, processes, programs.
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr std::size_t kTouched = std::size_t{256} << 20;

char* touched;

void create_and_join(int times) {
    for (int i = 0; i < times; ++i) {
        pthread_t thread;
        const auto body = [](void*) -> void* { return nullptr; };
        require(pthread_create(&thread, nullptr, body, nullptr) == 0, "pthread_create");
        pthread_join(thread, nullptr);
    }
}

void fork_and_wait(int times) {
    for (int i = 0; i < times; ++i) end_process(start_process([] {}));
}

void fork_and_execute(int times) {
    for (int i = 0; i < times; ++i) {
        end_process(start_process([] {
            execl("/init", "/init", "exit", nullptr);
            _exit(1);
        }));
    }
}

void touch(bool large_pages) {
    void* at = mmap(nullptr, kTouched, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    require(at != MAP_FAILED, "mmap of 256 MiB");
    if (!large_pages) madvise(at, kTouched, MADV_NOHUGEPAGE);
    touched = static_cast<char*>(at);
    for (std::size_t i = 0; i < kTouched; i += 4096) touched[i] = 1;
}

void release() {
    munmap(touched, kTouched);
}

constexpr Operation kProcesses[] = {
    {"pthread_create, join", create_and_join, 50},
    {"fork, exit, wait", fork_and_wait, 10},
    {"fork, exec, exit, wait", fork_and_execute, 5},
    {"fork, exit, wait, 256 MiB touched", fork_and_wait, 1, [] { touch(false); }, release},
    {"fork, exit, wait, 256 MiB in large pages", fork_and_wait, 3, [] { touch(true); }, release},
};

}  // namespace

std::span<const Operation> processes() {
    return kProcesses;
}

}  // namespace bench
