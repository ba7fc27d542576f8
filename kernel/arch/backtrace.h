// Walking the kernel's stack by frame pointers, for panics: reads only mapped kernel addresses.
#pragma once

#include <cstdint>

namespace exo::arch {

/// The address of the last page fault (CR2).
[[nodiscard]] inline std::uint64_t fault_address() {
    std::uint64_t address;
    asm volatile("movq %%cr2, %0" : "=r"(address));
    return address;
}

class FrameWalk {
  public:
    explicit FrameWalk(std::uintptr_t rbp) : rbp_(rbp) {}

    /// False at the outermost frame, at anything that is not a kernel address, and after kMaxDepth.
    [[nodiscard]] bool valid() const {
        return depth_ < kMaxDepth && rbp_ >= kKernelHalf && rbp_ % 8 == 0 &&
               return_address() >= kKernelHalf;
    }
    [[nodiscard]] std::uintptr_t return_address() const {
        return reinterpret_cast<const std::uintptr_t*>(rbp_)[1];
    }
    void next() {
        const std::uintptr_t up = *reinterpret_cast<const std::uintptr_t*>(rbp_);
        rbp_ = up > rbp_ ? up : 0;  // stacks grow down: a frame's caller is above it
        ++depth_;
    }

  private:
    static constexpr unsigned kMaxDepth = 64;
    static constexpr std::uintptr_t kKernelHalf = 0xffff800000000000;

    std::uintptr_t rbp_;
    unsigned depth_ = 0;
};

}  // namespace exo::arch
