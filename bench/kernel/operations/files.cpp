// Names and files on a tmpfs.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bench/kernel/operations/operations.h"

namespace bench {
namespace {

constexpr const char* kDirectory = "/tmp/bench";
constexpr const char* kPath = "/tmp/bench/file";
constexpr std::size_t kPage = 4096;

int fd;
char bytes[kPage];

void make_file() {
    require(mkdir(kDirectory, 0755) == 0, "mkdir");
    fd = open(kPath, O_RDWR | O_CREAT, 0644);
    require(fd >= 0, "open");
    require(write(fd, bytes, sizeof bytes) == static_cast<ssize_t>(sizeof bytes), "write");
}

void remove_file() {
    close(fd);
    unlink(kPath);
    rmdir(kDirectory);
}

template <std::size_t kSize>
void read_file(int times) {
    for (int i = 0; i < times; ++i) require(pread(fd, bytes, kSize, 0) == kSize, "pread");
}

template <std::size_t kSize>
void write_file(int times) {
    for (int i = 0; i < times; ++i) require(pwrite(fd, bytes, kSize, 0) == kSize, "pwrite");
}

void open_and_close(int times) {
    for (int i = 0; i < times; ++i) {
        const int opened = open(kPath, O_RDONLY);
        require(opened >= 0, "open");
        close(opened);
    }
}

void stat_by_name(int times) {
    struct stat status;
    for (int i = 0; i < times; ++i) require(stat(kPath, &status) == 0, "stat");
}

void stat_by_descriptor(int times) {
    struct stat status;
    for (int i = 0; i < times; ++i) require(fstat(fd, &status) == 0, "fstat");
}

void create_and_unlink(int times) {
    for (int i = 0; i < times; ++i) {
        const int made = open("/tmp/bench/made", O_RDWR | O_CREAT | O_EXCL, 0644);
        require(made >= 0, "open of a new file");
        close(made);
        require(unlink("/tmp/bench/made") == 0, "unlink");
    }
}

constexpr Operation kFiles[] = {
    {"read 1 byte of a file", read_file<1>, 2'000, make_file, remove_file},
    {"write 1 byte to a file", write_file<1>, 2'000, make_file, remove_file},
    {"read 4 KiB of a file", read_file<kPage>, 1'000, make_file, remove_file},
    {"write 4 KiB to a file", write_file<kPage>, 1'000, make_file, remove_file},
    {"open, close", open_and_close, 300, make_file, remove_file},
    {"create, close, unlink", create_and_unlink, 100, make_file, remove_file},
    {"stat", stat_by_name, 500, make_file, remove_file},
    {"fstat", stat_by_descriptor, 1'000, make_file, remove_file},
};

}  // namespace

std::span<const Operation> files() {
    return kFiles;
}

}  // namespace bench
