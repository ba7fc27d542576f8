#include "kernel/ipc/packet_queue.h"

#include <algorithm>

namespace exo {

PacketQueue::~PacketQueue() {
    close();
}

Result<void> PacketQueue::push(Box<Packet> packet, FileFlags flags) {
    for (;;) {
        {
            auto state = state_.lock();
            if (state->closed) return Errno::CONNREFUSED;
            if (state->ended) return Errno::PIPE;
            if (state->has_room()) {
                ++state->count;
                state->bytes += packet->data.size();
                state->packets.push_back(*packet.release());
                break;
            }
        }
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(writable_.wait([this] {
            auto state = state_.lock();
            return state->has_room() || state->over();
        }));
    }
    readable_.wake_one(WakeHint::kSync);
    return {};
}

/// AGAIN: there is none.
Result<std::size_t> PacketQueue::take_first(IoCursor& to, Take take, About& about) {
    Packet* first;
    std::size_t size;
    {
        const MutexGuard guard(receiving_);
        first = state_.lock()->packets.front();
        if (first == nullptr) return Errno::AGAIN;
        size = std::min(first->data.size(), to.remaining());
        const std::size_t put = size == 0 ? 0 : TRY(to.put(first->data.data(), size));
        if (put != size) {
            to.rewind(put);
            return Errno::FAULT;
        }
        about = {first->handles, first->sender, first->from, first->data.size()};
        if (take == Take::kLook) return size;
        auto state = state_.lock();
        first->link.unlink();
        --state->count;
        state->bytes -= first->data.size();
    }
    delete first;
    writable_.wake_one();
    return size;
}

Result<std::size_t> PacketQueue::receive(IoCursor& to, FileFlags flags, Take take, About& about) {
    for (;;) {
        // Before the look: what was sent before the end is seen by it.
        const bool over = ended();
        const Result<std::size_t> done = take_first(to, take, about);
        if (done || done.error() != Errno::AGAIN) return done;
        if (over) return std::size_t{0};
        if (has(flags, FileFlags::kNonBlocking)) return Errno::AGAIN;
        TRY(readable_.wait([this] {
            auto state = state_.lock();
            return state->count != 0 || state->over();
        }));
    }
}

void PacketQueue::end() {
    state_.lock()->ended = true;
    readable_.wake_all();
    writable_.wake_all();
}

void PacketQueue::close() {
    state_.lock()->closed = true;
    for (;;) {
        Packet* packet;
        {
            // Nobody takes a packet off that is being copied.
            const MutexGuard guard(receiving_);
            auto state = state_.lock();
            packet = state->packets.pop_front();
            if (packet == nullptr) break;
            --state->count;
            state->bytes -= packet->data.size();
        }
        delete packet;
    }
    readable_.wake_all();
    writable_.wake_all();
}

std::size_t PacketQueue::first_size() {
    auto state = state_.lock();
    Packet* first = state->packets.front();
    return first == nullptr ? 0 : first->data.size();
}

}  // namespace exo
