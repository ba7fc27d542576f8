// A sparse array of 64-bit values by 64-bit index, 0 where nothing was set: a radix tree of nodes
// of 64 slots, as high as the largest index needs. Setting may fail for lack of memory.
// Unsynchronised.
#pragma once

#include <array>
#include <cstdint>
#include <new>

#include "lib/base/panic.h"
#include "lib/base/result.h"

namespace exo {

class RadixTree {
  public:
    RadixTree() = default;
    RadixTree(const RadixTree&) = delete;
    RadixTree& operator=(const RadixTree&) = delete;
    /// Whatever the values stand for was given back: the tree is empty.
    ~RadixTree() { EXO_CHECK(root_ == nullptr, "a radix tree dies with values in it"); }

    /// The value at `index`; 0: none.
    [[nodiscard]] std::uint64_t get(std::uint64_t index) const {
        if (!reaches(index)) return 0;
        const Node* node = root_;
        for (unsigned level = height_ - 1; level > 0; --level) {
            node = child(node->slots[slot_of(index, level)]);
            if (node == nullptr) return 0;
        }
        return node->slots[slot_of(index, 0)];
    }

    /// Sets the value, not 0, where there is none. NOMEM: nothing changed but empty nodes.
    Result<void> set(std::uint64_t index, std::uint64_t value) {
        while (!reaches(index)) TRY(grow());
        Node* node = root_;
        for (unsigned level = height_ - 1; level > 0; --level) {
            std::uint64_t& slot = node->slots[slot_of(index, level)];
            if (slot == 0) {
                Node* const fresh = new (std::nothrow) Node;
                if (fresh == nullptr) return Errno::NOMEM;
                slot = reinterpret_cast<std::uint64_t>(fresh);
                ++node->used;
            }
            node = child(slot);
        }
        EXO_ASSERT(node->slots[slot_of(index, 0)] == 0 && value != 0);
        node->slots[slot_of(index, 0)] = value;
        ++node->used;
        return {};
    }

    /// Takes all values from index `first` on out, in order, and tells `visit` of each.
    template <typename Visit>
    void erase_from(std::uint64_t first, Visit visit) {
        if (root_ == nullptr || (first != 0 && !reaches(first))) return;
        erase_below(*root_, height_ - 1, first, visit);
        if (root_->used != 0) return;
        delete root_;
        root_ = nullptr;
        height_ = 0;
    }

  private:
    static constexpr unsigned kBits = 6;
    static constexpr unsigned kSlots = 1U << kBits;

    struct Node {
        std::array<std::uint64_t, kSlots> slots = {};
        unsigned used = 0;
    };

    static unsigned slot_of(std::uint64_t index, unsigned level) {
        return static_cast<unsigned>(index >> (kBits * level)) % kSlots;
    }
    static Node* child(std::uint64_t slot) { return reinterpret_cast<Node*>(slot); }

    [[nodiscard]] bool reaches(std::uint64_t index) const {
        return root_ != nullptr && (kBits * height_ >= 64 || index >> (kBits * height_) == 0);
    }

    Result<void> grow() {
        Node* const top = new (std::nothrow) Node;
        if (top == nullptr) return Errno::NOMEM;
        if (root_ != nullptr) {
            top->slots[0] = reinterpret_cast<std::uint64_t>(root_);
            top->used = 1;
        }
        root_ = top;
        ++height_;
        return {};
    }

    // Recurses as deep as the tree is high: 11 levels hold every index.
    template <typename Visit>
    void erase_below(Node& node, unsigned level, std::uint64_t first, Visit& visit) {
        for (unsigned at = slot_of(first, level); at < kSlots; ++at) {
            std::uint64_t& slot = node.slots[at];
            const std::uint64_t from = at == slot_of(first, level) ? first : 0;
            if (slot == 0) continue;
            if (level == 0) {
                visit(slot);
            } else {
                Node* const below = child(slot);
                erase_below(*below, level - 1, from, visit);
                if (below->used != 0) continue;
                delete below;
            }
            slot = 0;
            --node.used;
        }
    }

    Node* root_ = nullptr;
    unsigned height_ = 0;
};

}  // namespace exo
