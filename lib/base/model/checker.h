// check(): runs a small concurrent program, made of real code on instrumented atomics, in every
// way that C++20's memory model allows, up to the bounds in Options, and reports the first run that
// fails: a broken requirement, a data race, a deadlock, a panic.
//
//   const Report report = model::check({}, [](model::Program& program) {
//       auto& ring = program.make<Ring>();
//       program.thread("producer", [&] { ring.send(1); });
//       program.thread("consumer", [&] { EXO_MODEL_REQUIRE(ring.receive() == 1, "lost"); });
//   });
//   EXPECT_TRUE(report.passed()) << report.text();
//
// The program must be deterministic but for the checker's decisions, and its threads must own
// nothing when they touch an atomic that needs destruction: a run may be abandoned there.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <source_location>
#include <string>
#include <vector>

#include "lib/base/model/atomic.h"
#include "lib/base/model/search.h"

namespace exo::model {

enum class Spin : std::uint8_t {
    kRetry,  // a yield returns when there is news
    // A yield ends its thread's part in the run. Sound where a round of the loop that fails has no
    // effect: the run in which the thread came later and did not fail is explored as well. Rounds
    // must start with begin_round().
    kFirstTry,
};

enum class Mortality : std::uint8_t { kImmortal, kMayDie };

/// A part of the memory order of one operation in the source.
struct OrderSite {
    std::string file;  // without folders
    unsigned line = 0;
    unsigned column = 0;
    OrderPart part = OrderPart::kAcquire;
    friend auto operator<=>(const OrderSite&, const OrderSite&) = default;
};

struct Options {
    Reduction reduction = Reduction::kSourceSets;
    /// Switches away from a thread that could go on, per run. Excludes the reduction.
    // The initializer spares users of designated ones a warning.
    // NOLINTNEXTLINE(readability-redundant-member-init)
    std::optional<unsigned> preemption_bound = {};
    Spin spin = Spin::kRetry;
    unsigned deaths = 0;             // of threads that may die, per run
    unsigned spurious_failures = 0;  // of compare_exchange_weak, per run
    unsigned max_steps = 1000;       // per run: more is a livelock
    std::chrono::seconds time_limit{500};
    std::uint64_t max_runs = UINT64_MAX;  // for a search that need not be complete
    /// Takes a part of an order away, as a mutant of the code.
    std::optional<OrderSite> weaken = {};  // NOLINT(readability-redundant-member-init): as above
};

struct Report {
    std::uint64_t executions = 0;  // runs to the end
    std::uint64_t redundant = 0;   // runs ended early, equivalent to others
    std::uint64_t blocked = 0;     // runs ended by Spin::kFirstTry
    std::uint64_t steps = 0;       // over all runs, replayed prefixes included
    bool complete = false;         // the search reached its end
    std::set<OrderSite> orders;    // all that the runs met
    std::string failure;           // empty: none
    std::string trace;             // of the failing run
    std::string decisions;         // of the failing run; EXO_MODEL_REPLAY=... runs it alone

    [[nodiscard]] bool passed() const { return complete && failure.empty(); }
    /// Counts, and the failure with its interleaving.
    [[nodiscard]] std::string text() const;
};

/// The program under check, put together anew for each run.
class Program {
  public:
    virtual ~Program() = default;

    /// An object that lives until the run has ended.
    template <typename T, typename... Args>
    T& make(Args&&... args) {
        auto object = std::make_shared<T>(std::forward<Args>(args)...);
        T& reference = *object;
        objects_.push_back(std::move(object));
        return reference;
    }

    /// Adds a thread; `name` must outlive the check.
    virtual ThreadId thread(const char* name, std::function<void()> body,
                            Mortality mortality = Mortality::kImmortal) = 0;

    /// Runs when all threads have ended or died, and sees the newest value of every atomic.
    virtual void at_end(std::function<void()> body) = 0;

    /// How `atomic` is called in traces.
    template <typename T>
    void name(const Atomic<T>& atomic, const char* text) {
        name_address(&atomic, text);
    }

  protected:
    virtual void name_address(const void* address, const char* text) = 0;
    void destroy_objects() {
        while (!objects_.empty()) objects_.pop_back();
    }

  private:
    std::vector<std::shared_ptr<void>> objects_;
};

Report check(const Options& options, const std::function<void(Program&)>& set_up);

/// `usual`, or more when the environment's EXO_MODEL_BOUND asks for deeper checks: it is added.
[[nodiscard]] unsigned bound(unsigned usual);

/// Ends the run as a failure. In a model thread it does not return.
void fail(const char* message, std::source_location where = std::source_location::current());

/// Waits until `thread` has ended or died; all it did happens before what follows.
/// True when it died.
bool join(ThreadId thread, std::source_location where = std::source_location::current());

/// futex(2): sleeps when `word` is `expected`, compared with its newest value. Synchronises with
/// nothing. True when it slept.
bool wait(Atomic<std::uint32_t>& word, std::uint32_t expected,
          std::source_location where = std::source_location::current());

/// Wakes at most `count` threads that sleep on `word`, any of them.
void wake(Atomic<std::uint32_t>& word, std::uint32_t count,
          std::source_location where = std::source_location::current());

}  // namespace exo::model

#define EXO_MODEL_REQUIRE(condition, message)            \
    do {                                                 \
        if (condition) [[likely]]                        \
            break;                                       \
        ::exo::model::fail(message " (" #condition ")"); \
    } while (false)
