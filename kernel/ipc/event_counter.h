// A counter that is waited for (eventfd(2)): writing adds to it, reading takes all of it, or one.
#pragma once

#include "kernel/fs/file.h"

namespace exo {

class EventCounter final : public File {
  public:
    enum class Take : std::uint8_t { kAll, kOne };
    /// One less than what can be written: the counter stays below.
    static constexpr std::uint64_t kMost = ~std::uint64_t{0} - 1;

    static Result<Ref<EventCounter>> create(std::uint64_t value, Take take, FileFlags flags);

    /// Eight bytes each, INVAL for fewer (and for writing kMost + 1). Wait while there is nothing,
    /// or no room.
    Result<std::size_t> read(IoCursor& to) override;
    Result<std::size_t> write(IoCursor& from) override;
    PollEvents poll(PollTable* table) override;

    [[nodiscard]] std::uint64_t value() const { return value_.load(std::memory_order_acquire); }

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "[eventfd]"; }
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    EventCounter(std::uint64_t value, Take take, FileFlags flags)
        : File(ObjectType::kEvent, flags), take_(take), value_(value) {}

    bool try_take(std::uint64_t& taken);
    bool try_add(std::uint64_t amount);

    const Take take_;
    Atomic<std::uint64_t> value_;
    WaitQueue readable_, writable_;
};

}  // namespace exo
