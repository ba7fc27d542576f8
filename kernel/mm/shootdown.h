// TLB shoot-down: making all CPUs forget translations that were taken away, in batches, before the
// frames behind them are used for something else.
//
// A batch collects frames and the range they were mapped in. flush() makes this CPU forget the
// range, interrupts the others that have the address space loaded, waits until they have done the
// same, and then gives the frames back. Interrupts are on meanwhile, so that CPUs that shoot at
// each other answer each other; spin locks of tables may be held.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "kernel/arch/user_space.h"

namespace exo {

class TlbBatch {
  public:
    explicit TlbBatch(arch::UserSpace& space) : space_(space) {}
    ~TlbBatch() { flush(); }
    TlbBatch(const TlbBatch&) = delete;
    TlbBatch& operator=(const TlbBatch&) = delete;

    /// What a reference was held to: a page; a last-level table, which gives back its pages with
    /// its last reference; a table above, which has nothing under it any more.
    enum class Kind : std::uint8_t { kPage, kLastLevelTable, kTable };

    /// The page or table at `begin` is not mapped any more, and `frame` lost a reference.
    void drop(std::uint64_t begin, std::uint64_t bytes, PhysAddr frame, Kind kind);
    /// Entries of [begin, end) lost rights.
    void restrict(std::uint64_t begin, std::uint64_t end);

    /// Interrupts on.
    void flush();

  private:
    static constexpr std::size_t kMostFrames = 64;

    arch::UserSpace& space_;
    std::uint64_t begin_ = ~std::uint64_t{0};
    std::uint64_t end_ = 0;
    std::size_t count_ = 0;
    std::array<std::uint64_t, kMostFrames> frames_;  ///< address | Kind
};

/// Takes the space back from CPUs that have it loaded though no thread of theirs uses it any more.
/// Interrupts on.
void unload_everywhere(arch::UserSpace& space);

/// All other CPUs that run the space's threads have gone through a full memory barrier meanwhile.
/// Interrupts on.
void synchronize_cpus(arch::UserSpace& space);

/// Once, before a second CPU loads an address space: takes kShootdownVector.
void start_shootdown();

}  // namespace exo
