#include "lib/switch/context.h"

#include <gtest/gtest.h>

#include <bit>
#include <cfenv>
#include <cmath>
#include <csignal>
#include <memory>
#include <utility>
#include <vector>

#include "lib/switch/host/stack.h"

namespace exo {
namespace {

constexpr std::size_t kStackSize = 64 * 1024;

/// A context on a stack of its own that runs `body(peer)` and then switches back for good.
struct Coroutine {
    using Body = void (*)(Coroutine&);

    explicit Coroutine(Body b)
        : stack(MUST(GuardedStack::create(kStackSize))),  // 64 KiB of address space are to be had
          own(make_context(stack.top(), &Coroutine::start, this)),
          body(b) {}

    void resume() { switch_context(caller, own); }
    void yield() { switch_context(own, caller); }

    static void start(void* self) {
        auto& coroutine = *static_cast<Coroutine*>(self);
        coroutine.body(coroutine);
        coroutine.done = true;
        coroutine.yield();
    }

    GuardedStack stack;
    Context own;
    Context caller{};
    Body body;
    bool done = false;
    long value = 0;
};

TEST(Context, is_sixteen_bytes) {
    EXPECT_EQ(sizeof(Context), 16u);
}

TEST(Context, runs_on_its_own_stack_and_comes_back) {
    Coroutine counter([](Coroutine& self) {
        EXPECT_GE(__builtin_frame_address(0), self.stack.bottom());
        EXPECT_LT(__builtin_frame_address(0), self.stack.top());
        for (self.value = 1; self.value < 1000; ++self.value) self.yield();
    });
    for (long i = 1; i < 1000; ++i) {
        counter.resume();
        ASSERT_EQ(counter.value, i);
    }
    counter.resume();
    EXPECT_TRUE(counter.done);
}

TEST(Context, entry_finds_the_stack_aligned_for_calls) {
    Coroutine aligned([](Coroutine& self) {
        alignas(16) volatile char data[16] = {};
        self.value = static_cast<long>(reinterpret_cast<std::uintptr_t>(&data) % 16);
        // printf uses aligned SSE stores on its caller's alignment promise.
        char text[64];
        std::snprintf(text, sizeof text, "%f", 1.5);
        EXPECT_STREQ(text, "1.500000");
    });
    aligned.resume();
    EXPECT_EQ(aligned.value, 0);
}

// More live values than there are registers, integer and floating point, across every switch.
template <ControlWords kWords>
[[gnu::noinline]] std::uint64_t keep_many_values_alive(Context& own, Context& other,
                                                       std::uint64_t seed) {
    std::uint64_t a = seed, b = seed * 3, c = seed * 5, d = seed * 7, e = seed * 11, f = seed * 13;
    std::uint64_t g = seed * 17, h = seed * 19, i = seed * 23, j = seed * 29, k = seed * 31,
                  l = seed * 37;
    double x = static_cast<double>(seed) * 0.5, y = x * 3, z = x * 5;
    for (int round = 0; round < 500; ++round) {
        switch_context<kWords>(own, other);
        a += b ^ c, b += c ^ d, c += d ^ e, d += e ^ f, e += f ^ g, f += g ^ h;
        g += h ^ i, h += i ^ j, i += j ^ k, j += k ^ l, k += l ^ a, l += a ^ b;
        x += y * 0.25, y += z * 0.25, z = x - y;
    }
    const auto bits = [](double v) { return std::bit_cast<std::uint64_t>(v); };
    return a ^ b ^ c ^ d ^ e ^ f ^ g ^ h ^ i ^ j ^ k ^ l ^ bits(x) ^ bits(y) ^ bits(z);
}

template <ControlWords kWords>
struct ManyValues {
    Context main{}, self{};
    std::uint64_t actual = 0;
    bool done = false;

    static void run(void* p) {
        auto& test = *static_cast<ManyValues*>(p);
        test.actual = keep_many_values_alive<kWords>(test.self, test.main, 12345);
        test.done = true;
        for (;;) switch_context<kWords>(test.self, test.main);
    }

