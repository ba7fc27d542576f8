// A hostile other side: the input writes anything anywhere in the shared memory, between the
// operations of honest endpoints of every flavour, a pool and a reaper. Nothing may be read or
// written outside the mapping (it is allocated to the byte, under ASan), no call may hang, and what
// an endpoint hands out must be well-formed.
#include <stdlib.h>

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <optional>

#include "lib/base/panic.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/mpsc.h"
#include "lib/ring/pool.h"
#include "lib/ring/reap.h"
#include "lib/ring/spsc.h"

namespace exo::ring {
namespace {

constexpr std::uint32_t kHonest = 7;
constexpr PoolGeometry kPoolGeometry{.count = 3, .log2_buffer = 6};

class Input {
  public:
    Input(const std::uint8_t* data, std::size_t size) : data_(data), left_(size) {}
    [[nodiscard]] bool empty() const { return left_ == 0; }
    std::uint8_t byte() {
        if (left_ == 0) return 0;
        --left_;
        return *data_++;
    }
    std::uint64_t word(unsigned bytes) {
        std::uint64_t value = 0;
        for (unsigned i = 0; i < bytes; ++i) value = value << 8 | byte();
        return value;
    }

  private:
    const std::uint8_t* data_;
    std::size_t left_;
};

using Memory = std::unique_ptr<std::byte, decltype(&std::free)>;

Memory allocate(std::size_t alignment, std::size_t size) {
    void* memory = nullptr;
    if (posix_memalign(&memory, alignment, size) != 0) std::abort();
    return {static_cast<std::byte*>(memory), &std::free};
}

// What the other side would do: a word, aligned or not, of its choice.
void scribble(Input& input, std::byte* memory, std::size_t size) {
    const unsigned bytes = 1U << (input.byte() & 3);
    const std::size_t at = input.word(2) % (size - bytes + 1);
    const std::uint64_t value = input.word(bytes);
    std::memcpy(memory + at, &value, bytes);
}

void look_at(const Incoming& incoming, Pool& pool) {
    EXO_CHECK(incoming.length <= abi::kRingPayload, "a length beyond the slot was let through");
    unsigned sum = 0;
    for (unsigned i = 0; i < incoming.length; ++i)
        sum += std::to_integer<unsigned>(incoming.payload[i]);
    asm volatile("" ::"r"(sum));
    const auto buffer = pool.take(incoming);
    if (buffer && !buffer->bytes().empty()) {
        buffer->bytes().front() = std::byte{1};
        buffer->bytes().back() = std::byte{2};
    }
}

template <typename Consumer>
void receive(Consumer& consumer, Pool& pool, std::uint32_t want) {
    if (want == 0) {
        const auto message = consumer.try_receive();
        if (message)
            look_at({message->kind, message->length, message->tag, message->payload}, pool);
        return;
    }
    const auto slots = consumer.try_acquire(want);
    if (!slots) return;
    for (std::uint32_t i = 0; i < slots->size(); ++i) {
        const auto incoming = (*slots)[i];
        if (incoming) look_at(*incoming, pool);
    }
}

template <typename Producer>
void send(Producer& producer, Pool& pool, std::uint32_t want) {
    const Message message{.length = abi::kRingPayload, .payload = {}};
    if (want == 0) {
        (void)producer.try_send(message);
    } else if (want == 1) {
        auto buffer = pool.allocate();
        if (!buffer) return;
        std::memset(buffer->bytes().data(), 3, buffer->bytes().size());
        (void)pool.try_send(producer, *buffer, 1, 8);
    } else {
        auto slots = producer.try_reserve(want);
        if (!slots) return;
        for (std::uint32_t i = 0; i + 1 < slots->size(); ++i) (void)slots->push(message);
        slots->commit();
    }
}

template <typename Producer, typename Consumer, typename Make>
void play(Input& input, RingFlavour flavour, Make make) {
    const RingGeometry geometry{flavour, static_cast<std::uint8_t>(1 + input.byte() % 3),
                                static_cast<std::uint16_t>(flavour == RingFlavour::kSpsc ? 0 : 3)};
    const std::size_t size = bytes_for(geometry);
    const std::size_t pool_size = *pool_bytes(kPoolGeometry);
    const Memory ring = allocate(abi::kRingLine, size);
    const Memory buffers = allocate(abi::kPoolPage, pool_size);
    if (!RingMemory::create(ring.get(), size, geometry)) std::abort();
    if (!Pool::create(buffers.get(), pool_size, kPoolGeometry)) std::abort();
    auto pool = Pool::attach(buffers.get(), pool_size, kHonest);
    std::optional<Producer> producer;
    std::optional<Consumer> consumer;
    while (!input.empty()) {
        const std::uint8_t act = input.byte();
        const std::uint32_t want = act >> 4;
        switch (act & 7) {
            case 0:
            case 1:
                scribble(input, ring.get(), size);
                break;
            case 2:
                scribble(input, buffers.get(), pool_size);
                break;
            case 3: {
                producer.reset();
                consumer.reset();
                const auto memory = RingMemory::attach(ring.get(), size);
                if (memory) make(*memory, producer, consumer);
                break;
            }
            case 4:
                if (producer) send(*producer, *pool, want);
                break;
            case 5:
                if (consumer) receive(*consumer, *pool, want);
                break;
            case 6:
                if (const auto memory = RingMemory::attach(ring.get(), size)) {
                    (void)Reaper(*memory).reap(want == 0 ? kHonest : want);
                }
                (void)pool->reclaim(want, Pool::Reclaim::kOwnedAndInFlight);
                break;
            default:
                if (want == 0 && producer) producer->close();
                if (want == 1 && consumer) consumer->close();
                (void)Pool::attach(buffers.get(), pool_size, kHonest);
        }
    }
}

void join(const RingMemory& memory, std::optional<SpscProducer>& producer,
          std::optional<SpscConsumer>& consumer) {
    if (auto end = SpscProducer::attach(memory)) producer.emplace(std::move(*end));
    if (auto end = SpscConsumer::attach(memory)) consumer.emplace(std::move(*end));
}
void join(const RingMemory& memory, std::optional<MpmcProducer>& producer,
          std::optional<MpscConsumer>& consumer) {
    if (auto end = MpmcProducer::attach(memory, kHonest)) producer.emplace(std::move(*end));
    if (auto end = MpscConsumer::attach(memory)) consumer.emplace(std::move(*end));
}
void join(const RingMemory& memory, std::optional<MpmcProducer>& producer,
          std::optional<MpmcConsumer>& consumer) {
    if (auto end = MpmcProducer::attach(memory, kHonest)) producer.emplace(std::move(*end));
    if (auto end = MpmcConsumer::attach(memory, kHonest)) consumer.emplace(std::move(*end));
}

}  // namespace
}  // namespace exo::ring

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace exo::ring;
    Input input(data, size);
    const auto join_any = [](const auto& memory, auto& producer, auto& consumer) {
        join(memory, producer, consumer);
    };
    switch (input.byte() % 3) {
        case 0:
            play<SpscProducer, SpscConsumer>(input, RingFlavour::kSpsc, join_any);
            break;
        case 1:
            play<MpmcProducer, MpscConsumer>(input, RingFlavour::kMpsc, join_any);
            break;
        default:
            play<MpmcProducer, MpmcConsumer>(input, RingFlavour::kMpmc, join_any);
    }
    return 0;
}
