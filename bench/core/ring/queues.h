// The contenders behind one interface: queues of 56-byte messages, by value, one at a time and in
// bulk. Exo's own and the peers are driven by the same loops (latency.cpp, streams.cpp).
#pragma once

#include <concurrentqueue/concurrentqueue.h>
#include <readerwriterqueue/readerwriterqueue.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include <algorithm>
#include <array>
#include <boost/lockfree/spsc_queue.hpp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/core/ring/memory.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/spsc.h"

namespace exo::bench {

struct Payload {
    alignas(8) std::byte bytes[abi::kRingPayload];
};
static_assert(sizeof(Payload) == 56);

inline constexpr unsigned kCapacity = 4096;

template <typename Producer>
unsigned push_messages(Producer& producer, const Payload* payloads, unsigned count) {
    auto slots = producer.try_reserve(count);
    if (!slots) return 0;
    const unsigned granted = slots->size();
    for (unsigned i = 0; i < granted; ++i) {
        std::memcpy(*slots->append(sizeof(Payload)), &payloads[i], sizeof(Payload));
    }
    slots->commit();
    return granted;
}

template <typename Consumer>
unsigned pop_messages(Consumer& consumer, Payload* payloads, unsigned count) {
    auto slots = consumer.try_acquire(count);
    if (!slots) return 0;
    const unsigned got = slots->size();
    for (unsigned i = 0; i < got; ++i) {
        const auto incoming = (*slots)[i];
        if (!incoming) std::abort();
        std::memcpy(&payloads[i], incoming->payload, sizeof(Payload));
    }
    slots->release();
    return got;
}

template <typename Producer>
unsigned send_run(Producer& producer, const Payload* payloads, unsigned count) {
    return producer
        .try_send_all(payloads->bytes, count,
                      {.kind = ring::SlotKind::kInline, .length = sizeof(Payload), .tag = 0})
        .value_or(0);
}

template <typename Consumer>
unsigned receive_run(Consumer& consumer, Payload* payloads, unsigned count) {
    std::array<ring::SlotHeader, 32> headers;
    const unsigned most = std::min<unsigned>(count, headers.size());
    return consumer.try_receive_all(payloads->bytes, headers.data(), most).value_or(0);
}

class ExoSpsc {
  public:
    bool push(const Payload& payload) {
        return producer_
            .try_send(payload.bytes,
                      {.kind = ring::SlotKind::kInline, .length = sizeof payload, .tag = 0})
            .has_value();
    }
    bool pop(Payload& payload) { return consumer_.try_receive(payload.bytes).has_value(); }
    unsigned push_bulk(const Payload* payloads, unsigned count) {
        return send_run(producer_, payloads, count);
    }
    unsigned pop_bulk(Payload* payloads, unsigned count) {
        return receive_run(consumer_, payloads, count);
    }

  protected:
    ring::RingMemory memory_ = lasting_ring(ring::RingFlavour::kSpsc, 0);
    alignas(128) ring::SpscProducer producer_ = must(ring::SpscProducer::attach(memory_));
    alignas(128) ring::SpscConsumer consumer_ = must(ring::SpscConsumer::attach(memory_));
};

/// The same ring, its batches filled and read in place.
class ExoSpscInPlace : public ExoSpsc {
  public:
    unsigned push_bulk(const Payload* payloads, unsigned count) {
        return push_messages(producer_, payloads, count);
    }
    unsigned pop_bulk(Payload* payloads, unsigned count) {
        return pop_messages(consumer_, payloads, count);
    }
};

class ReaderWriterQueue {
  public:
    bool push(const Payload& payload) { return queue_.try_enqueue(payload); }
    bool pop(Payload& payload) { return queue_.try_dequeue(payload); }
    // It has no bulk calls.
    unsigned push_bulk(const Payload* payloads, unsigned count) {
        unsigned done = 0;
        while (done < count && push(payloads[done])) ++done;
        return done;
    }
    unsigned pop_bulk(Payload* payloads, unsigned count) {
        unsigned done = 0;
        while (done < count && pop(payloads[done])) ++done;
        return done;
    }

  private:
    moodycamel::ReaderWriterQueue<Payload> queue_{kCapacity};
};

class BoostSpsc {
  public:
    bool push(const Payload& payload) { return queue_.push(payload); }
    bool pop(Payload& payload) { return queue_.pop(payload); }
    unsigned push_bulk(const Payload* payloads, unsigned count) {
        return static_cast<unsigned>(queue_.push(payloads, count));
    }
    unsigned pop_bulk(Payload* payloads, unsigned count) {
        return static_cast<unsigned>(queue_.pop(payloads, count));
    }

  private:
    boost::lockfree::spsc_queue<Payload, boost::lockfree::capacity<kCapacity>> queue_;
};

/// DPDK's ring with elements of 56 bytes; `kFlags` chooses how it synchronises.
template <unsigned kFlags>
class RteRing {
  public:
    RteRing() {
        const auto size = rte_ring_get_memsize_elem(sizeof(Payload), kCapacity);
        ring_ = static_cast<rte_ring*>(lasting_memory(static_cast<std::size_t>(size)));
        if (rte_ring_init(ring_, "bench", kCapacity, kFlags) != 0) std::abort();
    }
    bool push(const Payload& payload) {
        return rte_ring_enqueue_elem(ring_, const_cast<Payload*>(&payload), sizeof payload) == 0;
    }
    bool pop(Payload& payload) {
        return rte_ring_dequeue_elem(ring_, &payload, sizeof payload) == 0;
    }
    unsigned push_bulk(const Payload* payloads, unsigned count) {
        return rte_ring_enqueue_burst_elem(ring_, payloads, sizeof(Payload), count, nullptr);
    }
    unsigned pop_bulk(Payload* payloads, unsigned count) {
        return rte_ring_dequeue_burst_elem(ring_, payloads, sizeof(Payload), count, nullptr);
    }

  private:
    rte_ring* ring_;
};

using RteSpsc = RteRing<RING_F_SP_ENQ | RING_F_SC_DEQ>;
using RteMpmc = RteRing<0>;
using RteRts = RteRing<RING_F_MP_RTS_ENQ | RING_F_MC_RTS_DEQ>;
using RteHts = RteRing<RING_F_MP_HTS_ENQ | RING_F_MC_HTS_DEQ>;

}  // namespace exo::bench
