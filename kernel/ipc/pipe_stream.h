// The bytes in a pipe: an SPSC ring whose messages are up to 56 bytes in their slot, or a chunk of
// pages.
//
// The writing side fills, then adds what it wrote to `bytes`; the reading side takes no more than
// `bytes` says, then subtracts. So a write becomes visible at once however many messages it took,
// and the writer may go on filling the last chunk that it sent: it writes only where `bytes` does
// not reach yet. A chunk ends where it is full, or where the writer ended it while the pipe was
// empty. A long write gets a chunk of as many pages as it fills; one is freed when it has been
// read, so a pipe may hold twice what its capacity says, for a while.
//
// Each side is one thread at a time (the pipe's mutexes). Memory order: the addition to `bytes` is
// a release and is read by an acquire before anything it covers is read; likewise the subtraction
// and what the writer uses again. Both are sequentially consistent, so that who then looks for
// sleepers cannot miss one that looked at `bytes` before (kernel/core/wait_queue.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "kernel/arch/address.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/io_cursor.h"
#include "lib/base/atomic.h"
#include "lib/ring/spsc.h"

namespace exo {

class PipeStream {
  public:
    PipeStream() = default;
    ~PipeStream() { clear(); }
    PipeStream(const PipeStream&) = delete;
    PipeStream& operator=(const PipeStream&) = delete;

    /// Bytes that can be read now.
    [[nodiscard]] std::size_t bytes() const { return bytes_.load(std::memory_order_seq_cst); }

    /// Appends up to `most` bytes of `from`, for which there is room; visible when it returns. A
    /// page that cannot be taken whole because of a fault is not taken; those before it count.
    /// NOMEM; FAULT. For the writing side.
    Result<std::size_t> write(IoCursor& from, std::size_t most);
    /// Up to what there is, at least one byte; whole pieces, as write() takes them. FAULT. For the
    /// reading side.
    Result<std::size_t> read(IoCursor& to);

    /// What read() would move next, up to the end of its message; moves nothing on. FAULT. For the
    /// reading side, while there is a byte.
    Result<std::size_t> peek(IoCursor& to);

    /// Frees everything; nobody reads or writes. The ring itself goes too.
    void clear();

  private:
    static constexpr std::size_t kLog2Slots = 5;
    static constexpr std::size_t kSlots = std::size_t{1} << kLog2Slots;
    /// Messages in slots are sent only while so few are on their way: 16 pages, which is all that
    /// the capacity can ask for, fit in what remains.
    static constexpr std::size_t kMostInline = kSlots - 17;

    /// Of the largest chunk: what the capacity may be.
    static constexpr unsigned kMostLog2Pages = 4;

    /// Pages on their way.
    struct Chunk {
        PhysAddr frames;
        unsigned log2_pages;
        std::size_t end;  // less than the pages if it was ended early, while the pipe was empty
        std::size_t filled = 0;  // the writing side's
    };

    struct Ring {
        Ring(void* at, ring::SpscProducer p, ring::SpscConsumer c)
            : memory(at), producer(p), consumer(c) {}
        ~Ring();
        void* memory;
        ring::SpscProducer producer;
        ring::SpscConsumer consumer;
        [[nodiscard]] std::size_t used() const;
    };

    Result<void> make_ring();
    Result<void> new_chunk(std::size_t bytes);
    Result<std::size_t> write_inline(IoCursor& from, std::size_t bytes);
    Result<std::size_t> write_chunks(IoCursor& from, std::size_t bytes);
    void find_front();
    Result<std::size_t> read_front(IoCursor& to, std::size_t bytes);
    static Result<Chunk> allocate_chunk(std::size_t bytes);
    static void free_chunk(Chunk* chunk);

    Atomic<std::size_t> bytes_{0};
    Ring* ring_ = nullptr;  // made by the first write; the reading side sees it through `bytes_`

    // The writing side's.
    Chunk* open_chunk_ = nullptr;  // the last message, if it is a chunk that has room

    // The reading side's.
    Chunk* front_chunk_ = nullptr;  // being read
    std::size_t front_at_ = 0;      // in it, or in `front_`
    ring::Message front_;           // being read, if there is no front chunk
};

}  // namespace exo
