// Channel: two SPSC rings, one each way, as a client and a server use them; it knows when an answer
// can be there at the earliest.
//
// A line changes hands in one transfer if the sender holds it and the receiver touches it only once
// the message is in. A receiver that looks while the answer is under way takes the line away, and
// then the answer costs three transfers: this look, the sender's claim, the next look. So after a
// send, the first look waits as long as no answer can be there anyway: about one transfer, which is
// measured, for the request to arrive, and a little for the other side to write. Streams, which
// receive without sending between, never wait. Now and then a look does without, to find out
// whether answers are there already, as they are for who keeps many requests under way: a probe
// that finds nothing has cost those two transfers, so the next one comes after twice as many looks.
#pragma once

#include <algorithm>
#include <cstdint>

#include "lib/base/cpu.h"
#include "lib/ring/pool.h"
#include "lib/ring/spsc.h"

namespace exo::ring {

class Patience {
  public:
    /// The other side can answer from now on.
    void sent() {
        sent_at_ = read_tsc();
        first_ = true;
    }

    /// Before a look: waits, if it is the first since sent(), for the earliest useful moment; at
    /// most kLongest cycles. Returns whether looked() wants to know what the look takes.
    bool before_look() {
        if (!first_) return measures_;
        first_ = false;
        ++waits_;
        measures_ = waits_ % kMeasure == 0;
        probing_ = --until_probe_ == 0;
        if (probing_ || idle_ != 0) return measures_;
        while (read_tsc() - sent_at_ < transfer_ + kWriting) {
        }
        return measures_;
    }

    /// After a look that took `cycles`, 0 if nobody measured.
    void looked(bool found, std::uint64_t cycles) {
        if (probing_) {
            idle_ = found ? kProbe : 0;
            period_ = found ? kProbe : std::min(2 * period_, kRareProbe);
            until_probe_ = period_;
            probing_ = false;
        } else if (idle_ != 0 && found) {
            --idle_;
        }
        if (!found || cycles == 0) return;
        measures_ = false;
        transfer_ = (transfer_ * 7 + std::min(cycles, kLongest - kWriting)) / 8;
    }

  private:
    static constexpr std::uint64_t kLongest = 600;
    static constexpr std::uint64_t kWriting = 64;
    static constexpr std::uint32_t kProbe = 64;
    static constexpr std::uint32_t kRareProbe = 1024;
    static constexpr std::uint32_t kMeasure = 8;

    std::uint64_t sent_at_ = 0;
    std::uint64_t transfer_ = 0;  // cycles that a look takes which finds a message
    std::uint32_t waits_ = 0;
    std::uint32_t period_ = kProbe;  // first looks from one probe to the next
    std::uint32_t until_probe_ = kProbe;
    std::uint32_t idle_ = 0;  // messages for which not to wait: the last probe found one at once
    bool first_ = false;
    bool probing_ = false;
    bool measures_ = false;
};

class Channel {
    // Before their users: the return type of look() is deduced.
    Result<void> note(Result<void> sent) {
        if (sent) {
            out_.claim_line();
            patience_.sent();
        }
        return sent;
    }

    auto look(auto receive) {
        if (!patience_.before_look()) {
            auto received = receive();
            patience_.looked(received.has_value(), 0);
            return received;
        }
        const std::uint64_t before = read_tsc();
        auto received = receive();
        asm volatile("lfence" ::: "memory");
        patience_.looked(received.has_value(), read_tsc() - before);
        return received;
    }

  public:
    Channel(const SpscProducer& out, const SpscConsumer& in) : out_(out), in_(in) {}

    /// As SpscProducer::try_send().
    Result<void> try_send(const Message& message) { return note(out_.try_send(message)); }
    Result<void> try_send(const std::byte* payload, SlotHeader header) {
        return note(out_.try_send(payload, header));
    }

    /// As Pool::try_send().
    Result<void> try_send(Pool& pool, Buffer& buffer, std::size_t offset, std::size_t length,
                          std::uint16_t tag = 0) {
        return note(pool.try_send(out_, buffer, offset, length, tag));
    }

    /// As SpscConsumer::try_receive(), except that the first look after a send waits some hundred
    /// cycles at most.
    Result<Message> try_receive() {
        return look([this] { return in_.try_receive(); });
    }
    Result<SlotHeader> try_receive(std::byte* payload) {
        return look([&] { return in_.try_receive(payload); });
    }
    /// As SpscConsumer::try_acquire(), with the same wait: for Pool::take() of one message.
    Result<Acquisition<SpscConsumer>> try_acquire(std::uint32_t want) {
        return look([&] { return in_.try_acquire(want); });
    }

    [[nodiscard]] SpscProducer& out() { return out_; }
    [[nodiscard]] SpscConsumer& in() { return in_; }

  private:
    SpscProducer out_;
    SpscConsumer in_;
    Patience patience_;
};

}  // namespace exo::ring
