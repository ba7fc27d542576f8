// An intrusive balanced search tree (AVL: Adelson-Velsky and Landis 1962): members carry their
// links, so insertion cannot fail. Ordered by a member that does not change while linked, unique.
// Unsynchronised; nothing recurses.
//
//   struct Mapping { std::uint64_t begin; TreeLink link; };
//   Tree<Mapping, &Mapping::link, &Mapping::begin> mappings;
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>
#include <utility>

#include "lib/base/panic.h"

namespace exo {

struct TreeLink {
    TreeLink* parent = nullptr;
    TreeLink* left = nullptr;
    TreeLink* right = nullptr;
    std::int32_t height = 0;  ///< of the subtree; 0: in no tree

    TreeLink() = default;
    TreeLink(const TreeLink&) = delete;
    TreeLink& operator=(const TreeLink&) = delete;

    [[nodiscard]] bool linked() const { return height != 0; }
};

/// The part that knows of links only.
class TreeBase {
  public:
    [[nodiscard]] bool empty() const { return root_ == nullptr; }

  protected:
    static TreeLink* leftmost(TreeLink* node) {
        while (node != nullptr && node->left != nullptr) node = node->left;
        return node;
    }
    static TreeLink* rightmost(TreeLink* node) {
        while (node != nullptr && node->right != nullptr) node = node->right;
        return node;
    }
    static TreeLink* next_link(TreeLink* node) {
        if (node->right != nullptr) return leftmost(node->right);
        while (node->parent != nullptr && node == node->parent->right) node = node->parent;
        return node->parent;
    }
    static TreeLink* previous_link(TreeLink* node) {
        if (node->left != nullptr) return rightmost(node->left);
        while (node->parent != nullptr && node == node->parent->left) node = node->parent;
        return node->parent;
    }

    void insert_link(TreeLink& node, TreeLink* parent, TreeLink*& place) {
        EXO_CHECK(!node.linked(), "a tree member is inserted twice");
        node.parent = parent;
        node.height = 1;
        place = &node;
        rebalance(parent);
    }

    void erase_link(TreeLink& node) {
        EXO_CHECK(node.linked(), "erased from a tree it is not in");
        TreeLink* start;
        if (node.left != nullptr && node.right != nullptr) {
            // The next in order has no left child: it takes this one's place.
            TreeLink* const heir = leftmost(node.right);
            start = heir;
            if (heir->parent != &node) {
                start = heir->parent;
                replace(*heir, heir->right);
                heir->right = node.right;
                heir->right->parent = heir;
            }
            heir->left = node.left;
            heir->left->parent = heir;
            heir->height = node.height;
            replace(node, heir);
        } else {
            start = node.parent;
            replace(node, node.left != nullptr ? node.left : node.right);
        }
        rebalance(start);
        node.parent = node.left = node.right = nullptr;
        node.height = 0;
    }

    TreeLink* root_ = nullptr;

  private:
    static std::int32_t height_of(const TreeLink* node) {
        return node == nullptr ? 0 : node->height;
    }
    static std::int32_t balance_of(const TreeLink& node) {
        return height_of(node.left) - height_of(node.right);
    }
    static void update(TreeLink& node) {
        node.height = std::max(height_of(node.left), height_of(node.right)) + 1;
    }

    /// Puts `other`, perhaps nothing, where `node` hangs.
    void replace(TreeLink& node, TreeLink* other) {
        TreeLink* const parent = node.parent;
        if (parent == nullptr) {
            root_ = other;
        } else if (parent->left == &node) {
            parent->left = other;
        } else {
            parent->right = other;
        }
        if (other != nullptr) other->parent = parent;
    }

    /// Both return the node that is above now.
    TreeLink* rotate_left(TreeLink* node) {
        TreeLink* const up = node->right;
        node->right = up->left;
        if (node->right != nullptr) node->right->parent = node;
        replace(*node, up);
        up->left = node;
        node->parent = up;
        update(*node);
        update(*up);
        return up;
    }
    TreeLink* rotate_right(TreeLink* node) {
        TreeLink* const up = node->left;
        node->left = up->right;
        if (node->left != nullptr) node->left->parent = node;
        replace(*node, up);
        up->right = node;
        node->parent = up;
        update(*node);
        update(*up);
        return up;
    }

    /// From `node` upwards until nothing changes.
    void rebalance(TreeLink* node) {
        for (; node != nullptr; node = node->parent) {
            const std::int32_t before = node->height;
            update(*node);
            if (balance_of(*node) > 1) {
                if (balance_of(*node->left) < 0) rotate_left(node->left);
                node = rotate_right(node);
            } else if (balance_of(*node) < -1) {
                if (balance_of(*node->right) > 0) rotate_right(node->right);
                node = rotate_left(node);
            }
            if (node->height == before) break;
        }
    }
};

template <typename T, TreeLink T::* kLink, auto kKey>
class Tree : public TreeBase {
  public:
    using Key = std::remove_cvref_t<decltype(std::declval<T>().*kKey)>;

    Tree() = default;
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;

    /// The first and the last member; nullptr when empty.
    [[nodiscard]] T* first() const { return owner(leftmost(root_)); }
    [[nodiscard]] T* last() const { return owner(rightmost(root_)); }
    /// The neighbours of a member; nullptr at the end.
    [[nodiscard]] T* next(T& item) const { return owner(next_link(&(item.*kLink))); }
    [[nodiscard]] T* previous(T& item) const { return owner(previous_link(&(item.*kLink))); }

    /// The last member whose key is at most `key`; nullptr: none.
    [[nodiscard]] T* at_or_before(const Key& key) const {
        TreeLink* best = nullptr;
        for (TreeLink* node = root_; node != nullptr;) {
            if (key < owner(node)->*kKey) {
                node = node->left;
            } else {
                best = node;
                node = node->right;
            }
        }
        return owner(best);
    }
    /// The first member whose key is at least `key`; nullptr: none.
    [[nodiscard]] T* at_or_after(const Key& key) const {
        TreeLink* best = nullptr;
        for (TreeLink* node = root_; node != nullptr;) {
            if (owner(node)->*kKey < key) {
                node = node->right;
            } else {
                best = node;
                node = node->left;
            }
        }
        return owner(best);
    }

    /// No member has the same key.
    void insert(T& item) {
        TreeLink* parent = nullptr;
        TreeLink** place = &root_;
        while (*place != nullptr) {
            parent = *place;
            place = item.*kKey < owner(parent)->*kKey ? &parent->left : &parent->right;
        }
        insert_link(item.*kLink, parent, *place);
    }
    void erase(T& item) { erase_link(item.*kLink); }

  private:
    static T* owner(TreeLink* link) {
        if (link == nullptr) return nullptr;
        // offsetof for a pointer to member: the distance within a T that is never read.
        alignas(T) static constinit char storage[1] = {};
        const auto* probe = reinterpret_cast<const T*>(&storage);
        const auto offset = reinterpret_cast<std::uintptr_t>(&(probe->*kLink)) -
                            reinterpret_cast<std::uintptr_t>(probe);
        return reinterpret_cast<T*>(reinterpret_cast<std::uintptr_t>(link) - offset);
    }
};

}  // namespace exo
