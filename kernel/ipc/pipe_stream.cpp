#include "kernel/ipc/pipe_stream.h"

#include <algorithm>
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

void PipeStream::free_page(Page* page) {
    unref_frame(page->frame);
    delete page;
}

Result<void> PipeStream::new_page() {
    const PhysAddr frame = TRY(allocate_frame(Fill::kNone));
    auto* page = new (std::nothrow) Page{.frame = frame};
    if (page == nullptr) {
        unref_frame(frame);
        return Errno::NOMEM;
    }
    ring::Message message{
        .kind = ring::SlotKind::kDescriptor, .length = sizeof(Page*), .payload = {}};
    std::memcpy(message.payload, static_cast<void*>(&page), sizeof(Page*));
    const Result<void> sent = ring_->producer.try_send(message);
    EXO_CHECK(sent.has_value(), "a pipe has more pages than its capacity needs");
    open_page_ = page;
    return {};
}

Result<std::size_t> PipeStream::write(IoCursor& from, std::size_t most) {
    TRY(make_ring());
    // While the pipe is empty the reading side touches nothing: the page can be ended, and small
    // writes go into slots again. A page that carried nothing stays, or faulting writes could send
    // more pages than the ring has slots.
    if (open_page_ != nullptr && open_page_->filled != 0 && bytes() == 0 &&
        most <= abi::kRingPayload) {
        open_page_->end = open_page_->filled;
        open_page_ = nullptr;
    }
    const bool small = most <= abi::kRingPayload && open_page_ == nullptr;
    const Result<std::size_t> done =
        small && ring_->used() < kMostInline ? write_inline(from, most) : write_pages(from, most);
    if (done) bytes_.fetch_add(*done, std::memory_order_seq_cst);
    return done;
}

namespace {

/// Moved whole, or not at all: a fault on the way is FAULT, as in Linux's pipes.
Result<std::size_t> whole(IoCursor& cursor, Result<std::size_t> moved, std::size_t wanted) {
    if (!moved || *moved == wanted) return moved;
    cursor.rewind(*moved);
    return Errno::FAULT;
}

}  // namespace

Result<std::size_t> PipeStream::write_inline(IoCursor& from, std::size_t bytes) {
    ring::Message message{.kind = ring::SlotKind::kInline, .payload = {}};
    const std::size_t taken = TRY(whole(from, from.take(message.payload, bytes), bytes));
    message.length = static_cast<std::uint8_t>(taken);
    const Result<void> sent = ring_->producer.try_send(message);
    EXO_CHECK(sent.has_value(), "a slot of a pipe that was free is taken");
    return taken;
}

Result<std::size_t> PipeStream::write_pages(IoCursor& from, std::size_t bytes) {
    std::size_t done = 0;
    Result<std::size_t> taken = std::size_t{0};
    while (done < bytes) {
        if (open_page_ == nullptr) {
            const Result<void> made = new_page();
            if (!made) {
                taken = made.error();
                break;
            }
        }
        const std::size_t piece = std::min(bytes - done, kPageSize - open_page_->filled);
        std::byte* const to = direct_pointer<std::byte>(open_page_->frame) + open_page_->filled;
        taken = whole(from, from.take(to, piece), piece);
        if (!taken) break;
        open_page_->filled += *taken;
        done += *taken;
        if (open_page_->filled == kPageSize) open_page_ = nullptr;
    }
    if (done == 0 && !taken) return taken;
    return done;
}

// What is read next is in the front message, which was taken off the ring whole.
void PipeStream::find_front() {
    for (;;) {
        if (front_page_ != nullptr) {
            if (front_at_ != front_page_->end) return;
            free_page(std::exchange(front_page_, nullptr));
            front_at_ = front_.length;
        }
        if (front_at_ < front_.length) return;
        const Result<ring::Message> message = ring_->consumer.try_receive();
        EXO_CHECK(message.has_value(), "a pipe has fewer bytes than it says");
        front_ = *message;
        front_at_ = 0;
        if (front_.kind == ring::SlotKind::kDescriptor) {
            std::memcpy(static_cast<void*>(&front_page_), front_.payload, sizeof(Page*));
            front_.length = 0;
        }
    }
}

Result<std::size_t> PipeStream::read_front(IoCursor& to, std::size_t bytes) {
    const std::byte* from = front_page_ != nullptr
                                ? direct_pointer<const std::byte>(front_page_->frame)
                                : front_.payload;
    const std::size_t end = front_page_ != nullptr ? front_page_->end : front_.length;
    const std::size_t piece = std::min(bytes, end - front_at_);
    return whole(to, to.put(from + front_at_, piece), piece);
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
    open_page_ = nullptr;
    if (front_page_ != nullptr) free_page(std::exchange(front_page_, nullptr));
    front_.length = 0;
    front_at_ = 0;
    if (ring_ == nullptr) return;
    while (const Result<ring::Message> message = ring_->consumer.try_receive()) {
        if (message->kind != ring::SlotKind::kDescriptor) continue;
        Page* page;
        std::memcpy(static_cast<void*>(&page), message->payload, sizeof(Page*));
        free_page(page);
    }
    delete std::exchange(ring_, nullptr);
    bytes_.store(0, std::memory_order_relaxed);
}

}  // namespace exo
