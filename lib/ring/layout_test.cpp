#include "lib/ring/layout.h"

#include <gtest/gtest.h>

#include "lib/ring/spsc.h"
#include "lib/ring/testing.h"

namespace exo::ring {
namespace {

TEST(RingLayout, words_survive_encoding) {
    const SlotHeader header{
        .sequence = 0xfedcba98, .kind = SlotKind::kDescriptor, .length = 56, .tag = 0xbeef};
    const auto decoded = SlotHeader::decode(header.encode());
    EXPECT_EQ(decoded.sequence, header.sequence);
    EXPECT_EQ(decoded.kind, header.kind);
    EXPECT_EQ(decoded.length, header.length);
    EXPECT_EQ(decoded.tag, header.tag);
    const RingGeometry geometry{RingFlavour::kMpmc, 20, 1024};
    EXPECT_EQ(RingGeometry::decode(geometry.encode()), geometry);
}

TEST(RingLayout, a_claim_covers_its_run_also_where_positions_wrap) {
    const abi::ClaimIntent intent{
        .position = 0xffffffff, .count = 3, .role = abi::EndpointRole::kProducer};
    EXPECT_FALSE(intent.covers(0xfffffffe));
    EXPECT_TRUE(intent.covers(0xffffffff));
    EXPECT_TRUE(intent.covers(1));
    EXPECT_FALSE(intent.covers(2));
    EXPECT_FALSE(abi::ClaimIntent{}.covers(0));
}

TEST(RingLayout, impossible_geometries_are_refused) {
    alignas(64) static std::byte memory[4096];
    const auto error = [](RingGeometry geometry) {
        const auto ring = RingMemory::create(memory, sizeof memory, geometry);
        return ring ? Errno{} : ring.error();
    };
    EXPECT_EQ(error({RingFlavour::kSpsc, 0, 0}), Errno::INVAL);
    EXPECT_EQ(error({RingFlavour::kSpsc, 21, 0}), Errno::INVAL);
    EXPECT_EQ(error({RingFlavour::kSpsc, 12, 0}), Errno::NOBUFS);
    EXPECT_EQ(error({RingFlavour::kMpmc, 1, 0}), Errno::INVAL);
    EXPECT_EQ(error({RingFlavour::kMpmc, 1, 1025}), Errno::INVAL);
    EXPECT_EQ(error({static_cast<RingFlavour>(9), 1, 1}), Errno::INVAL);
    EXPECT_EQ(error({RingFlavour::kMpsc, 1, 1}), Errno{});
    EXPECT_EQ(RingMemory::create(memory + 8, sizeof memory - 8, {RingFlavour::kSpsc, 1, 0}).error(),
              Errno::INVAL);
}

TEST(RingLayout, attach_believes_only_what_fits_the_mapping) {
    const TestRing ring(RingFlavour::kSpsc, 4);
    auto& header = *static_cast<Header*>(ring.data());
    EXPECT_TRUE(RingMemory::attach(ring.data(), ring.size()));
    EXPECT_EQ(RingMemory::attach(ring.data(), ring.size() - 1).error(), Errno::PROTO);
    EXPECT_EQ(RingMemory::attach(ring.data(), 63).error(), Errno::PROTO);

    const auto attach_to = [&](RingGeometry geometry) {
        header.geometry.store(geometry.encode());
        return RingMemory::attach(ring.data(), ring.size()).error();
    };
    EXPECT_EQ(attach_to({RingFlavour::kSpsc, 5, 0}), Errno::PROTO);
    EXPECT_EQ(attach_to({RingFlavour::kSpsc, 63, 0}), Errno::PROTO);
    EXPECT_EQ(attach_to({RingFlavour::kMpmc, 3, 0xffff}), Errno::PROTO);
    EXPECT_EQ(attach_to({static_cast<RingFlavour>(0), 3, 0}), Errno::PROTO);
    const RingGeometry good{RingFlavour::kSpsc, 4, 0};
    header.geometry.store(good.encode() | std::uint64_t{1} << 60);
    EXPECT_EQ(RingMemory::attach(ring.data(), ring.size()).error(), Errno::PROTO);
    header.geometry.store(good.encode() + 1);
    EXPECT_EQ(RingMemory::attach(ring.data(), ring.size()).error(), Errno::PROTONOSUPPORT);
    header.geometry.store(good.encode());
    header.magic.store(0);
    EXPECT_EQ(RingMemory::attach(ring.data(), ring.size()).error(), Errno::PROTO);
}

TEST(RingLayout, an_endpoint_keeps_its_own_geometry) {
    const TestRing ring(RingFlavour::kSpsc, 2);
    auto producer = *SpscProducer::attach(ring.memory());
    auto& header = *static_cast<Header*>(ring.data());
    header.geometry.store(RingGeometry{RingFlavour::kSpsc, 20, 0}.encode());
    for (std::uint64_t i = 0; i < 4; ++i) EXPECT_TRUE(producer.try_send(numbered(i)));
    EXPECT_EQ(producer.try_send(numbered(4)).error(), Errno::AGAIN);
}

}  // namespace
}  // namespace exo::ring
