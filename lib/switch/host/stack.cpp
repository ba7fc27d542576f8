#include "lib/switch/host/stack.h"

#include <sys/mman.h>

#include <cerrno>

#include "lib/base/bits.h"

namespace exo {

namespace {

constexpr std::size_t kPage = 4096;

}  // namespace

Result<GuardedStack> GuardedStack::create(std::size_t size) {
    const auto rounded = checked_align_up(size, kPage);
    const auto total = rounded ? checked_add(*rounded, kPage) : std::nullopt;
    if (size == 0 || !total) return Errno::INVAL;
    // MAP_NORESERVE: a deep stack that stays shallow costs neither memory nor commit charge.
    void* mapping = mmap(nullptr, *total, PROT_NONE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) return static_cast<Errno>(errno);
    auto* bytes = static_cast<std::byte*>(mapping);
    if (mprotect(bytes + kPage, *rounded, PROT_READ | PROT_WRITE) != 0) {
        const auto error = static_cast<Errno>(errno);
        munmap(mapping, *total);
        return error;
    }
    return GuardedStack(bytes, *total);
}

GuardedStack::~GuardedStack() {
    if (mapping_ != nullptr) munmap(mapping_, size_);
}

void* GuardedStack::bottom() const {
    return mapping_ + kPage;
}

std::size_t GuardedStack::size() const {
    return size_ - kPage;
}

}  // namespace exo
