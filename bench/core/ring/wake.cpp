// A round trip in which each side sleeps until the other wakes it: the ring with its event count
// against Linux's own means, on one core and across two.
#include <linux/futex.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <functional>
#include <memory>
#include <thread>

#include "bench/core/harness/contest.h"
#include "bench/core/harness/machine.h"
#include "bench/core/harness/report.h"
#include "bench/core/ring/queues.h"
#include "bench/core/ring/rows.h"
#include "lib/ring/blocking.h"
#include "lib/ring/host/futex.h"

namespace exo::bench {

namespace {

/// A thread on a CPU of its own choice that answers until told to stop by `stop`.
class Responder {
  public:
    Responder(int cpu, const std::function<void()>& serve)
        : thread_([cpu, serve] {
              pin_to_cpu(cpu);
              serve();
          }) {}
    void join() { thread_.join(); }

  private:
    std::thread thread_;
};

std::atomic<std::uint64_t> sleeps;

struct CountingPort : ring::PrivateFutexPort {
    static void wait(Atomic<std::uint32_t>& word, std::uint32_t expected) {
        sleeps.fetch_add(1, std::memory_order_relaxed);
        ring::PrivateFutexPort::wait(word, expected);
    }
};

using Sender = ring::BlockingSender<ring::SpscProducer, CountingPort>;
using Receiver = ring::BlockingReceiver<ring::SpscConsumer, CountingPort>;

struct RingEnd {
    Sender out;
    Receiver in;
    RingEnd(const ring::RingMemory& to, const ring::RingMemory& from)
        // No spinning: this row is about sleeping.
        : out(must(ring::SpscProducer::attach(to)), ring::Sleepers::kOne, 0),
          in(must(ring::SpscConsumer::attach(from)), ring::Sleepers::kOne, 0) {}
};

struct RingLink {
    ring::RingMemory there = lasting_ring(ring::RingFlavour::kSpsc, 0);
    ring::RingMemory back = lasting_ring(ring::RingFlavour::kSpsc, 0);
    RingEnd client{there, back};
    RingEnd server{back, there};

    void trip() {
        ring::Message message;
        message.length = abi::kRingPayload;
        if (!client.out.send(message) || !client.in.receive()) std::abort();
    }
    void serve() {
        while (const auto message = server.in.receive()) {
            if (!server.out.send(*message)) std::abort();
        }
    }
    void stop() { client.out.close(); }
};

/// The least that futex(2) can do: two words, one wake and one wait a side, no payload.
struct FutexLink {
    alignas(64) std::atomic<std::uint32_t> there{0};
    alignas(64) std::atomic<std::uint32_t> back{0};
    std::uint32_t turn = 0;

    static void call(std::atomic<std::uint32_t>& word, int operation, std::uint32_t value) {
        syscall(SYS_futex, &word, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr, 0);
    }
    static void await(std::atomic<std::uint32_t>& word, std::uint32_t old) {
        while (word.load(std::memory_order_acquire) == old) call(word, FUTEX_WAIT, old);
    }
    static void signal(std::atomic<std::uint32_t>& word, std::uint32_t value) {
        word.store(value, std::memory_order_release);
        call(word, FUTEX_WAKE, 1);
    }
    void trip() {
        signal(there, turn + 1);
        await(back, turn);
        ++turn;
    }
    void serve() {
        for (std::uint32_t seen = 0;; ++seen) {
            await(there, seen);
            if (there.load() == ~0U) return;
            signal(back, seen + 1);
        }
    }
    void stop() { signal(there, ~0U); }
};

/// Two descriptors, each read at one end and written at the other.
struct DescriptorLink {
    int client[2];  // read, write
    int server[2];

    static DescriptorLink of_pipes() {
        int there[2];
        int back[2];
        if (pipe(there) != 0 || pipe(back) != 0) std::abort();
        return {{back[0], there[1]}, {there[0], back[1]}};
    }
    static DescriptorLink of_sockets() {
        int ends[2];
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) std::abort();
        return {{ends[0], ends[0]}, {ends[1], ends[1]}};
    }
    void trip() {
        Payload payload{};
        if (write(client[1], &payload, sizeof payload) != sizeof payload ||
            read(client[0], &payload, sizeof payload) != sizeof payload) {
            std::abort();
        }
    }
    void serve() {
        Payload payload;
        while (read(server[0], &payload, sizeof payload) == sizeof payload) {
            if (write(server[1], &payload, sizeof payload) != sizeof payload) return;
        }
    }
    void stop() { close(client[1]); }
};

template <typename Link>
void add_link(Contest& contest, std::vector<std::function<void()>>& ends, const char* name,
              const std::shared_ptr<Link>& link, int cpu, unsigned trips) {
    auto responder = std::make_shared<Responder>(cpu, [link] { link->serve(); });
    contest.add(name, [link, trips] {
        const std::uint64_t begin = stamp();
        for (unsigned i = 0; i < trips; ++i) link->trip();
        return static_cast<double>(stamp() - begin) / trips;
    });
    ends.emplace_back([link, responder] {
        link->stop();
        responder->join();
    });
}

void wake_row(const char* row_name, const char* rule, int cpu, unsigned trips, unsigned rounds) {
    Contest contest(row_name);
    std::vector<std::function<void()>> ends;
    add_link(contest, ends, "exo", std::make_shared<RingLink>(), cpu, trips);
    add_link(contest, ends, "futex", std::make_shared<FutexLink>(), cpu, trips);
    add_link(contest, ends, "pipe", std::make_shared<DescriptorLink>(DescriptorLink::of_pipes()),
             cpu, trips);
    add_link(contest, ends, "unix.socket",
             std::make_shared<DescriptorLink>(DescriptorLink::of_sockets()), cpu, trips);
    sleeps = 0;
    contest.run(rounds);
    const unsigned all_rounds = rounds + rounds / 10 + 1;  // with Contest's warm-up
    const double per_trip =
        static_cast<double>(sleeps.load()) / (static_cast<double>(all_rounds) * trips);
    std::fprintf(stderr, "%s: %.2f sleeps a round trip\n", row_name, per_trip);
    Row row{.name = row_name,
            .unit = "cycles",
            .value = contest["exo"].p50(),
            .p99 = contest["exo"].p99(),
            .target = contest["futex"].p50(),
            .rule = rule,
            .peers = contest.medians_except("exo"),
            .note = {}};
    if (known_miss(row, 1.05 * *row.target)) {
        row.note = "within 5 % of the futex figure; cause not isolated";
    }
    emit(row);
    for (auto& end : ends) end();
}

}  // namespace

void wake_rows(int here, int there) {
    wake_row("ring.wake.roundtrip", "futex in the same run; both sides on one core, sleeping", here,
             16, 1000);
    wake_row("ring.wake.crosscore", "futex in the same run; two cores, sleeping", there, 2, 600);
}

}  // namespace exo::bench
