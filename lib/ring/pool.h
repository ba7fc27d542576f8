// Pool: messages that are not copied. A pool is fixed-size buffers in shared memory; sending moves
// a buffer to the receiver by a 16-byte descriptor in a slot. Each buffer has one state word, and
// every change of hands is one compare-and-swap of it: no death leaves a buffer between two owners,
// and reclaim() finds what the dead one held. A bitmap hints at free buffers; it may be wrong in
// either way (a death between the two writes), which costs a look or hides a buffer until the next
// reclaim().
//
// Memory order: handing over is a release (the swap to in-flight, then the slot's header), taking
// an acquire: what the sender wrote in the buffer is seen by who takes it; freeing releases,
// allocating acquires.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>
#include <optional>
#include <span>
#include <utility>

#include "abi/pool.h"
#include "lib/base/atomic.h"
#include "lib/base/bits.h"
#include "lib/base/result.h"
#include "lib/ring/message.h"

namespace exo::ring {

using abi::BufferDescriptor;
using abi::BufferPhase;
using abi::BufferState;
using abi::PoolGeometry;

/// Bytes a pool takes, or nothing if no such pool can exist. The memory must be page-aligned.
[[nodiscard]] constexpr std::optional<std::size_t> pool_bytes(const PoolGeometry& geometry) {
    if (geometry.count == 0 || geometry.count > abi::kPoolMaxCount) return std::nullopt;
    if (geometry.log2_buffer < abi::kPoolMinLog2 || geometry.log2_buffer > abi::kPoolMaxLog2) {
        return std::nullopt;
    }
    // At most 2^20 lines, then 2^50 bytes: no overflow.
    const std::size_t bitmap =
        align_up<std::size_t>((geometry.count + 63) / 64 * 8, abi::kRingLine);
    const std::size_t states = std::size_t{geometry.count} * abi::kRingLine;
    const std::size_t front =
        align_up<std::size_t>(abi::kRingLine + bitmap + states, abi::kPoolPage);
    return front + (std::size_t{geometry.count} << geometry.log2_buffer);
}

class Pool;

/// A buffer that the holder owns, and within it the bytes of the message. Destruction frees it.
class [[nodiscard]] Buffer {
  public:
    Buffer(Buffer&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), descriptor_(other.descriptor_) {}
    Buffer& operator=(Buffer&&) = delete;
    inline ~Buffer();

    /// The message's bytes; of a buffer just allocated, all of it.
    [[nodiscard]] inline std::span<std::byte> bytes() const;

  private:
    friend class Pool;
    Buffer(Pool& pool, BufferDescriptor descriptor) : pool_(&pool), descriptor_(descriptor) {}

    Pool* pool_;
    BufferDescriptor descriptor_;
};

/// One owner's door to a pool. Any number of threads may use it at once; it outlives its Buffers.
class Pool {
  public:
    /// Makes a pool in page-aligned `memory` that nobody uses yet. INVAL: geometry or alignment;
    /// NOBUFS: too small.
    static Result<void> create(void* memory, std::size_t size, PoolGeometry geometry) {
        const auto needed = pool_bytes(geometry);
        if (!needed || !aligned(memory)) return Errno::INVAL;
        if (size < *needed) return Errno::NOBUFS;
        auto* header = new (memory) Header{};
        Pool pool(header, geometry, 0);
        for (std::uint32_t word = 0; word < pool.hint_words(); ++word) {
            const std::uint32_t bits = std::min(geometry.count - word * 64, 64U);
            new (&pool.hints_[word]) Atomic<std::uint64_t>(~std::uint64_t{0} >> (64 - bits));
        }
        for (std::uint32_t i = 0; i < geometry.count; ++i) new (&pool.states_[i]) State{};
        header->geometry.store(geometry.encode(), std::memory_order_relaxed);
        header->magic.store(abi::kPoolMagic, std::memory_order_release);
        return {};
    }

    /// Opens the pool that somebody made in `memory`, of `size` bytes in truth, for `owner`, 1 to
    /// kPoolMaxOwner. Trusts nothing there. INVAL: alignment, owner; PROTO: no pool that fits.
    static Result<Pool> attach(void* memory, std::size_t size, std::uint32_t owner) {
        if (!aligned(memory) || owner == 0 || owner > abi::kPoolMaxOwner) return Errno::INVAL;
        if (size < sizeof(Header)) return Errno::PROTO;
        auto* header = static_cast<Header*>(memory);
        if (header->magic.load(std::memory_order_acquire) != abi::kPoolMagic) return Errno::PROTO;
        const std::uint64_t word = header->geometry.load(std::memory_order_relaxed);
        const auto geometry = PoolGeometry::decode(word);
        const auto needed = pool_bytes(geometry);
        if (geometry.encode() != word || !needed || size < *needed) return Errno::PROTO;
        return Pool(header, geometry, owner);
    }

