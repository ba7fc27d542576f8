// One message at a time: core to core as half a round trip, and within one core.
#include <atomic>
#include <memory>

#include "bench/core/harness/contest.h"
#include "bench/core/harness/machine.h"
#include "bench/core/harness/report.h"
#include "bench/core/ring/queues.h"
#include "bench/core/ring/rows.h"
#include "lib/ring/channel.h"
#include "lib/ring/pool.h"

namespace exo::bench {

namespace {

constexpr int kTrips = 100;  // a batch: 100 us at 1300 cycles a trip
constexpr unsigned kRounds = 2000;

/// Sends payload `there`, gets it `back`, kTrips times; the partner echoes.
template <typename Client, typename Server>
double round_trips(Partner& partner, Client& client, Server& server) {
    partner.start([&server] {
        Payload payload;
        for (int i = 0; i < kTrips; ++i) {
            while (!server.pop(payload)) {
            }
            while (!server.push(payload)) {
            }
        }
    });
    Payload payload{};
    const std::uint64_t begin = stamp();
    for (int i = 0; i < kTrips; ++i) {
        while (!client.push(payload)) {
        }
        while (!client.pop(payload)) {
        }
    }
    const std::uint64_t end = stamp();
    keep(payload.bytes[0]);
    partner.wait();
    return static_cast<double>(end - begin) / kTrips / 2;
}

/// Two queues, seen from either end.
template <typename Queue>
struct Pair {
    struct End {
        Queue& out;
        Queue& in;
        bool push(const Payload& payload) { return out.push(payload); }
        bool pop(Payload& payload) { return in.pop(payload); }
    };
    alignas(128) Queue there;
    alignas(128) Queue back;
    alignas(128) End client{there, back};
    alignas(128) End server{back, there};
};

/// One end of a Channel.
struct alignas(128) ChannelEnd {
    ring::Channel channel;

    bool push(const Payload& payload) {
        return channel
            .try_send(payload.bytes,
                      {.kind = ring::SlotKind::kInline, .length = sizeof payload, .tag = 0})
            .has_value();
    }
    bool pop(Payload& payload) { return channel.try_receive(payload.bytes).has_value(); }
};

struct ChannelPair {
    ring::RingMemory there = lasting_ring(ring::RingFlavour::kSpsc, 0);
    ring::RingMemory back = lasting_ring(ring::RingFlavour::kSpsc, 0);
    ChannelEnd client{
        {must(ring::SpscProducer::attach(there)), must(ring::SpscConsumer::attach(back))}};
    ChannelEnd server{
        {must(ring::SpscProducer::attach(back)), must(ring::SpscConsumer::attach(there))}};
};

/// One end of what is left of two rings without any of the ring: lines that hold a number each,
/// one after the other, timed and claimed as a Channel's. No payload, no indices, no checks.
struct alignas(128) LinesEnd {
    ring::RingMemory out;
    ring::RingMemory in;
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    ring::Patience patience{};

    bool push(const Payload&) {
        out.slot(sent).header.store(sent + 1, std::memory_order_release);
        ++sent;
        out.slot(sent).header.store(sent, std::memory_order_relaxed);
        patience.sent();
        return true;
    }
    bool pop(Payload&) {
        const bool measures = patience.before_look();
        const std::uint64_t before = measures ? read_tsc() : 0;
        const auto& line = in.slot(received).header;
        const bool found = line.load(std::memory_order_acquire) == received + 1;
        if (measures) asm volatile("lfence" ::: "memory");
        patience.looked(found, measures ? read_tsc() - before : 0);
        if (found) ++received;
        return found;
    }
};

struct LinesPair {
    ring::RingMemory there = lasting_ring(ring::RingFlavour::kSpsc, 0);
    ring::RingMemory back = lasting_ring(ring::RingFlavour::kSpsc, 0);
    LinesEnd client{.out = there, .in = back};
    LinesEnd server{.out = back, .in = there};
};

/// A bare line that two cores pass back and forth: what the machine can do at best.
double line_trips(Partner& partner, std::atomic<std::uint64_t>& line) {
    const std::uint64_t base = line.load();
    const auto await = [&line](std::uint64_t value) {
        while (line.load(std::memory_order_acquire) != value) {
        }
    };
    partner.start([&, base] {
        for (std::uint64_t i = 0; i < kTrips; ++i) {
            await(base + 2 * i + 1);
            line.store(base + 2 * i + 2, std::memory_order_release);
        }
    });
    const std::uint64_t begin = stamp();
    for (std::uint64_t i = 0; i < kTrips; ++i) {
        line.store(base + 2 * i + 1, std::memory_order_release);
        await(base + 2 * i + 2);
    }
    const std::uint64_t end = stamp();
    partner.wait();
    return static_cast<double>(end - begin) / kTrips / 2;
}

/// A buffer of `size` bytes goes back and forth through a Channel by descriptor; each side writes
/// its first and last word before it sends it and reads them when it has it.
class ZeroCopy {
  public:
    ZeroCopy(std::uint8_t log2_buffer, std::size_t size) : size_(size) {
        const ring::PoolGeometry geometry{.count = 16, .log2_buffer = log2_buffer};
        const std::size_t bytes = *ring::pool_bytes(geometry);
        void* memory = lasting_memory(bytes);
        must(ring::Pool::create(memory, bytes, geometry));
        client_.emplace(must(ring::Pool::attach(memory, bytes, 1)), there_, back_);
        server_.emplace(must(ring::Pool::attach(memory, bytes, 2)), back_, there_);
    }

