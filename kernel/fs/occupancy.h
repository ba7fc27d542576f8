// Writing to a regular file and running it exclude each other (open(2), execve(2): ETXTBSY).
#pragma once

#include <cstdint>
#include <utility>

#include "lib/base/atomic.h"
#include "lib/base/ref.h"
#include "lib/base/result.h"

namespace exo {

/// How a file is in use: by so many who write or, below zero, so many who run it.
class Occupancy {
  public:
    enum class Kind : std::int32_t { kRun = -1, kWrite = 1 };

    /// TXTBSY: it is in use the other way. Else it stays so until end().
    Result<void> begin(Kind kind) {
        const auto step = static_cast<std::int32_t>(kind);
        std::int32_t seen = users_.load(std::memory_order_relaxed);
        do {
            if (seen != 0 && (seen > 0) != (step > 0)) return Errno::TXTBSY;
        } while (!users_.compare_exchange_weak(seen, seen + step, std::memory_order_acquire,
                                               std::memory_order_relaxed));
        return {};
    }
    // release: what was written is there for who runs it next.
    void end(Kind kind) {
        users_.fetch_sub(static_cast<std::int32_t>(kind), std::memory_order_release);
    }

  private:
    Atomic<std::int32_t> users_{0};
};

/// One use of a file, which it keeps. Empty: none.
class FileClaim {
  public:
    FileClaim() = default;
    /// `of` is in what `keeper` keeps. TXTBSY.
    static Result<FileClaim> begin(Occupancy& of, Occupancy::Kind kind, RefPtr<RefCounted> keeper) {
        TRY(of.begin(kind));
        FileClaim claim;
        claim.use_ = &of;
        claim.kind_ = kind;
        claim.keeper_ = std::move(keeper);
        return claim;
    }
    FileClaim(FileClaim&& other) noexcept
        : use_(std::exchange(other.use_, nullptr)),
          kind_(other.kind_),
          keeper_(std::move(other.keeper_)) {}
    FileClaim& operator=(FileClaim&& other) noexcept {
        std::swap(use_, other.use_);
        std::swap(kind_, other.kind_);
        std::swap(keeper_, other.keeper_);
        return *this;
    }
    ~FileClaim() {
        if (use_ != nullptr) use_->end(kind_);
    }
    /// The same use once more.
    [[nodiscard]] FileClaim again() const {
        if (use_ == nullptr) return {};
        return MUST(begin(*use_, kind_, keeper_));  // this claim excludes the other kind
    }

  private:
    Occupancy* use_ = nullptr;
    Occupancy::Kind kind_ = Occupancy::Kind::kRun;
    RefPtr<RefCounted> keeper_;
};

}  // namespace exo
