// A timer that is read (timerfd_create(2)): how often it has expired since it was read.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/timer.h"
#include "kernel/fs/file.h"

namespace exo {

class TimerFile final : public File {
  public:
    enum class Clock : std::uint8_t { kMonotonic, kWall };
    struct Setting {
        std::uint64_t left_ns = 0;    ///< until it expires; 0: it is not set
        std::uint64_t period_ns = 0;  ///< 0: once
    };

    static Result<Ref<TimerFile>> create(Clock clock, FileFlags flags);

    [[nodiscard]] Clock clock() const { return clock_; }
    /// Expires at `at`, then each `period_ns`; never: is not set. What it was set to.
    Setting set(Deadline at, std::uint64_t period_ns);
    Setting get();

    /// Eight bytes: the number of expirations. INVAL: room for fewer. Waits for the first.
    Result<std::size_t> read(IoCursor& to) override;
    PollEvents poll(PollTable* table) override;

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "[timerfd]"; }
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    TimerFile(Clock clock, FileFlags flags) : File(ObjectType::kTimer, flags), clock_(clock) {}
    ~TimerFile() override;

    /// Fires in interrupt context.
    struct Expiry : Timer {
        explicit Expiry(TimerFile& o) : Timer(&fire), owner(o) {}
        static void fire(Timer& timer);
        TimerFile& owner;
    };
    struct State {
        std::uint64_t at_ns = Deadline::kNever;  // the next expiration not yet counted
        std::uint64_t period_ns = 0;
    };

    static Setting setting_of(const State& state);
    [[nodiscard]] bool expired() const { return expired_.load(std::memory_order_acquire); }
    std::uint64_t take_expirations();

    const Clock clock_;
    Expiry expiry_{*this};
    // A mutex: arming and cancelling wait for the handler, which takes no lock of this.
    Mutex<LockRank::kPipe> setting_;
    State state_ GUARDED_BY(setting_);
    Atomic<bool> expired_{false};
    WaitQueue readable_;
};

}  // namespace exo
