// One switch between two contexts of a thread, against Boost.Context, glibc's swapcontext(3) and,
// for scale, a switch between two threads of Linux on one core (sched_yield(2)).
#include <boost/context/detail/fcontext.hpp>

#include <sched.h>
#include <ucontext.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "bench/core/harness/contest.h"
#include "bench/core/harness/machine.h"
#include "bench/core/harness/report.h"
#include "lib/switch/context.h"
#include "lib/switch/host/stack.h"

namespace exo::bench {
namespace {

constexpr std::size_t kStackSize = 64 * 1024;
// Switches a batch: 1,000 rounds of batches are 1,000,000 switches, and one is below 20 us.
constexpr int kSwitches = 1000;

double per_switch(std::uint64_t begin, std::uint64_t end, int switches) {
    return static_cast<double>(end - begin) / switches;
}

template <ControlWords kWords>
class Windowed {
  public:
    Windowed() : stack_(MUST(GuardedStack::create(kStackSize))) {  // 64 KiB, at start-up
        other_ = make_context(stack_.top(), &Windowed::bounce, this);
    }

    double batch() {
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kSwitches / 2; ++i) switch_context<kWords>(main_, other_);
        return per_switch(begin, stamp(), kSwitches);
    }

  private:
    static void bounce(void* self) {
        auto& pair = *static_cast<Windowed*>(self);
        for (;;) switch_context<kWords>(pair.other_, pair.main_);
    }

    GuardedStack stack_;
    Context main_{};
    Context other_{};
};

// As Windowed, but both sides keep eight integers alive across each switch: the case in which the
// compiler has to spill as much as a switch behind a call always does.
class AllLive {
  public:
    AllLive() : stack_(MUST(GuardedStack::create(kStackSize))) {
        other_ = make_context(stack_.top(), &AllLive::bounce, this);
    }

    double batch() {
        const std::uint64_t begin = stamp();
        compute(main_, other_, kSwitches / 2);
        return per_switch(begin, stamp(), kSwitches);
    }

  private:
    [[gnu::noinline]] static void compute(Context& own, Context& other, long rounds) {
        std::uint64_t a = 1, b = 2, c = 3, d = 4, e = 5, f = 6, g = 7, h = 8;
        for (long i = 0; i != rounds; ++i) {
            switch_context(own, other);
            a += b, b ^= c, c += d, d ^= e, e += f, f ^= g, g += h, h ^= a;
        }
        keep(a ^ b ^ c ^ d ^ e ^ f ^ g ^ h);
    }

    static void bounce(void* self) {
        auto& pair = *static_cast<AllLive*>(self);
        compute(pair.other_, pair.main_, -1);
    }

    GuardedStack stack_;
    Context main_{};
    Context other_{};
};

class Boost {
  public:
    Boost() : stack_(MUST(GuardedStack::create(kStackSize))) {
        other_ = boost::context::detail::make_fcontext(stack_.top(), stack_.size(), &bounce);
    }

    double batch() {
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kSwitches / 2; ++i) {
            other_ = boost::context::detail::jump_fcontext(other_, nullptr).fctx;
        }
        return per_switch(begin, stamp(), kSwitches);
    }

  private:
    static void bounce(boost::context::detail::transfer_t from) {
        for (;;) from = boost::context::detail::jump_fcontext(from.fctx, nullptr);
    }

    GuardedStack stack_;
    boost::context::detail::fcontext_t other_;
};

class Glibc {
  public:
    Glibc() : stack_(MUST(GuardedStack::create(kStackSize))) {
        instance = this;
        getcontext(&other_);
        other_.uc_stack.ss_sp = stack_.bottom();
        other_.uc_stack.ss_size = stack_.size();
        makecontext(&other_, &bounce, 0);
    }

    double batch() {
        constexpr int kFew = 200;  // each is two system calls
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kFew / 2; ++i) swapcontext(&main_, &other_);
        return per_switch(begin, stamp(), kFew);
    }

  private:
    static inline Glibc* instance = nullptr;

    static void bounce() {
        for (;;) swapcontext(&instance->other_, &instance->main_);
    }

    GuardedStack stack_;
    ucontext_t main_{};
    ucontext_t other_{};
};

/// Two threads on one core that yield to each other; each yield is one switch.
class LinuxThreads {
  public:
    explicit LinuxThreads(int cpu)
        : other_([this, cpu] {
              pin_to_cpu(cpu);
              while (!stop_.load(std::memory_order_relaxed)) {
                  // Out of the way of the other contenders: blocked unless a batch runs.
                  running_.wait(false, std::memory_order_acquire);
                  while (running_.load(std::memory_order_relaxed) &&
                         !stop_.load(std::memory_order_relaxed)) {
                      sched_yield();
                  }
              }
          }) {}

    ~LinuxThreads() {
        stop_.store(true);
        running_.store(true);
        running_.notify_one();
        other_.join();
    }

    double batch() {
        constexpr int kYields = 40;
        running_.store(true, std::memory_order_release);
        running_.notify_one();
        for (int i = 0; i < 4; ++i) sched_yield();
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kYields; ++i) sched_yield();
        const double figure = per_switch(begin, stamp(), 2 * kYields);
        running_.store(false, std::memory_order_relaxed);
        for (int i = 0; i < 4; ++i) sched_yield();
        return figure;
    }

  private:
    std::atomic<bool> stop_{false};
    std::atomic<bool> running_{false};
    std::thread other_;
};

void run() {
    const int cpu = allowed_cpus().front();
    pin_to_cpu(cpu);
    Windowed<ControlWords::kShared> shared;
    Windowed<ControlWords::kPerContext> per_context;
    AllLive all_live;
    Boost boost;
    Glibc glibc;
    LinuxThreads threads(cpu);

    Contest contest("switch.windowed");
    contest.add("exo", [&] { return shared.batch(); });
    contest.add("exo-control-words", [&] { return per_context.batch(); });
    contest.add("exo-all-live", [&] { return all_live.batch(); });
    contest.add("boost.context", [&] { return boost.batch(); });
    contest.add("glibc.swapcontext", [&] { return glibc.batch(); });
    contest.add("linux.sched_yield", [&] { return threads.batch(); });
    contest.run(1000);

    const std::vector<std::pair<std::string, double>> peers = {
        {"boost.context", contest["boost.context"].p50()},
        {"glibc.swapcontext", contest["glibc.swapcontext"].p50()},
        {"linux.sched_yield", contest["linux.sched_yield"].p50()}};
    const auto report = [&](const char* name, const char* contender, const char* rule) {
        Row row;
        row.name = name;
        row.unit = "cycles";
        row.rule = rule;
        row.peers = peers;
        row.value = contest[contender].p50();
        row.p99 = contest[contender].p99();
        row.target = tighter(310, best_peer(row));
        emit(row);
    };
    report("switch.windowed", "exo", "< 310, at most Boost.Context");
    report("switch.windowed.control_words", "exo-control-words",
           "as switch.windowed, MXCSR and x87 control word kept per context as Boost.Context does");
    report("switch.windowed.all_live", "exo-all-live",
           "as switch.windowed, eight integers live across each switch, their arithmetic included");
}

}  // namespace
}  // namespace exo::bench

int main() {
    exo::bench::run();
}
