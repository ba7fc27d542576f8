#include "kernel/ipc/pipe.h"

#include "kernel/core/ktest.h"
#include "kernel/core/scheduler.h"
#include "kernel/core/thread.h"
#include "kernel/fs/unnamed_inode.h"

namespace exo {

namespace {

IoCursor cursor_over(std::span<std::byte> bytes) {
    return IoCursor(bytes);
}

Result<std::size_t> write_bytes(File& file, std::span<std::byte> bytes) {
    IoCursor cursor = cursor_over(bytes);
    return file.write(cursor);
}

Result<std::size_t> read_bytes(File& file, std::span<std::byte> bytes) {
    IoCursor cursor = cursor_over(bytes);
    return file.read(cursor);
}

Result<PipeEnds> new_pipe(FileFlags flags) {
    TRY(start_unnamed_inodes());  // on the host nobody has
    return create_pipe(flags, 0, 0);
}

constinit std::byte big[kPipeCapacity + 4096] = {};

KERNEL_TEST(pipe_holds_its_capacity_of_single_bytes) {
    auto ends = new_pipe(FileFlags::kNonBlocking);
    KTEST_REQUIRE(ends.has_value());
    std::byte one[1];
    KTEST_EXPECT_EQ(read_bytes(*ends->reader, one).error(), Errno::AGAIN);
    for (std::size_t i = 0; i < kPipeCapacity; ++i) {
        one[0] = static_cast<std::byte>(i * 7);
        KTEST_REQUIRE(write_bytes(*ends->writer, one).value_or(0) == 1);
    }
    KTEST_EXPECT_EQ(write_bytes(*ends->writer, one).error(), Errno::AGAIN);
    for (std::size_t i = 0; i < kPipeCapacity; ++i) {
        KTEST_REQUIRE(read_bytes(*ends->reader, one).value_or(0) == 1);
        KTEST_REQUIRE(one[0] == static_cast<std::byte>(i * 7));
    }
    KTEST_EXPECT_EQ(read_bytes(*ends->reader, one).error(), Errno::AGAIN);
}

KERNEL_TEST(pipe_keeps_order_over_all_sizes) {
    auto ends = new_pipe(FileFlags::kNonBlocking);
    KTEST_REQUIRE(ends.has_value());
    std::size_t written = 0;
    std::size_t read = 0;
    std::uint32_t random = 1;
    for (int round = 0; round < 20000; ++round) {
        random = random * 1664525 + 1013904223;
        const std::size_t size = (random >> 16) % ((random & 8) != 0 ? 6000 : 70) + 1;
        if ((random & 1) != 0) {
            for (std::size_t i = 0; i < size; ++i)
                big[i] = static_cast<std::byte>((written + i) % 251);
            written += write_bytes(*ends->writer, std::span(big).first(size)).value_or(0);
        } else {
            const std::size_t got =
                read_bytes(*ends->reader, std::span(big).first(size)).value_or(0);
            for (std::size_t i = 0; i < got; ++i) {
                KTEST_REQUIRE(big[i] == static_cast<std::byte>((read + i) % 251));
            }
            read += got;
        }
    }
    KTEST_EXPECT(read > 1'000'000 && written - read <= kPipeCapacity);
    KTEST_EXPECT_EQ(ends->reader->readable_bytes().value_or(0), written - read);
}

KERNEL_TEST(pipe_writes_of_pipe_buf_are_whole_or_not_at_all) {
    auto ends = new_pipe(FileFlags::kNonBlocking);
    KTEST_REQUIRE(ends.has_value());
    KTEST_EXPECT_EQ(write_bytes(*ends->writer, std::span(big)).value_or(0), kPipeCapacity);
    KTEST_EXPECT_EQ(read_bytes(*ends->reader, std::span(big).first(100)).value_or(0), 100u);
    KTEST_EXPECT_EQ(write_bytes(*ends->writer, std::span(big).first(101)).error(), Errno::AGAIN);
    KTEST_EXPECT_EQ(write_bytes(*ends->writer, std::span(big).first(100)).value_or(0), 100u);
    KTEST_EXPECT(ends->writer->poll(nullptr) == PollEvents::kNone);
}

KERNEL_TEST(pipe_tells_of_closed_ends) {
    auto ends = new_pipe(FileFlags::kNone);
    KTEST_REQUIRE(ends.has_value());
    std::byte some[4] = {};
    ends->reader->opened();
    ends->writer->opened();
    KTEST_EXPECT_EQ(write_bytes(*ends->writer, some).value_or(0), 4u);
    ends->writer->closed();
    KTEST_EXPECT_EQ(read_bytes(*ends->reader, some).value_or(0), 4u);
    KTEST_EXPECT_EQ(read_bytes(*ends->reader, some).value_or(1), 0u);
    auto other = new_pipe(FileFlags::kNone);
    KTEST_REQUIRE(other.has_value());
    other->reader->opened();
    other->reader->closed();
    KTEST_EXPECT_EQ(write_bytes(*other->writer, some).error(), Errno::PIPE);
}

constexpr std::size_t kStreamed = 4 << 20;

void send_all(void* argument) {
    auto& writer = *static_cast<File*>(argument);
    static constinit std::byte block[10000] = {};
    std::size_t sent = 0;
    while (sent < kStreamed) {
        const std::size_t size = std::min(kStreamed - sent, sent % sizeof(block) + 1);
        for (std::size_t i = 0; i < size; ++i) block[i] = static_cast<std::byte>((sent + i) % 253);
        sent += write_bytes(writer, std::span(block).first(size)).value_or(0);
    }
    writer.closed();
}

KERNEL_TEST(pipe_streams_between_threads) {
    auto ends = new_pipe(FileFlags::kNone);
    KTEST_REQUIRE(ends.has_value());
    ends->writer->opened();
    auto sender = Thread::create_kernel("pipe-sender", send_all, ends->writer.get());
    KTEST_REQUIRE(sender.has_value());
    start_thread(**sender);
    std::size_t received = 0;
    for (;;) {
        const std::size_t want = received % 7919 + 1;
        const std::size_t got = read_bytes(*ends->reader, std::span(big).first(want)).value_or(0);
        if (got == 0) break;
        for (std::size_t i = 0; i < got; ++i) {
            KTEST_REQUIRE(big[i] == static_cast<std::byte>((received + i) % 253));
        }
        received += got;
    }
    KTEST_EXPECT_EQ(received, kStreamed);
}

}  // namespace

}  // namespace exo
