// How many bytes the ring's library copies for a message that goes by descriptor. Every copy of
// message bytes in lib/ring is counted in this build; an inline message shows that the counter
// runs.
#include "bench/core/harness/report.h"
#include "bench/core/ring/memory.h"
#include "lib/ring/pool.h"
#include "lib/ring/spsc.h"

#include <cstdio>
#include <cstdlib>

int main() {
    using namespace exo;
    using namespace exo::bench;
    constexpr ring::PoolGeometry kGeometry{.count = 4, .log2_buffer = 16};
    constexpr std::size_t kSize = std::size_t{1} << kGeometry.log2_buffer;
    const std::size_t bytes = *ring::pool_bytes(kGeometry);
    void* memory = lasting_memory(bytes);
    must(ring::Pool::create(memory, bytes, kGeometry));
    auto alice = must(ring::Pool::attach(memory, bytes, 1));
    auto bob = must(ring::Pool::attach(memory, bytes, 2));
    const auto shared = lasting_ring(ring::RingFlavour::kSpsc, 0);
    auto producer = must(ring::SpscProducer::attach(shared));
    auto consumer = must(ring::SpscConsumer::attach(shared));

    ring::bytes_copied = 0;
    const ring::Message message{.length = abi::kRingPayload, .payload = {}};
    if (!producer.try_send(message) || !consumer.try_receive()) return 1;
    const double by_inline = static_cast<double>(ring::bytes_copied);

    ring::bytes_copied = 0;
    auto buffer = must(alice.allocate());
    const std::byte* const sent_from = buffer.bytes().data();
    if (!alice.try_send(producer, buffer, 0, kSize)) return 1;
    auto slots = must(consumer.try_acquire(1));
    const auto incoming = must(slots[0]);
    const auto received = must(bob.take(incoming));
    slots.release();
    if (received.bytes().data() != sent_from || received.bytes().size() != kSize) {
        std::fprintf(stderr, "bench_ring_copies: the message moved\n");
        return 1;
    }
    emit({.name = "ring.copies",
          .unit = "bytes",
          .value = static_cast<double>(ring::bytes_copied),
          .target = 0,
          .rule = "0 of 65536 bytes; the peer is an inline message, in and out",
          .peers = {{"inline.56", by_inline}},
          .note = {}});
    return 0;
}
