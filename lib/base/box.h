// Sole ownership of a heap object (style: ref). Never empty but after a move.
#pragma once

#include <new>
#include <type_traits>
#include <utility>

#include "lib/base/result.h"

namespace exo {

template <typename T>
class [[nodiscard]] Box {
  public:
    /// NOMEM.
    template <typename... Arguments>
    static Result<Box> create(Arguments&&... arguments) {
        T* object = new (std::nothrow) T(std::forward<Arguments>(arguments)...);
        if (object == nullptr) return Errno::NOMEM;
        return Box(object);
    }

    /// Of a T that is not set to anything, for who fills it. NOMEM.
    static Result<Box> create_for_overwrite() {
        T* object = new (std::nothrow) T;
        if (object == nullptr) return Errno::NOMEM;
        return Box(object);
    }

    explicit Box(T* owned) : object_(owned) {}
    Box(Box&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    Box(Box<U>&& other) : object_(other.release()) {}
    Box& operator=(Box&& other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it does not see through Result
    ~Box() { delete object_; }

    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    T* get() const { return object_; }
    [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }

  private:
    T* object_;
};

}  // namespace exo
