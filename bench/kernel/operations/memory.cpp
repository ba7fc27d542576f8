// Mappings and page faults. Linux maps 2 MiB at once where it may (transparent huge pages are
// Debian's default), so faults of 4 KiB are asked for, and what a program gets without asking is a
// row of its own.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr std::size_t kPage = 4096;
constexpr int kFilePages = 512;
constexpr std::size_t kLarge = std::size_t{16} << 20;

int fd;

char* map(std::size_t size, int flags, int file) {
    void* at = mmap(nullptr, size, PROT_READ | PROT_WRITE, flags, file, 0);
    require(at != MAP_FAILED, "mmap");
    return static_cast<char*>(at);
}

void touch(char* at, std::size_t size) {
    for (std::size_t i = 0; i < size; i += kPage) *static_cast<volatile char*>(at + i) = 1;
}

void read_each(const char* at, std::size_t size) {
    for (std::size_t i = 0; i < size; i += kPage) *static_cast<const volatile char*>(at + i);
}

/// `times` counts pages, in one mapping.
void fault_anonymous(int times) {
    const std::size_t size = static_cast<std::size_t>(times) * kPage;
    char* at = map(size, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    madvise(at, size, MADV_NOHUGEPAGE);
    touch(at, size);
    munmap(at, size);
}

void touch_large(int times) {
    for (int i = 0; i < times; ++i) {
        char* at = map(kLarge, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        touch(at, kLarge);
        munmap(at, kLarge);
    }
}

void map_and_touch(int times) {
    constexpr std::size_t kSize = 16 * kPage;
    for (int i = 0; i < times; ++i) {
        char* at = map(kSize, MAP_PRIVATE | MAP_ANONYMOUS, -1);
        touch(at, kSize);
        munmap(at, kSize);
    }
}

void map_only(int times) {
    for (int i = 0; i < times; ++i) munmap(map(kPage, MAP_PRIVATE | MAP_ANONYMOUS, -1), kPage);
}

void make_file() {
    fd = open("/tmp/mapped", O_RDWR | O_CREAT | O_TRUNC, 0600);
    require(fd >= 0, "open");
    require(ftruncate(fd, kFilePages * kPage) == 0, "ftruncate");
    char* at = map(kFilePages * kPage, MAP_SHARED, fd);
    touch(at, kFilePages * kPage);
    munmap(at, kFilePages * kPage);
}

void remove_file() {
    close(fd);
    unlink("/tmp/mapped");
}

/// `times` counts pages; they are in the file already.
void fault_file_reading(int times) {
    for (int i = 0; i < times; i += kFilePages) {
        char* at = map(kFilePages * kPage, MAP_PRIVATE, fd);
        read_each(at, kFilePages * kPage);
        munmap(at, kFilePages * kPage);
    }
}

void fault_file_writing(int times) {
    for (int i = 0; i < times; i += kFilePages) {
        char* at = map(kFilePages * kPage, MAP_SHARED, fd);
        touch(at, kFilePages * kPage);
        munmap(at, kFilePages * kPage);
    }
}

void fault_file_copying(int times) {
    for (int i = 0; i < times; i += kFilePages) {
        char* at = map(kFilePages * kPage, MAP_PRIVATE, fd);
        touch(at, kFilePages * kPage);
        munmap(at, kFilePages * kPage);
    }
}

constexpr Operation kMemory[] = {
    {"mmap, munmap", map_only, 500},
    {"mmap, touch 64 KiB, munmap", map_and_touch, 50},
    {"mmap, touch 16 MiB, munmap", touch_large, 1},
    {"page fault, anonymous", fault_anonymous, 1'024},
    {"page fault, file, reading", fault_file_reading, 2 * kFilePages, make_file, remove_file},
    {"page fault, file, writing", fault_file_writing, 2 * kFilePages, make_file, remove_file},
    {"page fault, file, private copy", fault_file_copying, kFilePages, make_file, remove_file},
};

}  // namespace

std::span<const Operation> memory() {
    return kMemory;
}

}  // namespace bench