    void check() {
        // The same computation with nobody switching in between: a context that resumes itself.
        struct Alone {
            static void bounce(void* p) {
                auto* pair = static_cast<std::pair<Context, Context>*>(p);
                for (;;) switch_context<kWords>(pair->second, pair->first);
            }
        };
        std::pair<Context, Context> pair{};
        GuardedStack bounce_stack = MUST(GuardedStack::create(kStackSize));
        pair.second = make_context(bounce_stack.top(), &Alone::bounce, &pair);
        const std::uint64_t main_result =
            keep_many_values_alive<kWords>(pair.first, pair.second, 12345);

        GuardedStack stack = MUST(GuardedStack::create(kStackSize));
        self = make_context(stack.top(), &ManyValues::run, this);
        std::uint64_t noise = 1;
        while (!done) {
            switch_context<kWords>(main, self);
            noise = noise * 6364136223846793005U + 1442695040888963407U;
        }
        EXPECT_NE(noise, 0u);
        EXPECT_EQ(actual, main_result);
    }
};

TEST(Context, keeps_live_values_across_switches) {
    ManyValues<ControlWords::kShared>().check();
}

TEST(Context, keeps_live_values_across_switches_with_control_words) {
    ManyValues<ControlWords::kPerContext>().check();
}

// A leaf function: its locals may live below RSP, in the red zone, while it switches.
[[gnu::noinline]] long sum_of_locals_across_a_switch(Context& own, const Context& other) {
    volatile long locals[8];
    for (long i = 0; i < 8; ++i) locals[i] = i * 1000;
    switch_context(own, other);
    long sum = 0;
    for (long i = 0; i < 8; ++i) sum += locals[i];
    return sum;
}

TEST(Context, leaves_the_red_zone_alone) {
    Coroutine dirty([](Coroutine& self) {
        for (;;) {
            volatile char scratch[512];
            for (auto& byte : scratch) byte = 0x5a;
            self.yield();
        }
    });
    for (int round = 0; round < 10; ++round) {
        EXPECT_EQ(sum_of_locals_across_a_switch(dirty.caller, dirty.own), 28000);
    }
}

struct Rounding {
    Context main{}, self{};
    int seen = -1;

    template <ControlWords kWords>
    static void run(void* p) {
        auto& test = *static_cast<Rounding*>(p);
        std::fesetround(FE_UPWARD);  // sets MXCSR and the x87 control word
        switch_context<kWords>(test.self, test.main);
        test.seen = std::fegetround();
        for (;;) switch_context<kWords>(test.self, test.main);
    }
};

TEST(Context, rounding_mode_is_per_context_when_asked) {
    GuardedStack stack = MUST(GuardedStack::create(kStackSize));
    Rounding test;
    test.self = make_context(stack.top(), &Rounding::run<ControlWords::kPerContext>, &test);
    switch_context<ControlWords::kPerContext>(test.main, test.self);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
    switch_context<ControlWords::kPerContext>(test.main, test.self);
    EXPECT_EQ(test.seen, FE_UPWARD);
    EXPECT_EQ(std::fegetround(), FE_TONEAREST);
}

TEST(Context, rounding_mode_is_the_threads_otherwise) {
    GuardedStack stack = MUST(GuardedStack::create(kStackSize));
    Rounding test;
    test.self = make_context(stack.top(), &Rounding::run<ControlWords::kShared>, &test);
    switch_context(test.main, test.self);
    EXPECT_EQ(std::fegetround(), FE_UPWARD);
    std::fesetround(FE_TONEAREST);
}

TEST(Context, thousands_take_turns) {
    struct Ring {
        std::vector<std::unique_ptr<Coroutine>> all;
    } ring;
    for (int i = 0; i < 2000; ++i) {
        ring.all.push_back(std::make_unique<Coroutine>([](Coroutine& self) {
            for (;;) {
                ++self.value;
                self.yield();
            }
        }));
    }
    for (int round = 0; round < 10; ++round) {
        for (auto& one : ring.all) one->resume();
    }
    for (auto& one : ring.all) EXPECT_EQ(one->value, 10);
}

TEST(ContextDeathTest, a_returning_entry_ends_with_a_message) {
    const auto start_one = [] {
        GuardedStack stack = MUST(GuardedStack::create(kStackSize));
        Context main{};
        const Context self = make_context(stack.top(), [](void*) {}, nullptr);
        switch_context(main, self);
    };
    EXPECT_DEATH(start_one(), "the entry function of a context returned");
}

[[gnu::noinline]] long deep(long n) {
    volatile char frame[256];
    frame[0] = static_cast<char>(n);
    return n == 0 ? frame[0] : deep(n - 1) + frame[0];
}

TEST(ContextDeathTest, an_overflow_hits_the_guard_page) {
    EXPECT_EXIT(
        {
            std::signal(SIGSEGV, SIG_DFL);  // a sanitizer's report would need a stack to run on
            Coroutine endless([](Coroutine& self) { self.value = deep(1L << 40); });
            endless.resume();
        },
        testing::KilledBySignal(SIGSEGV), "");
}

}  // namespace
}  // namespace exo
