// A growing array whose growth can fail: every insertion returns a Result (style: create).
// Elements move when it grows. Unsynchronised.
#pragma once

#include <cstddef>
#include <new>
#include <span>
#include <utility>

#include "lib/base/panic.h"
#include "lib/base/result.h"

namespace exo {

template <typename T>
class Vector {
  public:
    Vector() = default;
    Vector(Vector&& other) noexcept
        : data_(std::exchange(other.data_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          capacity_(std::exchange(other.capacity_, 0)) {}
    Vector& operator=(Vector&& other) noexcept {
        std::swap(data_, other.data_);
        std::swap(size_, other.size_);
        std::swap(capacity_, other.capacity_);
        return *this;
    }
    ~Vector() {
        clear();
        ::operator delete(data_, std::align_val_t(alignof(T)));
    }

    /// Room for `wanted` elements. NOMEM: nothing changed.
    Result<void> reserve(std::size_t wanted) {
        if (wanted <= capacity_) return {};
        std::size_t bytes;
        if (__builtin_mul_overflow(wanted, sizeof(T), &bytes)) return Errno::NOMEM;
        void* memory = ::operator new(bytes, std::align_val_t(alignof(T)), std::nothrow);
        if (memory == nullptr) return Errno::NOMEM;
        T* moved = static_cast<T*>(memory);
        for (std::size_t i = 0; i < size_; ++i) {
            new (&moved[i]) T(std::move(data_[i]));
            data_[i].~T();
        }
        ::operator delete(data_, std::align_val_t(alignof(T)));
        data_ = moved;
        capacity_ = wanted;
        return {};
    }

    /// NOMEM: nothing changed.
    Result<void> push_back(T value) {
        if (size_ == capacity_) TRY(reserve(capacity_ == 0 ? 4 : capacity_ * 2));
        new (&data_[size_]) T(std::move(value));
        ++size_;
        return {};
    }

    /// `size` elements, new ones value-initialised. NOMEM: nothing changed.
    Result<void> resize(std::size_t size) {
        TRY(reserve(size));
        while (size_ < size) new (&data_[size_++]) T();
        while (size_ > size) data_[--size_].~T();
        return {};
    }

    void pop_back() {
        EXO_CHECK(size_ != 0, "pop from an empty vector");
        data_[--size_].~T();
    }
    void clear() {
        while (size_ != 0) data_[--size_].~T();
    }

    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] std::size_t capacity() const { return capacity_; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    T* data() { return data_; }
    const T* data() const { return data_; }
    T* begin() { return data_; }
    T* end() { return data_ + size_; }
    const T* begin() const { return data_; }
    const T* end() const { return data_ + size_; }
    T& back() { return (*this)[size_ - 1]; }
    T& operator[](std::size_t at) {
        EXO_CHECK(at < size_, "beyond the end of a vector");
        return data_[at];
    }
    const T& operator[](std::size_t at) const {
        EXO_CHECK(at < size_, "beyond the end of a vector");
        return data_[at];
    }
    operator std::span<T>() { return {data_, size_}; }
    operator std::span<const T>() const { return {data_, size_}; }

  private:
    T* data_ = nullptr;
    std::size_t size_ = 0;
    std::size_t capacity_ = 0;
};

}  // namespace exo
