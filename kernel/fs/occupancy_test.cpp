// Files that are written to and files that run: each kind of claim keeps the other out, as long as
// one of it is left.
#include "kernel/fs/occupancy.h"

#include <gtest/gtest.h>

namespace exo {

namespace {

using enum Occupancy::Kind;

struct Used final : RefCounted {
    Occupancy occupancy;
    Result<FileClaim> claim(Occupancy::Kind kind) {
        return FileClaim::begin(occupancy, kind, RefPtr<RefCounted>(this));
    }
    Errno error(Occupancy::Kind kind) {
        const auto got = claim(kind);
        return got ? Errno{} : got.error();
    }
};

TEST(Occupancy, each_kind_keeps_the_other_out) {
    for (const auto& [kind, other] : {std::pair(kRun, kWrite), std::pair(kWrite, kRun)}) {
        const Ref<Used> used = MUST(make_ref<Used>());
        {
            const FileClaim first = MUST(used->claim(kind));
            const FileClaim second = MUST(used->claim(kind));
            EXPECT_EQ(used->error(other), Errno::TXTBSY);
            EXPECT_EQ(used->error(kind), Errno{});
            EXPECT_EQ(used->error(other), Errno::TXTBSY);
        }
        EXPECT_EQ(used->error(other), Errno{});
    }
}

TEST(Occupancy, a_claim_may_be_shared_and_moved) {
    const Ref<Used> used = MUST(make_ref<Used>());
    FileClaim kept;
    {
        const FileClaim first = MUST(used->claim(kRun));
        kept = first.again();
    }
    EXPECT_EQ(used->error(kWrite), Errno::TXTBSY);
    const FileClaim moved = std::move(kept);
    EXPECT_EQ(used->error(kWrite), Errno::TXTBSY);
    kept = {};
    EXPECT_EQ(used->error(kWrite), Errno::TXTBSY);
}

TEST(Occupancy, none_is_shared_as_none) {
    const FileClaim none;
    const FileClaim again = none.again();
}

}  // namespace

}  // namespace exo
