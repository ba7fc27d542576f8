// What programs may ask or tell the allocator about itself: mallinfo(3), malloc_stats(3),
// malloc_trim(3), mallopt(3); and EXO_ALLOC_STATS=1, a line of JSON when the program ends.
#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "lib/alloc/host/thread_cache.h"

#define EXO_EXPORT extern "C" __attribute__((visibility("default")))

using namespace exo::alloc;
using namespace exo::alloc::host;

namespace {

HeapStats current_stats() {
    Heap* heap = existing_heap();
    return heap != nullptr ? heap->stats() : HeapStats{};
}

int clamped(std::size_t value) {
    return static_cast<int>(std::min<std::size_t>(value, INT_MAX));
}

double ratio(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

/// Writes all of `text`; what cannot be written is lost, a program's end is no time to fail.
void write_out(int fd, const char* text, std::size_t bytes) {
    while (bytes != 0) {
        const ssize_t written = write(fd, text, bytes);
        if (written <= 0) return;
        text += written;
        bytes -= static_cast<std::size_t>(written);
    }
}

std::size_t format_stats(char* line, std::size_t room) {
    const HeapStats stats = current_stats();
    const std::uint64_t all = stats.thread_hits + stats.slab_hits + stats.buddy_calls;
    const std::size_t held = stats.held_bytes();
    const int length = std::snprintf(
        line, room,
        "{\"program\":\"%s\",\"pid\":%d,\"thread\":%llu,\"slab\":%llu,\"buddy\":%llu,"
        "\"hit_thread\":%.5f,\"hit_total\":%.5f,\"live\":%zu,\"cached\":%zu,\"held\":%zu,"
        "\"fragmentation\":%.5f}\n",
        program_invocation_short_name, static_cast<int>(getpid()),
        static_cast<unsigned long long>(stats.thread_hits),
        static_cast<unsigned long long>(stats.slab_hits),
        static_cast<unsigned long long>(stats.buddy_calls), ratio(stats.thread_hits, all),
        ratio(stats.thread_hits + stats.slab_hits, all), stats.live_bytes, stats.cached_bytes, held,
        1 - ratio(stats.live_bytes, held));
    return std::min(static_cast<std::size_t>(std::max(length, 0)), room - 1);
}

[[gnu::destructor(101)]] void report_at_exit() {
    const char* wanted = std::getenv("EXO_ALLOC_STATS");
    if (wanted == nullptr || std::strcmp(wanted, "1") != 0) return;
    char line[512];
    const std::size_t length = format_stats(line, sizeof line);
    const char* path = std::getenv("EXO_ALLOC_STATS_FILE");
    // Appended in one write: the processes of a build share the file.
    const int fd = path != nullptr ? open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)
                                   : STDERR_FILENO;
    if (fd < 0) return;
    write_out(fd, line, length);
    if (path != nullptr) close(fd);
}

}  // namespace

EXO_EXPORT struct mallinfo2 mallinfo2() {
    const HeapStats stats = current_stats();
    struct mallinfo2 info{};
    info.arena = stats.held_bytes();
    info.uordblks = stats.live_bytes;
    info.fordblks = info.arena - std::min(info.arena, info.uordblks);
    info.fsmblks = stats.cached_bytes;
    info.keepcost = stats.dirty_bytes;
    return info;
}

EXO_EXPORT struct mallinfo mallinfo() {
    const struct mallinfo2 wide = mallinfo2();
    struct mallinfo info{};
    info.arena = clamped(wide.arena);
    info.uordblks = clamped(wide.uordblks);
    info.fordblks = clamped(wide.fordblks);
    info.fsmblks = clamped(wide.fsmblks);
    info.keepcost = clamped(wide.keepcost);
    return info;
}

EXO_EXPORT void malloc_stats() {
    char line[512];
    write_out(STDERR_FILENO, line, format_stats(line, sizeof line));
}

EXO_EXPORT int malloc_trim(std::size_t pad) {
    const Access access = access_heap();
    return access.heap != nullptr && access.heap->trim(access.cache, pad) ? 1 : 0;
}

/// None of glibc's parameters means anything here: there are no bins, arenas or thresholds of that
/// kind. 0: not done.
EXO_EXPORT int mallopt(int /*parameter*/, int /*value*/) {
    return 0;
}
