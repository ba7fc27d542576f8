#include "lib/base/pcid_slots.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <vector>

namespace exo {
namespace {

using Action = PcidSlots::Action;

TEST(PcidSlots, KeepsWhatItKnows) {
    PcidSlots slots;
    const auto first = slots.enter(10, 0);
    EXPECT_FALSE(first.keep);
    EXPECT_NE(first.pcid, 0U) << "the kernel's";
    const auto second = slots.enter(11, 5);
    EXPECT_FALSE(second.keep);
    EXPECT_NE(second.pcid, first.pcid);
    const auto again = slots.enter(10, 0);
    EXPECT_TRUE(again.keep);
    EXPECT_EQ(again.pcid, first.pcid);
}

TEST(PcidSlots, ForgetsWhatChangedMeanwhile) {
    PcidSlots slots;
    const auto first = slots.enter(10, 0);
    slots.enter(11, 0);
    const auto changed = slots.enter(10, 1);
    EXPECT_EQ(changed.pcid, first.pcid);
    EXPECT_FALSE(changed.keep);
    EXPECT_TRUE(slots.enter(10, 1).keep);
}

TEST(PcidSlots, AReusedPcidKeepsNothing) {
    PcidSlots slots;
    for (std::uint64_t space = 1; space <= PcidSlots::kSlots; ++space) slots.enter(space, 0);
    const auto more = slots.enter(100, 0);
    EXPECT_FALSE(more.keep);
    EXPECT_LE(more.pcid, PcidSlots::kSlots);
    EXPECT_FALSE(slots.enter(1, 0).keep) << "the oldest had to go";
}

TEST(PcidSlots, CatchesUp) {
    PcidSlots slots;
    slots.enter(10, 4);
    EXPECT_EQ(slots.catch_up(4, 1), Action::kNothing);
    EXPECT_EQ(slots.catch_up(5, PcidSlots::kMostPages), Action::kForgetPages);
    EXPECT_EQ(slots.catch_up(5, 1), Action::kNothing);
    EXPECT_EQ(slots.catch_up(6, PcidSlots::kMostPages + 1), Action::kForgetAll);
    slots.forgot_all(6);
    EXPECT_EQ(slots.catch_up(8, 1), Action::kForgetAll) << "change 7 is missing";
    slots.forgot_all(8);
    EXPECT_TRUE(slots.enter(10, 8).keep);
}

/// A machine whose TLB remembers, by PCID, of which space and as of which change each page is.
class Machine {
  public:
    static constexpr std::size_t kPages = 24;

    void enter(std::uint64_t space) {
        const auto choice = slots_.enter(space, changes_[space].size());
        current_ = space;
        auto& tlb = tlbs_.at(choice.pcid);
        if (!choice.keep) tlb = {};
    }
    void touch(std::size_t page) {
        Entry& entry = tlbs_.at(slots_.pcid()).at(page);
        if (!entry.held) entry = {true, current_, last_change(current_, page)};
        ASSERT_EQ(entry.space, current_) << "another space's page";
        ASSERT_EQ(entry.change, last_change(current_, page)) << "stale";
    }
    /// Somebody changes pages of a space; told to this CPU only if it is the current one.
    void change(std::uint64_t space, std::size_t first, std::size_t count) {
        changes_[space].push_back({first, count});
        if (space != current_) return;
        auto& tlb = tlbs_.at(slots_.pcid());
        const std::uint64_t now = changes_[space].size();
        switch (slots_.catch_up(now, count)) {
            case Action::kNothing:
                break;
            case Action::kForgetPages:
                for (std::size_t page = first; page < first + count; ++page) tlb.at(page) = {};
                break;
            case Action::kForgetAll:
                tlb = {};
                slots_.forgot_all(now);
                break;
        }
    }

  private:
    struct Change {
        std::size_t first, count;
    };
    struct Entry {
        bool held = false;
        std::uint64_t space = 0;
        std::size_t change = 0;
    };
    std::size_t last_change(std::uint64_t space, std::size_t page) {
        const auto& all = changes_[space];
        for (std::size_t i = all.size(); i-- > 0;)
            if (page >= all[i].first && page < all[i].first + all[i].count) return i + 1;
        return 0;
    }

    PcidSlots slots_;
    std::uint64_t current_ = 0;
    std::map<std::uint64_t, std::vector<Change>> changes_;
    std::array<std::array<Entry, kPages>, PcidSlots::kSlots + 1> tlbs_;
};

TEST(PcidSlots, NobodySeesAStaleTranslation) {
    std::mt19937 random(7);
    const auto below = [&](std::size_t end) { return random() % end; };
    Machine machine;
    machine.enter(1);
    for (int i = 0; i < 20'000; ++i) {
        switch (below(8)) {
            case 0:
                machine.enter(1 + below(10));
                break;
            case 1: {
                const std::size_t first = below(Machine::kPages);
                machine.change(1 + below(10), first, 1 + below(Machine::kPages - first));
                break;
            }
            default:
                ASSERT_NO_FATAL_FAILURE(machine.touch(below(Machine::kPages)));
        }
    }
}

}  // namespace
}  // namespace exo
