// Address spaces that stay loaded on CPUs whose threads sleep (lazy TLB), and how they are taken
// back.
#include "kernel/mm/shootdown.h"

#include "kernel/core/cpu_local.h"
#include "kernel/core/ktest.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/wait_queue.h"
#include "kernel/mm/address_space.h"
#include "kernel/mm/user_memory.h"

namespace exo {

namespace {

constexpr std::uint64_t kPages = 4;

/// A thread of `space` on a CPU that the test chooses: touches a page, sleeps, and when it is told
/// to go on looks at the page again and leaves the space.
struct Sleeper {
    AddressSpace& space;
    std::uint64_t page;
    WaitQueue changed;
    Atomic<bool> sleeping{false}, go_on{false}, ended{false};
    Atomic<bool> found{false};  ///< the page was still there
    RefPtr<Thread> thread;

    Sleeper(AddressSpace& s, std::uint64_t p) : space(s), page(p) {}

    bool start(std::uint32_t cpu) {
        auto created = Thread::create_kernel("ktest", &run, this);
        if (!created) return false;
        thread = *created;
        thread->entity.affinity = std::uint64_t{1} << cpu;
        start_thread(*thread);
        return wait_for(sleeping);
    }
    bool end() {
        go_on.store(true);
        changed.wake_all();
        return wait_for(ended);
    }
    static bool wait_for(const Atomic<bool>& flag) {
        const Deadline deadline = Deadline::in(10'000'000'000);
        while (!flag.load() && !deadline.passed()) {
            if (!sleep_until(Deadline::in(1'000'000))) return false;
        }
        return flag.load();
    }
    static void run(void* argument) {
        auto& self = *static_cast<Sleeper*>(argument);
        use_space(&self.space.machine());
        const std::uint64_t written = 1;
        KTEST_EXPECT(write_user(UserAddr{self.page}, &written, sizeof written).has_value());
        self.sleeping.store(true);
        static_cast<void>(self.changed.wait([&] { return self.go_on.load(); }));
        std::uint64_t read = 0;
        self.found.store(read_user(&read, UserAddr{self.page}, sizeof read).has_value());
        use_space(nullptr);
        self.ended.store(true);
    }
};

Result<std::uint64_t> map_pages(AddressSpace& space) {
    MapRequest request;
    request.length = kPages * kPageSize;
    request.protection = Protection::kRead | Protection::kWrite;
    return space.map(request);
}

bool loaded_on(const AddressSpace& space, std::uint32_t cpu) {
    return (const_cast<AddressSpace&>(space).machine().cpus.load() >> cpu & 1) != 0;
}

/// The CPU that the test does not run on, if there are several; else the only one.
std::uint32_t another_cpu() {
    return online_cpus() == 1 ? 0 : (this_cpu().id + 1) % online_cpus();
}

}  // namespace

KERNEL_TEST(a_space_stays_loaded_while_its_thread_sleeps) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const auto at = map_pages(**space);
    KTEST_REQUIRE(at);
    const std::uint32_t cpu = another_cpu();
    Sleeper sleeper(**space, *at);
    KTEST_REQUIRE(sleeper.start(cpu));
    KTEST_EXPECT(loaded_on(**space, cpu));
    KTEST_EXPECT(sleeper.end());
    KTEST_EXPECT(sleeper.found.load());
    KTEST_EXPECT(!loaded_on(**space, cpu));
}

KERNEL_TEST(a_change_reaches_a_cpu_that_keeps_a_space) {
    const auto space = AddressSpace::create();
    KTEST_REQUIRE(space);
    const auto at = map_pages(**space);
    KTEST_REQUIRE(at);
    const std::uint32_t cpu = another_cpu();
    Sleeper sleeper(**space, *at);
    KTEST_REQUIRE(sleeper.start(cpu));
    KTEST_EXPECT((*space)->unmap(*at, kPageSize).has_value());
    KTEST_EXPECT(!loaded_on(**space, cpu));  // it let go
    KTEST_EXPECT(sleeper.end());
    KTEST_EXPECT(!sleeper.found.load());
}

KERNEL_TEST(a_space_ends_while_idle_cpus_keep_it) {
    for (int round = 0; round < 50; ++round) {
        auto space = AddressSpace::create();
        KTEST_REQUIRE(space);
        const auto at = map_pages(**space);
        KTEST_REQUIRE(at);
        const std::uint32_t cpu = another_cpu();
        Sleeper sleeper(**space, *at);
        KTEST_REQUIRE(sleeper.start(cpu));
        // It wakes up elsewhere, so that the CPU it slept on goes on keeping the space.
        sleeper.thread->entity.affinity = std::uint64_t{1} << (cpu + 1) % online_cpus();
        KTEST_EXPECT(sleeper.end());
        // The destructor checks that no CPU has the tables that it frees.
    }
}

}  // namespace exo
