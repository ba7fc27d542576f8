#include "lib/base/list.h"

#include <gtest/gtest.h>

namespace exo {
namespace {

struct Item {
    explicit Item(int n) : number(n) {}
    int number;
    ListLink link;
};

using Items = List<Item, &Item::link>;

TEST(List, keeps_order_and_gives_back_members) {
    Items items;
    Item a(1), b(2), c(3);
    items.push_back(b);
    items.push_back(c);
    items.push_front(a);
    EXPECT_EQ(items.front(), &a);
    EXPECT_EQ(items.next(a), &b);
    EXPECT_EQ(items.back(), &c);
    EXPECT_EQ(items.next(c), nullptr);
    EXPECT_EQ(items.previous(c), &b);
    EXPECT_EQ(items.previous(a), nullptr);
    b.link.unlink();
    EXPECT_EQ(items.pop_front()->number, 1);
    EXPECT_EQ(items.pop_front()->number, 3);
    EXPECT_EQ(items.pop_front(), nullptr);
    EXPECT_TRUE(items.empty());
    EXPECT_FALSE(b.link.linked());
}

TEST(List, inserts_in_the_middle_and_at_the_front) {
    Items items;
    Item a(1), b(2), c(3);
    items.push_back(c);
    items.insert_before(a, c);
    items.insert_before(b, c);
    EXPECT_EQ(items.front(), &a);
    EXPECT_EQ(items.next(a), &b);
    EXPECT_EQ(items.next(b), &c);
    EXPECT_EQ(items.back(), &c);
}

TEST(ListDeathTest, unlinking_what_is_not_linked_ends) {
    Item lonely(1);
    EXPECT_DEATH(lonely.link.unlink(), "list links are corrupt");
}

}  // namespace
}  // namespace exo
