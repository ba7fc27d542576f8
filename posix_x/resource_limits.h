// A process's limits (getrlimit(2)).
#pragma once

#include <array>

#include "abi/linux/process.h"
#include "kernel/core/spin_lock.h"
#include "lib/base/atomic.h"

namespace exo::posix {

class ResourceLimits {
  public:
    using All = std::array<abi::ResourceLimit, abi::kLimits>;

    /// The soft one, without a lock: it says nothing of any other (relaxed).
    [[nodiscard]] std::uint64_t soft(abi::Limit which) const {
        return soft_[index(which)].load(std::memory_order_relaxed);
    }
    [[nodiscard]] abi::ResourceLimit get(abi::Limit which) { return (*all_.lock())[index(which)]; }
    [[nodiscard]] All all() { return *all_.lock(); }
    void set(abi::Limit which, abi::ResourceLimit value) {
        auto all = all_.lock();
        (*all)[index(which)] = value;
        soft_[index(which)].store(value.current, std::memory_order_relaxed);
    }
    void set_all(const All& values) {
        auto all = all_.lock();
        *all = values;
        for (std::size_t i = 0; i < values.size(); ++i)
            soft_[i].store(values[i].current, std::memory_order_relaxed);
    }

  private:
    static constexpr std::size_t index(abi::Limit which) { return static_cast<std::size_t>(which); }

    Locked<All, IrqSpinLock<LockRank::kProcessParts>> all_;
    /// Copies of what `all_` holds.
    std::array<Atomic<std::uint64_t>, abi::kLimits> soft_ = {};
};

}  // namespace exo::posix
