#include "kernel/ipc/pipe_stream.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>

#include "kernel/arch/address.h"

namespace exo {

PipeStream::Ring::~Ring() {
    ::operator delete(memory, std::align_val_t(abi::kRingLine));
}

// The consumer's head may have moved on: then fewer are used than this says.
std::size_t PipeStream::Ring::used() const {
    const ring::Header& header = producer.memory().header();
    return header.tail.load(std::memory_order_relaxed) -
           header.head.load(std::memory_order_acquire);
}

Result<void> PipeStream::make_ring() {
    if (ring_ != nullptr) return {};
    constexpr ring::RingGeometry kGeometry{.flavour = ring::RingFlavour::kSpsc,
                                           .log2_capacity = kLog2Slots};
    constexpr std::size_t kBytes = ring::bytes_for(kGeometry);
    void* memory = ::operator new(kBytes, std::align_val_t(abi::kRingLine), std::nothrow);
    if (memory == nullptr) return Errno::NOMEM;
    // Cannot fail: aligned, large enough, and new.
    const auto view = MUST(ring::RingMemory::create(memory, kBytes, kGeometry));
    const auto producer = MUST(ring::SpscProducer::attach(view));
    const auto consumer = MUST(ring::SpscConsumer::attach(view));
    ring_ = new (std::nothrow) Ring(memory, producer, consumer);
    if (ring_ == nullptr) {
        ::operator delete(memory, std::align_val_t(abi::kRingLine));
        return Errno::NOMEM;
    }
    return {};
}

/// For a write of `bytes`: as many pages as it fills, at least one.
Result<PipeStream::Chunk> PipeStream::allocate_chunk(std::size_t bytes) {
    const std::size_t pages =
        std::clamp(bytes / kPageSize, std::size_t{1}, std::size_t{1} << kMostLog2Pages);
    const auto log2_pages = static_cast<unsigned>(std::bit_width(pages)) - 1;
    if (log2_pages != 0) {
        const Result<PhysAddr> run = allocate_frame_run(log2_pages);
        if (run)
            return Chunk{.frames = *run, .log2_pages = log2_pages, .end = kPageSize << log2_pages};
    }
    return Chunk{.frames = TRY(allocate_frame(Fill::kNone)), .log2_pages = 0, .end = kPageSize};
}

void PipeStream::free_chunk(Chunk* chunk) {
    if (chunk->log2_pages == 0)
        unref_frame(chunk->frames);
    else
        free_frame_run(chunk->frames, chunk->log2_pages);
    delete chunk;
}

Result<void> PipeStream::new_chunk(std::size_t bytes) {
    auto* chunk = new (std::nothrow) Chunk;
    if (chunk == nullptr) return Errno::NOMEM;
    const Result<Chunk> made = allocate_chunk(bytes);
    if (!made) {
        delete chunk;
        return made.error();
    }
    *chunk = *made;
    ring::Message message{
        .kind = ring::SlotKind::kDescriptor, .length = sizeof(Chunk*), .payload = {}};
    std::memcpy(message.payload, static_cast<void*>(&chunk), sizeof(Chunk*));
    const Result<void> sent = ring_->producer.try_send(message);
    EXO_CHECK(sent.has_value(), "a pipe has more chunks than its capacity needs");
    open_chunk_ = chunk;
    return {};
}

Result<std::size_t> PipeStream::write(IoCursor& from, std::size_t most) {
    TRY(make_ring());
    // While the pipe is empty the reading side touches nothing: the chunk can be ended, and small
    // writes go into slots again. A chunk that carried nothing stays, or faulting writes could send
    // more chunks than the ring has slots.
    if (open_chunk_ != nullptr && open_chunk_->filled != 0 && bytes() == 0 &&
        most <= abi::kRingPayload) {
        open_chunk_->end = open_chunk_->filled;
        open_chunk_ = nullptr;
    }
    const bool small = most <= abi::kRingPayload && open_chunk_ == nullptr;
    const Result<std::size_t> done =
        small && ring_->used() < kMostInline ? write_inline(from, most) : write_chunks(from, most);
    if (done) bytes_.fetch_add(*done, std::memory_order_seq_cst);
    return done;
}

namespace {

/// What was moved from or to the byte `begin` of a chunk: all that was wanted, or, as in Linux's
/// pipes, whole pages up to a fault. FAULT: none.
Result<std::size_t> whole_pages(IoCursor& cursor, Result<std::size_t> moved, std::size_t wanted,
                                std::size_t begin) {
    if (!moved || *moved == wanted) return moved;
    const std::size_t end = (begin + *moved) / kPageSize * kPageSize;
    const std::size_t kept = end > begin ? end - begin : 0;
    cursor.rewind(*moved - kept);
    if (kept == 0) return Errno::FAULT;
    return kept;
}

}  // namespace

Result<std::size_t> PipeStream::write_inline(IoCursor& from, std::size_t bytes) {
    ring::Message message{.kind = ring::SlotKind::kInline, .payload = {}};
    const std::size_t taken = TRY(whole_pages(from, from.take(message.payload, bytes), bytes, 0));
    message.length = static_cast<std::uint8_t>(taken);
    const Result<void> sent = ring_->producer.try_send(message);
    EXO_CHECK(sent.has_value(), "a slot of a pipe that was free is taken");
    return taken;
}

Result<std::size_t> PipeStream::write_chunks(IoCursor& from, std::size_t bytes) {
    std::size_t done = 0;
    Result<std::size_t> taken = std::size_t{0};
    while (done < bytes) {
        if (open_chunk_ == nullptr) {
            const Result<void> made = new_chunk(bytes - done);
            if (!made) {
                taken = made.error();
                break;
            }
        }
        Chunk& chunk = *open_chunk_;
        const std::size_t piece = std::min(bytes - done, chunk.end - chunk.filled);
        std::byte* const to = direct_pointer<std::byte>(chunk.frames) + chunk.filled;
        taken = whole_pages(from, from.take(to, piece), piece, chunk.filled);
        if (!taken) break;
        chunk.filled += *taken;
        done += *taken;
        if (chunk.filled == chunk.end) open_chunk_ = nullptr;
    }
    if (done == 0 && !taken) return taken;
    return done;
}

// What is read next is in the front message, which was taken off the ring whole.
void PipeStream::find_front() {
    for (;;) {
        if (front_chunk_ != nullptr) {
            if (front_at_ != front_chunk_->end) return;
            free_chunk(std::exchange(front_chunk_, nullptr));
            front_at_ = front_.length;
        }
        if (front_at_ < front_.length) return;
        const Result<ring::Message> message = ring_->consumer.try_receive();
        EXO_CHECK(message.has_value(), "a pipe has fewer bytes than it says");
        front_ = *message;
        front_at_ = 0;
        if (front_.kind == ring::SlotKind::kDescriptor) {
            std::memcpy(static_cast<void*>(&front_chunk_), front_.payload, sizeof(Chunk*));
            front_.length = 0;
        }
    }
}

Result<std::size_t> PipeStream::read_front(IoCursor& to, std::size_t bytes) {
    const std::byte* from = front_chunk_ != nullptr
                                ? direct_pointer<const std::byte>(front_chunk_->frames)
                                : front_.payload;
    const std::size_t end = front_chunk_ != nullptr ? front_chunk_->end : front_.length;
    const std::size_t piece = std::min(bytes, end - front_at_);
    return whole_pages(to, to.put(from + front_at_, piece), piece, front_at_);
}

Result<std::size_t> PipeStream::read(IoCursor& to) {
    const std::size_t most = std::min(bytes(), to.remaining());
    std::size_t done = 0;
    Result<std::size_t> moved = std::size_t{0};
    while (done < most) {
        find_front();
        moved = read_front(to, most - done);
        if (!moved) break;
        front_at_ += *moved;
        done += *moved;
    }
    if (done == 0 && !moved) return moved;
    bytes_.fetch_sub(done, std::memory_order_seq_cst);
    return done;
}

Result<std::size_t> PipeStream::peek(IoCursor& to) {
    const std::size_t most = std::min(bytes(), to.remaining());
    if (most == 0) return std::size_t{0};
    find_front();
    return read_front(to, most);
}

void PipeStream::clear() {
    open_chunk_ = nullptr;
    if (front_chunk_ != nullptr) free_chunk(std::exchange(front_chunk_, nullptr));
    front_.length = 0;
    front_at_ = 0;
    if (ring_ == nullptr) return;
    while (const Result<ring::Message> message = ring_->consumer.try_receive()) {
        if (message->kind != ring::SlotKind::kDescriptor) continue;
        Chunk* chunk;
        std::memcpy(static_cast<void*>(&chunk), message->payload, sizeof(Chunk*));
        free_chunk(chunk);
    }
    delete std::exchange(ring_, nullptr);
    bytes_.store(0, std::memory_order_relaxed);
}

}  // namespace exo
