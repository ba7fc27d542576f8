#include "lib/base/radix_tree.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace exo {
namespace {

void clear(RadixTree& tree) {
    tree.erase_from(0, [](std::uint64_t) {});
}

TEST(RadixTreeTest, finds_what_was_set_at_any_index) {
    RadixTree tree;
    const std::uint64_t indexes[] = {0, 1, 63, 64, 4095, 4096, 1ULL << 40, ~0ULL};
    for (const auto index : indexes) {
        EXPECT_EQ(tree.get(index), 0U);
        ASSERT_TRUE(tree.set(index, index + 100));
        for (const auto other : indexes) {
            EXPECT_EQ(tree.get(other), other <= index ? other + 100 : 0);
        }
    }
    EXPECT_EQ(tree.get(2), 0U);
    clear(tree);
    EXPECT_EQ(tree.get(0), 0U);
}

TEST(RadixTreeTest, random_changes_agree_with_a_map) {
    std::mt19937_64 random(7);
    RadixTree tree;
    std::map<std::uint64_t, std::uint64_t> oracle;
    for (int step = 0; step < 5000; ++step) {
        const std::uint64_t index = random() % (step % 7 == 0 ? 1'000'000 : 3000);
        if (step % 50 == 49) {
            auto at = oracle.lower_bound(index);
            tree.erase_from(index, [&](std::uint64_t value) {
                ASSERT_NE(at, oracle.end());
                EXPECT_EQ(value, at->second);
                ++at;
            });
            EXPECT_EQ(at, oracle.end()) << "not all were erased";
            oracle.erase(oracle.lower_bound(index), oracle.end());
        } else if (oracle.find(index) == oracle.end()) {
            const std::uint64_t value = random() | 1;
            oracle[index] = value;
            ASSERT_TRUE(tree.set(index, value));
        }
        const std::uint64_t probe = random() % 3000;
        const auto found = oracle.find(probe);
        ASSERT_EQ(tree.get(probe), found == oracle.end() ? 0 : found->second);
    }
    clear(tree);
}

}  // namespace
}  // namespace exo
