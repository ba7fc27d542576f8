#include "lib/ring/host/shared_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "lib/base/bits.h"

namespace exo::ring {

namespace {

Errno last_error() {
    return static_cast<Errno>(errno);
}

}  // namespace

Result<SharedMemory> SharedMemory::create(std::size_t size) {
    const auto rounded = checked_align_up<std::size_t>(size == 0 ? 1 : size, 4096);
    if (!rounded) return Errno::NOMEM;
    const int descriptor = memfd_create("exo-ring", MFD_CLOEXEC);
    if (descriptor < 0) return last_error();
    if (ftruncate(descriptor, static_cast<off_t>(*rounded)) != 0) {
        const Errno error = last_error();
        close(descriptor);
        return error;
    }
    void* base = mmap(nullptr, *rounded, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (base == MAP_FAILED) {
        const Errno error = last_error();
        close(descriptor);
        return error;
    }
    return SharedMemory(base, *rounded, descriptor);
}

SharedMemory::~SharedMemory() {
    if (base_ == nullptr) return;
    munmap(base_, size_);
    close(descriptor_);
}

}  // namespace exo::ring
