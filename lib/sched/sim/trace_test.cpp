#include "lib/sched/sim/trace.h"

#include <gtest/gtest.h>

#include <string>

namespace exo::sched::sim {
namespace {

TEST(Trace, the_documented_example) {
    const auto trace = parse_trace(
        "exo-sched-trace 1\n# comment\nthreads 2 duration 7000\nt 0 0 make\n120f1 30.5\n"
        "t - -5 cc1plus\n900s2000 10w0 4\n");
    ASSERT_TRUE(trace.has_value());
    EXPECT_EQ(trace->duration_ns, 7 * kMillisecond);
    ASSERT_EQ(trace->threads.size(), 2U);
    const Script& make = trace->threads[0];
    EXPECT_EQ(make.program, "make");
    EXPECT_EQ(make.start_ns, 0U);
    ASSERT_EQ(make.ops.size(), 5U);
    EXPECT_EQ(make.ops[0].kind, Op::Kind::Run);
    EXPECT_EQ(make.ops[0].value, 120 * kMicrosecond);
    EXPECT_EQ(make.ops[1].kind, Op::Kind::Start);
    EXPECT_EQ(make.ops[1].value, 1U);
    EXPECT_EQ(make.ops[2].value, 30 * kMicrosecond);
    EXPECT_EQ(make.ops[3].kind, Op::Kind::Wait);
    const Script& compiler = trace->threads[1];
    EXPECT_EQ(compiler.start_ns, kStartedByOther);
    EXPECT_EQ(compiler.nice, -5);
    ASSERT_EQ(compiler.ops.size(), 5U);
    EXPECT_EQ(compiler.ops[1].kind, Op::Kind::Sleep);
    EXPECT_EQ(compiler.ops[3].kind, Op::Kind::Wake);
}

std::string one_thread(const std::string& head, const std::string& ops) {
    return "exo-sched-trace 1\nthreads 1 duration 1\n" + head + "\n" + ops + "\n";
}

TEST(Trace, the_last_newline_may_lack_and_a_script_may_be_empty) {
    EXPECT_TRUE(parse_trace("exo-sched-trace 1\nthreads 1 duration 1\nt 0 0 a\n5").has_value());
    EXPECT_TRUE(parse_trace(one_thread("t 0 0 a", "")).has_value());
}

TEST(Trace, malformed_text_is_invalid) {
    const std::string invalid[] = {
        "",
        "exo-sched-trace 2\nthreads 1 duration 1\nt 0 0 a\n1\n",
        "exo-sched-trace 1\n",
        "exo-sched-trace 1\nthreads 0 duration 1\n",
        "exo-sched-trace 1\nthreads x duration 1\n",
        "exo-sched-trace 1\nthreads 1 duration 1 2\nt 0 0 a\n1\n",
        "exo-sched-trace 1\nthreads 2 duration 1\nt 0 0 a\n1\n",
        "exo-sched-trace 1\nthreads 1 duration 1\nt 0 0 a\n1\nt 0 0 b\n1\n",
        "exo-sched-trace 1\nthreads 1 duration 1\nt 0 0 a",
        "exo-sched-trace 1\nthreads 1 duration 99999999999999999999\nt 0 0 a\n1\n",
        one_thread("x 0 0 a", "1"),
        one_thread("t 0 20 a", "1"),
        one_thread("t 0 -21 a", "1"),
        one_thread("t 0 0 ", "1"),
        one_thread("t 0 0 a b", "1"),
        one_thread("t 0 0 " + std::string(64, 'a'), "1"),
        one_thread("t 1000000000001 0 a", "1"),
        one_thread("t 0 0 a", "1000000000001"),
        one_thread("t 0 0 a", "18446744073709551616"),
        one_thread("t 0 0 a", "-1"),
        one_thread("t 0 0 a", "s"),
        one_thread("t 0 0 a", "w"),
        one_thread("t 0 0 a", "w0"),
        one_thread("t 0 0 a", "w1"),
        one_thread("t 0 0 a", "f1"),
        one_thread("t 0 0 a", "1x"),
        one_thread("t - 0 a", "1"),
    };
    for (const std::string& text : invalid) {
        const auto trace = parse_trace(text);
        ASSERT_FALSE(trace.has_value()) << text;
        EXPECT_EQ(trace.error(), Errno::INVAL) << text;
    }
}

TEST(Trace, starting_a_thread_twice_is_invalid) {
    const std::string head = "exo-sched-trace 1\nthreads 2 duration 1\n";
    EXPECT_TRUE(parse_trace(head + "t 0 0 a\nf1\nt - 0 b\n1\n").has_value());
    EXPECT_FALSE(parse_trace(head + "t 0 0 a\nf1f1\nt - 0 b\n1\n").has_value());
    EXPECT_FALSE(parse_trace(head + "t 0 0 a\nf1\nt 0 0 b\n1\n").has_value());
}

TEST(Trace, limits) {
    EXPECT_EQ(parse_trace("exo-sched-trace 1\nthreads 100001 duration 1\n").error(), Errno::TOOBIG);
    const std::string waits(kMaxOps + 1, '.');
    EXPECT_EQ(parse_trace(one_thread("t 0 0 a", waits)).error(), Errno::TOOBIG);
}

TEST(Trace, files_that_do_not_exist) {
    EXPECT_EQ(load_trace("/nonexistent").error(), Errno::NOENT);
}

}  // namespace
}  // namespace exo::sched::sim
