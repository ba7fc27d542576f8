// What a mount lays down for all that is below it, and how many write there: so that it becomes
// read-only only while nobody does. Kept by the root of its dentries (Dentry::mount_state()).
#pragma once

#include <cstdint>
#include <utility>

#include "lib/base/atomic.h"
#include "lib/base/bit_set.h"
#include "lib/base/ref.h"
#include "lib/base/result.h"

namespace exo {

/// Values of mount(2)'s flags. No access times are kept: those flags are only shown.
enum class MountFlags : std::uint32_t {
    kNone = 0,
    kReadOnly = 1,
    kNoSetId = 2,
    kNoDevices = 4,
    kNoExecute = 8,
    kNoAccessTime = 0x400,
    kNoDirectoryAccessTime = 0x800,
    kRelativeAccessTime = 0x200000,
};
template <>
inline constexpr bool kIsBitSet<MountFlags> = true;

class MountState {
  public:
    [[nodiscard]] MountFlags flags() const {
        return flags_of(state_.load(std::memory_order_relaxed));
    }

    /// ROFS. Else it stays writable until end_write().
    Result<void> begin_write() {
        if (!has(flags_of(state_.fetch_add(1, std::memory_order_acquire)), MountFlags::kReadOnly))
            return {};
        end_write();
        return Errno::ROFS;
    }
    // release: what was written comes before the mount is read-only for who makes it so.
    void end_write() { state_.fetch_sub(1, std::memory_order_release); }

    /// BUSY: it would become read-only, and somebody writes.
    Result<void> change(MountFlags to) {
        std::uint64_t seen = state_.load(std::memory_order_relaxed);
        std::uint64_t wanted;
        do {
            const std::uint64_t writers = seen & kWriters;
            const bool now =
                has(to, MountFlags::kReadOnly) && !has(flags_of(seen), MountFlags::kReadOnly);
            if (now && writers != 0) return Errno::BUSY;
            wanted = std::uint64_t{static_cast<std::uint32_t>(to)} << kFlagsShift | writers;
        } while (!state_.compare_exchange_weak(seen, wanted, std::memory_order_acq_rel,
                                               std::memory_order_relaxed));
        return {};
    }

  private:
    static constexpr unsigned kFlagsShift = 32;
    static constexpr std::uint64_t kWriters = 0xffffffff;
    static MountFlags flags_of(std::uint64_t state) {
        return static_cast<MountFlags>(state >> kFlagsShift);
    }

    /// Flags above, writers below: who begins to write and who forbids it change one word, so that
    /// one of them sees the other. Who was refused counts for a moment; it is read-only then
    /// already.
    Atomic<std::uint64_t> state_{0};
};

/// That a mount is written to. `keeper` keeps the mount's root where the holder does not.
class WriteAccess {
  public:
    WriteAccess() = default;
    static Result<WriteAccess> begin(MountState& mount, RefPtr<RefCounted> keeper = {}) {
        TRY(mount.begin_write());
        WriteAccess access;
        access.mount_ = &mount;
        access.keeper_ = std::move(keeper);
        return access;
    }
    WriteAccess(WriteAccess&& other) noexcept
        : mount_(std::exchange(other.mount_, nullptr)), keeper_(std::move(other.keeper_)) {}
    WriteAccess& operator=(WriteAccess&& other) noexcept {
        std::swap(mount_, other.mount_);
        std::swap(keeper_, other.keeper_);
        return *this;
    }
    ~WriteAccess() {
        if (mount_ != nullptr) mount_->end_write();
    }

  private:
    MountState* mount_ = nullptr;
    RefPtr<RefCounted> keeper_;
};

}  // namespace exo
