// The buffer pool's real code: a buffer has one holder at a time, what its last holder wrote is
// seen by the next, and no buffer is lost while nobody dies.
#include "lib/ring/pool.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>

#include "tests/model/ring_fixture.h"

namespace exo::ring {
namespace {

using model::OrderPart;

constexpr std::uint32_t kBuffers = 1;

struct SharedPool {
    SharedPool() {
        EXO_CHECK(Pool::create(memory, sizeof memory, {.count = kBuffers, .log2_buffer = kLog2}),
                  "no pool");
        for (std::uint32_t i = 0; i < 3; ++i)
            doors[i].emplace(*Pool::attach(memory, sizeof memory, i + 1));
    }
    static constexpr std::uint8_t kLog2 = abi::kPoolMinLog2;
    alignas(abi::kPoolPage) std::byte memory[abi::kPoolPage + (kBuffers << kLog2)];
    std::optional<Pool> doors[3];
};

Buffer allocate(Pool& pool) {
    auto buffer = [&] {
        for (;;) {
            model::begin_round();
            auto attempt = pool.allocate();
            if (attempt) return attempt;
            EXO_MODEL_REQUIRE(attempt.error() == Errno::NOBUFS, "allocate failed");
            cpu_relax();
        }
    }();
    return *std::move(buffer);
}

void use(const Buffer& buffer) {
    EXO_RACE_CHECK_WRITE(buffer.bytes().data(), buffer.bytes().size());
}

// More takers than buffers: each waits until another has freed, by what allocate() says.
EXO_MODEL_TEST(PoolModel, every_taker_gets_the_one_buffer_in_turn) {
    auto& pool = program.make<SharedPool>();
    for (std::uint32_t me = 0; me < 2; ++me)
        program.thread("taker", [&pool, me] {
            const Buffer buffer = allocate(*pool.doors[me]);
            use(buffer);
        });
    program.at_end([&pool] { EXO_MODEL_REQUIRE(pool.doors[2]->allocate(), "the buffer is lost"); });
}

TEST(PoolOrders, are_needed) {
    model::expect_orders_needed("lib/ring/pool.h", {{"fetch_and(~bit, ", OrderPart::kAcquire},
                                                    {"<< index % 64, ", OrderPart::kRelease}});
}

}  // namespace
}  // namespace exo::ring
