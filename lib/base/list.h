// An intrusive, circular, doubly linked list: members carry their links (style: intrusive), so
// insertion cannot fail and removal needs no search. Unsynchronised; a member is in at most one
// list per link, and both list and members stay where they are while linked.
//
//   struct Thread { ListLink queue_link; };
//   List<Thread, &Thread::queue_link> queue;
#pragma once

#include <cstddef>
#include <cstdint>

#include "lib/base/panic.h"

namespace exo {

struct ListLink {
    ListLink* next = nullptr;
    ListLink* prev = nullptr;

    constexpr ListLink() = default;
    ListLink(const ListLink&) = delete;
    ListLink& operator=(const ListLink&) = delete;

    [[nodiscard]] bool linked() const { return next != nullptr; }

    /// Takes this out of whatever list it is in; it must be in one.
    void unlink() {
        EXO_CHECK(next != nullptr && next->prev == this && prev->next == this,
                  "list links are corrupt");
        next->prev = prev;
        prev->next = next;
        next = prev = nullptr;
    }
};

template <typename T, ListLink T::* kLink>
class List {
  public:
    constexpr List() { head_.next = head_.prev = &head_; }
    ~List() { head_.next = head_.prev = nullptr; }
    List(const List&) = delete;
    List& operator=(const List&) = delete;

    [[nodiscard]] bool empty() const { return head_.next == &head_; }

    void push_back(T& item) { insert(item.*kLink, *head_.prev); }
    void push_front(T& item) { insert(item.*kLink, head_); }

    /// Puts `item` in front of `position`, which is in this list.
    void insert_before(T& item, T& position) { insert(item.*kLink, *(position.*kLink).prev); }

    /// The first member; nullptr when empty.
    [[nodiscard]] T* front() { return empty() ? nullptr : owner(head_.next); }
    [[nodiscard]] T* back() { return empty() ? nullptr : owner(head_.prev); }

    /// The first member, taken out; nullptr when empty.
    T* pop_front() {
        if (empty()) return nullptr;
        ListLink* link = head_.next;
        link->unlink();
        return owner(link);
    }

    /// The member after `item`; nullptr at the end.
    [[nodiscard]] T* next(T& item) {
        ListLink* link = (item.*kLink).next;
        return link == &head_ ? nullptr : owner(link);
    }
    /// The member before `item`; nullptr at the start.
    [[nodiscard]] T* previous(T& item) {
        ListLink* link = (item.*kLink).prev;
        return link == &head_ ? nullptr : owner(link);
    }

  private:
    static void insert(ListLink& link, ListLink& after) {
        EXO_CHECK(!link.linked(), "a list member is inserted twice");
        link.prev = &after;
        link.next = after.next;
        after.next->prev = &link;
        after.next = &link;
    }

    static T* owner(ListLink* link) {
        // offsetof for a pointer to member: the distance within a T that is never read.
        alignas(T) static constinit char storage[1] = {};
        const auto* probe = reinterpret_cast<const T*>(&storage);
        const auto offset = reinterpret_cast<std::uintptr_t>(&(probe->*kLink)) -
                            reinterpret_cast<std::uintptr_t>(probe);
        return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(link) - offset);
    }

    ListLink head_;
};

}  // namespace exo
