#include "kernel/object/handle_table.h"

#include "kernel/core/ktest.h"

namespace exo {

namespace {

class Counted final : public Object {
  public:
    Counted() : Object(ObjectType::kThread) {}
    unsigned closes = 0;

  private:
    void on_last_close() override { ++closes; }
};

KERNEL_TEST(handles_are_the_lowest_free_numbers) {
    auto table = HandleTable::create();
    auto object = make_ref<Counted>();
    KTEST_REQUIRE(table.has_value() && object.has_value());
    const auto put = [&](std::int32_t least = 0) {
        auto place = (*table)->reserve(1000, Fd{least});
        return place ? place->commit({*object, Rights::kRead}, CloseOnExec::kNo) : Fd{-1};
    };
    for (std::int32_t i = 0; i < 100; ++i) KTEST_EXPECT_EQ(put(), Fd{i});
    KTEST_EXPECT((*table)->close(Fd{7}).has_value() && (*table)->close(Fd{3}).has_value());
    KTEST_EXPECT_EQ(put(5), Fd{7});
    KTEST_EXPECT_EQ(put(), Fd{3});
    KTEST_EXPECT_EQ(put(500), Fd{500});
    KTEST_EXPECT_EQ(put(), Fd{100});
    KTEST_EXPECT_EQ((*table)->reserve(50).error(), Errno::MFILE);
    KTEST_EXPECT_EQ((*table)->get(Fd{3}, Rights::kWrite).error(), Errno::BADF);
    KTEST_EXPECT_EQ((*table)->get(Fd{-1}).error(), Errno::BADF);
    {
        auto dropped = (*table)->reserve(1000);
    }
    KTEST_EXPECT_EQ(put(), Fd{101});
}

KERNEL_TEST(the_last_handle_closes_its_object_once) {
    auto table = HandleTable::create();
    auto object = make_ref<Counted>();
    KTEST_REQUIRE(table.has_value() && object.has_value());
    auto place = (*table)->reserve(10);
    KTEST_REQUIRE(place.has_value());
    const Fd fd = place->commit({*object, Rights::kAll}, CloseOnExec::kYes);
    KTEST_EXPECT(
        (*table)->replace(Fd{4}, {*object, Rights::kAll}, CloseOnExec::kNo, 10).has_value());
    KTEST_EXPECT_EQ(
        (*table)->replace(Fd{10}, {*object, Rights::kAll}, CloseOnExec::kNo, 10).error(),
        Errno::BADF);
    auto child = (*table)->copy();
    KTEST_REQUIRE(child.has_value());
    unsigned seen = 0;
    (*child)->for_each([&](Fd, const Handle&) { ++seen; });
    KTEST_EXPECT_EQ(seen, 2u);
    (*table)->close_for_exec();
    KTEST_EXPECT_EQ((*table)->close(fd).error(), Errno::BADF);
    KTEST_EXPECT((*table)->close(Fd{4}).has_value());
    KTEST_EXPECT_EQ((*object)->closes, 0u);
    (*child)->close_all();
    KTEST_EXPECT_EQ((*object)->closes, 1u);
}

}  // namespace

}  // namespace exo
