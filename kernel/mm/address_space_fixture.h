// For tests of address spaces: a program's view of its memory.
#pragma once

#include "kernel/core/scheduler.h"
#include "kernel/core/thread.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/user_memory.h"

namespace exo {

inline constexpr Protection kReadWrite = Protection::kRead | Protection::kWrite;
inline constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

/// Has `space` loaded while it lives.
class Loaded {
  public:
    explicit Loaded(AddressSpace& space) : before_(this_thread().space()) {
        use_space(&space.machine());
    }
    ~Loaded() { use_space(before_); }
    Loaded(const Loaded&) = delete;
    Loaded& operator=(const Loaded&) = delete;

  private:
    arch::UserSpace* before_;
};

inline MapRequest anonymous(std::uint64_t length, Protection protection = kReadWrite) {
    MapRequest request;
    request.length = length;
    request.protection = protection;
    return request;
}

inline MapRequest anonymous_at(std::uint64_t address, std::uint64_t length) {
    MapRequest request = anonymous(length);
    request.address = address;
    request.placement = Placement::kFixed;
    return request;
}

inline bool poke(std::uint64_t at, std::uint64_t value) {
    return UserOut<std::uint64_t>{{at}}.write(value).has_value();
}

/// What stands there; kFault: it cannot be read.
inline constexpr std::uint64_t kFault = ~std::uint64_t{0};
inline std::uint64_t peek(std::uint64_t at) {
    return UserIn<std::uint64_t>{{at}}.read().value_or(kFault);
}

}  // namespace exo
