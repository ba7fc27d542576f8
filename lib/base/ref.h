// Shared ownership, counted inside the object (style: ref). Ref<T> always refers to an object;
// RefPtr<T> may be empty. T& is borrowed for the call. An object begins with one reference, which
// adopt() takes over.
//
// Memory order: taking a reference orders nothing, since who takes one already holds or is
// protected by one. Giving one back is a release, and the last one an acquire as well: whoever
// destroys sees all that other owners wrote.
#pragma once

#include <cstdint>
#include <new>
#include <type_traits>
#include <utility>

#include "lib/base/atomic.h"
#include "lib/base/panic.h"
#include "lib/base/result.h"

namespace exo {

/// Base of what is counted. The last unref() calls destroy(), by default `delete`.
class RefCounted {
  public:
    RefCounted(const RefCounted&) = delete;
    RefCounted& operator=(const RefCounted&) = delete;

    void ref() const {
        const std::uint32_t before = count_.fetch_add(1, std::memory_order_relaxed);
        EXO_CHECK(before != 0 && before < kLimit, "reference to a dead object, or far too many");
    }

    void unref() const {
        if (unref_is_last()) const_cast<RefCounted*>(this)->destroy();
    }

    /// For statistics and for who holds a lock under which the count cannot grow.
    [[nodiscard]] std::uint32_t ref_count() const { return count_.load(std::memory_order_acquire); }

  protected:
    RefCounted() = default;
    virtual ~RefCounted() = default;
    virtual void destroy() { delete this; }

    /// Gives a reference back. True: it was the last, and the caller is to destroy; for classes
    /// that take chains of themselves apart without recursing (style: intrusive).
    [[nodiscard]] bool unref_is_last() const {
        const std::uint32_t before = count_.fetch_sub(1, std::memory_order_acq_rel);
        EXO_CHECK(before != 0, "reference given back twice");
        return before == 1;
    }

  private:
    static constexpr std::uint32_t kLimit = 1u << 31;
    mutable Atomic<std::uint32_t> count_{1};
};

template <typename T>
class RefPtr;

template <typename T>
class [[nodiscard]] Ref {
  public:
    /// Another reference to `object`.
    explicit Ref(T& object) : object_(&object) { object.ref(); }
    /// Takes over a reference that the caller owns.
    static Ref adopt(T& object) { return Ref(&object); }

    Ref(const Ref& other) : object_(other.object_) { object_->ref(); }
    Ref(Ref&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    Ref(const Ref<U>& other) : object_(&*other) {
        object_->ref();
    }
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    Ref(Ref<U>&& other) : object_(&other.release()) {}
    Ref& operator=(Ref other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~Ref() {
        if (object_ != nullptr) object_->unref();
    }

    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    T* get() const { return object_; }
    /// Gives the reference to the caller; this Ref may then only be destroyed or assigned to.
    [[nodiscard]] T& release() { return *std::exchange(object_, nullptr); }

  private:
    explicit Ref(T* object) : object_(object) {}
    friend class RefPtr<T>;
    T* object_;
};

template <typename T>
class [[nodiscard]] RefPtr {
  public:
    RefPtr() = default;
    RefPtr(std::nullptr_t) {}
    explicit RefPtr(T* object) : object_(object) {
        if (object != nullptr) object->ref();
    }
    RefPtr(const RefPtr& other) : RefPtr(other.object_) {}
    RefPtr(RefPtr&& other) noexcept : object_(std::exchange(other.object_, nullptr)) {}
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    RefPtr(const RefPtr<U>& other) : RefPtr(static_cast<T*>(other.get())) {}
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    RefPtr(const Ref<U>& other) : RefPtr(other.get()) {}
    template <typename U>
        requires std::is_convertible_v<U*, T*>
    RefPtr(Ref<U>&& other) : object_(&other.release()) {}
    RefPtr& operator=(RefPtr other) noexcept {
        std::swap(object_, other.object_);
        return *this;
    }
    ~RefPtr() {
        if (object_ != nullptr) object_->unref();
    }

    explicit operator bool() const { return object_ != nullptr; }
    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    T* get() const { return object_; }
    /// Gives the reference, if any, to the caller.
    [[nodiscard]] T* release() { return std::exchange(object_, nullptr); }
    /// A Ref of the same; there must be an object.
    [[nodiscard]] Ref<T> to_ref() const {
        EXO_CHECK(object_ != nullptr, "no object");
        return Ref<T>(*object_);
    }

  private:
    T* object_ = nullptr;
};

/// A new T as the first reference, or NOMEM.
template <typename T, typename... Arguments>
Result<Ref<T>> make_ref(Arguments&&... arguments) {
    T* object = new (std::nothrow) T(std::forward<Arguments>(arguments)...);
    if (object == nullptr) return Errno::NOMEM;
    return Ref<T>::adopt(*object);
}

}  // namespace exo