    /// Only before the first Buffer exists: those point at their pool.
    Pool(Pool&& other) noexcept
        : hints_(other.hints_),
          states_(other.states_),
          buffers_(other.buffers_),
          geometry_(other.geometry_),
          owner_(other.owner_) {}
    Pool& operator=(Pool&&) = delete;

    [[nodiscard]] std::size_t buffer_size() const {
        return std::size_t{1} << geometry_.log2_buffer;
    }

    /// A free buffer; its contents are anything. NOBUFS: none is known.
    Result<Buffer> allocate() {
        const std::uint32_t words = hint_words();
        const std::uint32_t start = next_hint_.load(std::memory_order_relaxed);
        for (std::uint32_t i = 0; i < words; ++i) {
            const std::uint32_t word = (start + i) % words;
            const auto taken = take_hinted(word);
            if (!taken) continue;
            next_hint_.store(word, std::memory_order_relaxed);
            return Buffer(*this, *taken);
        }
        return Errno::NOBUFS;
    }

    /// Sends `length` bytes at `offset` of `buffer`, which is the receiver's afterwards; on an
    /// error it stays the caller's. INVAL: beyond its end; STALE: it is not the caller's any more;
    /// else as Producer::try_reserve().
    template <typename Producer>
    Result<void> try_send(Producer& producer, Buffer& buffer, std::size_t offset,
                          std::size_t length, std::uint16_t tag = 0) {
        const auto end = checked_add(offset, length);
        if (!end || *end > buffer_size() || buffer.pool_ != this) return Errno::INVAL;
        auto slots = TRY(producer.try_reserve(1));
        BufferDescriptor descriptor = buffer.descriptor_;
        descriptor.offset = static_cast<std::uint32_t>(offset);
        descriptor.length = static_cast<std::uint32_t>(length);
        if (!change({.generation = descriptor.generation, .owner = owner_, .phase = kOwned},
                    {.generation = descriptor.generation + 1, .owner = owner_, .phase = kInFlight},
                    descriptor.index)) {
            return Errno::STALE;
        }
        ++descriptor.generation;
        buffer.pool_ = nullptr;
        // Cannot fail: the reservation has a slot, kind and length are sendable.
        std::byte* payload = MUST(slots.append(sizeof descriptor, tag, SlotKind::kDescriptor));
        EXO_RACE_CHECK_WRITE(payload, sizeof descriptor);
        __builtin_memcpy(payload, &descriptor, sizeof descriptor);
        slots.commit();
        return {};
    }

    /// Takes the buffer that a received message names. BADMSG: it names none of this pool (kind,
    /// index, bounds); STALE: what it names was taken already or has changed hands.
    Result<Buffer> take(const Incoming& incoming) {
        if (incoming.kind != SlotKind::kDescriptor || incoming.length != sizeof(BufferDescriptor)) {
            return Errno::BADMSG;
        }
        BufferDescriptor descriptor;
        EXO_RACE_CHECK_READ(incoming.payload, sizeof descriptor);
        __builtin_memcpy(&descriptor, incoming.payload, sizeof descriptor);
        asm volatile("" ::: "memory");  // fetched once: the checks below are of this copy
        return take(descriptor);
    }
    Result<Buffer> take(const BufferDescriptor& descriptor) {
        const auto end = checked_add<std::size_t>(descriptor.offset, descriptor.length);
        if (descriptor.index >= geometry_.count || !end || *end > buffer_size()) {
            return Errno::BADMSG;
        }
        // Under way while the swap waits for the state's line, which it would else have to follow.
        __builtin_prefetch(buffers_ + (std::size_t{descriptor.index} << geometry_.log2_buffer) +
                           descriptor.offset);
        std::uint64_t seen = states_[descriptor.index].word.load(std::memory_order_relaxed);
        const auto state = BufferState::decode(seen);
        if (state.phase != kInFlight || state.generation != descriptor.generation) {
            return Errno::STALE;
        }
        BufferDescriptor mine = descriptor;
        ++mine.generation;
        if (!change(state, {.generation = mine.generation, .owner = owner_, .phase = kOwned},
                    descriptor.index)) {
            return Errno::STALE;
        }
        return Buffer(*this, mine);
    }

    /// Which buffers of a dead owner to take back: what it sent may still be received as long as
    /// its messages stand in rings; once those are drained, that is lost too.
    enum class Reclaim : std::uint8_t { kOwned, kOwnedAndInFlight };

