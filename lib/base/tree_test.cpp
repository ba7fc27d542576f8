#include "lib/base/tree.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <vector>

namespace exo {
namespace {

struct Item {
    explicit Item(std::uint64_t k) : key(k) {}
    std::uint64_t key;
    TreeLink link;
};

using Items = Tree<Item, &Item::link, &Item::key>;

/// Height of a correct AVL subtree; fails the test where it is not one.
int check(const TreeLink* node, const TreeLink* parent) {
    if (node == nullptr) return 0;
    EXPECT_EQ(node->parent, parent);
    const int left = check(node->left, node);
    const int right = check(node->right, node);
    EXPECT_LE(std::abs(left - right), 1);
    EXPECT_EQ(node->height, std::max(left, right) + 1);
    return node->height;
}

int check(Items& items) {
    const TreeLink* root = items.empty() ? nullptr : &items.first()->link;
    while (root != nullptr && root->parent != nullptr) root = root->parent;
    return check(root, nullptr);
}

TEST(TreeTest, empty_tree_finds_nothing) {
    const Items items;
    EXPECT_TRUE(items.empty());
    EXPECT_EQ(items.first(), nullptr);
    EXPECT_EQ(items.last(), nullptr);
    EXPECT_EQ(items.at_or_before(7), nullptr);
    EXPECT_EQ(items.at_or_after(7), nullptr);
}

TEST(TreeTest, ascending_insertion_stays_balanced) {
    Items items;
    std::vector<std::unique_ptr<Item>> owned;
    for (std::uint64_t key = 0; key < 1024; ++key) {
        owned.push_back(std::make_unique<Item>(key));
        items.insert(*owned.back());
    }
    EXPECT_LE(check(items), 11);
    std::uint64_t expected = 0;
    for (Item* item = items.first(); item != nullptr; item = items.next(*item)) {
        EXPECT_EQ(item->key, expected++);
    }
    EXPECT_EQ(expected, 1024U);
    for (Item* item = items.last(); item != nullptr; item = items.previous(*item)) {
        EXPECT_EQ(item->key, --expected);
    }
}

TEST(TreeTest, random_changes_agree_with_a_set) {
    std::mt19937_64 random(42);
    Items items;
    std::set<std::uint64_t> oracle;
    std::vector<std::unique_ptr<Item>> owned;
    owned.reserve(300);
    for (std::uint64_t key = 0; key < 300; ++key) owned.push_back(std::make_unique<Item>(key));
    for (int step = 0; step < 20000; ++step) {
        const std::uint64_t key = random() % owned.size();
        Item& item = *owned[key];
        if (item.link.linked()) {
            items.erase(item);
            oracle.erase(key);
        } else {
            items.insert(item);
            oracle.insert(key);
        }
        if (step % 16 == 0) check(items);
        const std::uint64_t probe = random() % owned.size();
        const auto after = oracle.lower_bound(probe);
        const Item* found = items.at_or_after(probe);
        ASSERT_EQ(found != nullptr, after != oracle.end());
        if (found != nullptr) ASSERT_EQ(found->key, *after);
        const auto beyond = oracle.upper_bound(probe);
        found = items.at_or_before(probe);
        ASSERT_EQ(found != nullptr, beyond != oracle.begin());
        if (found != nullptr) ASSERT_EQ(found->key, *std::prev(beyond));
    }
    while (Item* item = items.first()) items.erase(*item);
    EXPECT_TRUE(items.empty());
}

}  // namespace
}  // namespace exo