    double trips(Partner& partner) {
        partner.start([this] {
            for (int i = 0; i < kTrips; ++i) server_->send(server_->receive(), size_);
        });
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kTrips; ++i) {
            if (i == 0) {
                client_->send(must(client_->pool.allocate()), size_);
            } else {
                client_->send(client_->receive(), size_);
            }
        }
        {
            const auto last = client_->receive();
        }
        const std::uint64_t end = stamp();
        partner.wait();
        return static_cast<double>(end - begin) / kTrips / 2;
    }

  private:
    struct alignas(128) End {
        End(ring::Pool door, const ring::RingMemory& to, const ring::RingMemory& from)
            : pool(std::move(door)),
              channel(must(ring::SpscProducer::attach(to)),
                      must(ring::SpscConsumer::attach(from))) {}

        ring::Buffer receive() {
            for (;;) {
                auto slots = channel.try_acquire(1);
                if (!slots) continue;
                const auto incoming = must((*slots)[0]);
                auto buffer = must(pool.take(incoming));
                slots->release();
                keep(buffer.bytes().front());
                keep(buffer.bytes().back());
                return buffer;
            }
        }
        void send(ring::Buffer buffer, std::size_t size) {
            buffer.bytes().front() = std::byte{1};
            buffer.bytes().back() = std::byte{2};
            while (!channel.try_send(pool, buffer, 0, size)) {
            }
        }

        ring::Pool pool;
        ring::Channel channel;
    };

