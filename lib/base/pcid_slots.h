// Which address spaces a CPU's TLB knows, by PCID (SDM vol. 3A 4.10.1), and up to which change of
// their entries what it knows of them is good. Without PCID there is one slot, which every switch
// empties. Of one CPU; unsynchronised.
#pragma once

#include <array>
#include <cstdint>

namespace exo {

class PcidSlots {
  public:
    /// PCIDs in use are 1 to kSlots; 0 is the kernel's own.
    static constexpr unsigned kSlots = 6;
    /// More pages than this cost more to forget one by one than to begin anew.
    static constexpr std::uint64_t kMostPages = 16;

    struct Choice {
        unsigned pcid;
        bool keep;  ///< what the TLB has under it is good
    };
    enum class Action : std::uint8_t { kNothing, kForgetPages, kForgetAll };

    /// The CPU loads a space whose entries have been changed `generation` times. Numbers of spaces
    /// are never used again and not 0.
    Choice enter(std::uint64_t space, std::uint64_t generation) {
        unsigned found = 0;
        while (found < kSlots && slots_[found].space != space) ++found;
        if (found == kSlots) {
            found = victim_;
            victim_ = (victim_ + 1) % kSlots;
        }
        current_ = found;
        Slot& slot = slots_[found];
        const bool good = slot.space == space && slot.generation == generation;
        slot = {space, generation};
        return {found + 1, good};
    }

    /// The same on a CPU without PCID, where loading a space forgets all.
    void enter_alone(std::uint64_t space, std::uint64_t generation) {
        slots_[current_] = {space, generation};
    }

    /// The change number `generation` of the current space was to that many pages. After
    /// kForgetAll, forgot_all() is due.
    Action catch_up(std::uint64_t generation, std::uint64_t pages) {
        Slot& slot = slots_[current_];
        if (slot.generation >= generation) return Action::kNothing;
        if (slot.generation + 1 != generation || pages > kMostPages) return Action::kForgetAll;
        slot.generation = generation;
        return Action::kForgetPages;
    }
    void forgot_all(std::uint64_t generation) { slots_[current_].generation = generation; }

    [[nodiscard]] unsigned pcid() const { return current_ + 1; }

  private:
    struct Slot {
        std::uint64_t space = 0;
        std::uint64_t generation = 0;
    };
    std::array<Slot, kSlots> slots_ = {};
    unsigned current_ = 0;
    unsigned victim_ = 0;  // next to be reused
};

}  // namespace exo