    /// Frees the buffers of `owner`, which executes no more, and mends the hints. Returns how many.
    std::uint32_t reclaim(std::uint32_t owner, Reclaim which) {
        std::uint32_t freed = 0;
        for (std::uint32_t index = 0; index < geometry_.count; ++index) {
            const auto state =
                BufferState::decode(states_[index].word.load(std::memory_order_acquire));
            const bool dead = state.owner == owner &&
                              (state.phase == kOwned ||
                               (state.phase == kInFlight && which == Reclaim::kOwnedAndInFlight));
            if (dead && change(state, {.generation = state.generation + 1}, index)) ++freed;
            if (dead || state.phase == kFree) hint(index);
        }
        return freed;
    }

  private:
    friend class Buffer;
    using Header = abi::PoolHeader<Atomic>;
    using State = abi::PoolState<Atomic>;
    static constexpr auto kFree = BufferPhase::kFree;
    static constexpr auto kOwned = BufferPhase::kOwned;
    static constexpr auto kInFlight = BufferPhase::kInFlight;

    Pool(Header* header, PoolGeometry geometry, std::uint32_t owner)
        : hints_(reinterpret_cast<Atomic<std::uint64_t>*>(header + 1)),
          states_(reinterpret_cast<State*>(
              reinterpret_cast<std::byte*>(hints_) +
              align_up<std::size_t>((geometry.count + 63) / 64 * 8, abi::kRingLine))),
          buffers_(reinterpret_cast<std::byte*>(align_up<std::uintptr_t>(
              reinterpret_cast<std::uintptr_t>(states_ + geometry.count), abi::kPoolPage))),
          geometry_(geometry),
          owner_(owner) {}

    [[nodiscard]] static bool aligned(const void* memory) {
        return reinterpret_cast<std::uintptr_t>(memory) % abi::kPoolPage == 0;
    }
    [[nodiscard]] std::uint32_t hint_words() const { return (geometry_.count + 63) / 64; }

    bool change(const BufferState& from, const BufferState& to, std::uint32_t index) {
        std::uint64_t expected = from.encode();
        return states_[index].word.compare_exchange_strong(
            expected, to.encode(), std::memory_order_acq_rel, std::memory_order_relaxed);
    }

    // A buffer of hint word `word`, made ours; nothing if no hint there was true. Each turn clears
    // a bit, and 64 turns are enough for whoever does not fight a liar.
    std::optional<BufferDescriptor> take_hinted(std::uint32_t word) {
        for (unsigned turn = 0; turn < 64; ++turn) {
            const std::uint64_t bits = hints_[word].load(std::memory_order_relaxed);
            if (bits == 0) return std::nullopt;
            const std::uint64_t bit = bits & -bits;
            if ((hints_[word].fetch_and(~bit, std::memory_order_acquire) & bit) == 0) continue;
            const std::uint32_t index = word * 64 + log2_floor(bit);
            if (index >= geometry_.count) continue;
            const auto state =
                BufferState::decode(states_[index].word.load(std::memory_order_relaxed));
            if (state.phase != kFree) continue;
            if (change(state,
                       {.generation = state.generation + 1, .owner = owner_, .phase = kOwned},
                       index)) {
                return BufferDescriptor{.index = index,
                                        .generation = state.generation + 1,
                                        .offset = 0,
                                        .length = static_cast<std::uint32_t>(buffer_size())};
            }
        }
        return std::nullopt;
    }

    // Release, and acquire in take_hinted(): who clears the bit sees the buffer free. Else it might
    // see it still taken, and drop the last word that there is of it.
    void hint(std::uint32_t index) {
        hints_[index / 64].fetch_or(std::uint64_t{1} << index % 64, std::memory_order_release);
    }

    // Nothing happens if the buffer is not the owner's any more: reclaimed, or forged by the other
    // side.
    void free(const BufferDescriptor& descriptor) {
        if (change({.generation = descriptor.generation, .owner = owner_, .phase = kOwned},
                   {.generation = descriptor.generation + 1}, descriptor.index)) {
            hint(descriptor.index);
        }
    }

    Atomic<std::uint64_t>* hints_;
    State* states_;
    std::byte* buffers_;
    PoolGeometry geometry_;
    std::uint32_t owner_;
    Atomic<std::uint32_t> next_hint_{0};
};

Buffer::~Buffer() {
    if (pool_ != nullptr) pool_->free(descriptor_);
}

std::span<std::byte> Buffer::bytes() const {
    return {pool_->buffers_ + (std::size_t{descriptor_.index} << pool_->geometry_.log2_buffer) +
                descriptor_.offset,
            descriptor_.length};
}

}  // namespace exo::ring
