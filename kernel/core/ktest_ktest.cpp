#include "kernel/core/ktest.h"
#include "kernel/core/scheduler.h"

namespace exo {

KERNEL_TEST(ktest_runs_on_a_thread_that_may_sleep) {
    might_sleep();
    KTEST_EXPECT(this_thread().name() == "ktest");
    KTEST_EXPECT(online_cpus() > 0);
}

}  // namespace exo