    std::size_t size_;
    ring::RingMemory there_ = lasting_ring(ring::RingFlavour::kSpsc, 0);
    ring::RingMemory back_ = lasting_ring(ring::RingFlavour::kSpsc, 0);
    std::optional<End> client_;
    std::optional<End> server_;
};

template <typename Queue>
void add_pair(Contest& contest, Partner& partner, const char* name) {
    auto pair = std::make_shared<Pair<Queue>>();
    contest.add(name,
                [pair, &partner] { return round_trips(partner, pair->client, pair->server); });
}

void one_way(Partner& partner) {
    Contest contest("ring.inline.oneway");
    struct alignas(128) Line {
        std::atomic<std::uint64_t> word{0};
    };
    auto line = std::make_shared<Line>();
    contest.add("line", [line, &partner] { return line_trips(partner, line->word); });
    auto channel = std::make_shared<ChannelPair>();
    contest.add("exo", [channel, &partner] {
        return round_trips(partner, channel->client, channel->server);
    });
    auto lines = std::make_shared<LinesPair>();
    contest.add("lines",
                [lines, &partner] { return round_trips(partner, lines->client, lines->server); });
    add_pair<ExoSpsc>(contest, partner, "exo.rings");
    add_pair<ReaderWriterQueue>(contest, partner, "readerwriterqueue");
    add_pair<BoostSpsc>(contest, partner, "boost.spsc_queue");
    add_pair<RteSpsc>(contest, partner, "rte_ring.spsc");
    auto small = std::make_shared<ZeroCopy>(12, 4096);
    auto large = std::make_shared<ZeroCopy>(16, 65536);
    contest.add("4k", [small, &partner] { return small->trips(partner); });
    contest.add("64k", [large, &partner] { return large->trips(partner); });
    contest.run(kRounds);

    const double bare = contest["line"].p50();
    emit({.name = "line.oneway",
          .unit = "cycles",
          .value = bare,
          .p99 = contest["line"].p99(),
          .target = {},
          .rule = "measured: one line, half a round trip",
          .peers = {},
          .note = {}});
    const double lines_bare = contest["lines"].p50();
    emit({.name = "line.pair.oneway",
          .unit = "cycles",
          .value = lines_bare,
          .p99 = contest["lines"].p99(),
          .target = {},
          .rule = "measured: a number in a line each way, the next line each time, timed as by "
                  "Channel",
          .peers = {},
          .note = {}});
    Row row{.name = "ring.inline.oneway",
            .unit = "cycles",
            .value = contest["exo"].p50(),
            .p99 = contest["exo"].p99(),
            .target = {},
            .rule = "min(1.3 x line.oneway, best peer queue, 350 where line.oneway < 270)",
            .peers = {},
            .note = {}};
    for (const char* peer : {"readerwriterqueue", "boost.spsc_queue", "rte_ring.spsc"}) {
        row.peers.emplace_back(peer, contest[peer].p50());
    }
    row.target = tighter(1.3 * bare, best_peer(row));
    if (bare < 270) row.target = tighter(row.target, 350);
    if (known_miss(row, 1.15 * lines_bare) && row.value <= *best_peer(row)) {
        row.note =
            "payload, indices and checks together cost at most 15 % above line.pair.oneway; the "
            "rest is that a line goes each way: the bare one needs no look that comes too early";
    }
    emit(row);
    emit({.name = "ring.inline.oneway.polling",
          .unit = "cycles",
          .value = contest["exo.rings"].p50(),
          .p99 = contest["exo.rings"].p99(),
          .target = best_peer(row),
          .rule = "best peer queue; two rings polled without Channel's patience",
          .peers = row.peers,
          .note = {}});
    for (const char* size : {"4k", "64k"}) {
        Row copy_free{.name = std::string("ring.zerocopy.oneway.") + size,
                      .unit = "cycles",
                      .value = contest[size].p50(),
                      .p99 = contest[size].p99(),
                      .target = 850,
                      .rule = "850 cycles, whatever the size",
                      .peers = {},
                      .note = {}};
        if (known_miss(copy_free, 2.2 * bare)) {
            copy_free.note =
                "at most 2.2 x line.oneway, as measured with the CPUs far: the slot's line, then "
                "the state word's, then the buffer's";
        }
        emit(copy_free);
    }
}

template <typename Queue>
void add_single(Contest& contest, const char* name) {
    auto queue = std::make_shared<Queue>();
    contest.add(name, [queue] {
        constexpr int kPairs = 1000;
        Payload payload{};
        const std::uint64_t begin = stamp();
        for (int i = 0; i < kPairs; ++i) {
            if (!queue->push(payload) || !queue->pop(payload)) std::abort();
        }
        const std::uint64_t end = stamp();
        keep(payload.bytes[0]);
        return static_cast<double>(end - begin) / kPairs;
    });
}

void same_core() {
    Contest contest("ring.inline.samecore");
    add_single<ExoSpsc>(contest, "exo");
    add_single<ReaderWriterQueue>(contest, "readerwriterqueue");
    add_single<BoostSpsc>(contest, "boost.spsc_queue");
    add_single<RteSpsc>(contest, "rte_ring.spsc");
    contest.run(kRounds);
    Row row{.name = "ring.inline.samecore",
            .unit = "cycles",
            .value = contest["exo"].p50(),
            .p99 = contest["exo"].p99(),
            .target = {},
            .rule = "best peer; send and receive in one thread",
            .peers = contest.medians_except("exo"),
            .note = {}};
    row.target = best_peer(row);
    if (known_miss(row, 1.05 * *row.target)) {
        row.note = "within 5 % of the best peer; cause not isolated";
    }
    emit(row);
}

}  // namespace

void latency_rows(Partner& partner) {
    one_way(partner);
    same_core();
}

}  // namespace exo::bench
