#include "kernel/mm/memory_object.h"

#include <algorithm>
#include <cstring>

#include "kernel/mm/io_cursor.h"
#include "kernel/mm/out_of_memory.h"
#include "lib/base/defer.h"

namespace exo {

namespace {

class AnonymousObject final : public MemoryObject {
  private:
    Result<PhysAddr> fill_page(std::uint64_t) override { return allocate_frame(Fill::kZero); }
};

/// What of a transfer from `offset` on lies in one page.
std::size_t bytes_in_page(std::uint64_t offset, std::size_t bytes) {
    return std::min<std::size_t>(bytes, kPageSize - offset % kPageSize);
}

std::byte* page_bytes(PhysAddr frame, std::uint64_t offset) {
    return direct_pointer<std::byte>(frame) + offset % kPageSize;
}

}  // namespace

MemoryObject::~MemoryObject() {
    drop_pages(0);
}

Result<PhysAddr> MemoryObject::resident_page(std::uint64_t index) {
    auto pages = pages_.lock();
    const PhysAddr frame(pages->get(index));
    if (frame.value == 0) return Errno::NOENT;
    ref_frame(frame);
    return frame;
}

Result<PhysAddr> MemoryObject::page(std::uint64_t index) {
    if (const auto resident = resident_page(index)) return *resident;
    const PhysAddr fresh = TRY(fill_page(index));
    auto pages = pages_.lock();
    PhysAddr frame(pages->get(index));
    if (frame.value != 0) {
        unref_frame(fresh);  // somebody else was faster
    } else {
        const auto set = pages->set(index, fresh.value);
        if (!set) {
            unref_frame(fresh);
            return set.error();
        }
        resident_pages_.fetch_add(1, std::memory_order_relaxed);
        frame = fresh;
    }
    ref_frame(frame);
    return frame;
}

Result<std::size_t> MemoryObject::read(IoCursor& to, std::uint64_t offset, std::uint64_t size) {
    std::size_t done = 0;
    while (offset < size && to.remaining() != 0) {
        const auto left = std::min<std::uint64_t>(to.remaining(), size - offset);
        const std::size_t bytes = bytes_in_page(offset, left);
        const auto frame = resident_page(offset / kPageSize);
        // The reference keeps the page, no lock is held: the copy may fault, even on this object.
        const auto put = frame ? to.put(page_bytes(*frame, offset), bytes) : to.put_zeroes(bytes);
        if (frame) unref_frame(*frame);
        if (!put) {
            if (done == 0) return put.error();
            break;
        }
        done += *put;
        offset += *put;
        if (*put < bytes) break;
    }
    return done;
}

/// Takes `bytes` of one page; `done` of them were taken.
Result<void> MemoryObject::write_page(IoCursor& from, std::uint64_t offset, std::size_t bytes,
                                      std::size_t& done) {
    const PhysAddr frame = TRY(page(offset / kPageSize));
    const auto taken = from.take(page_bytes(frame, offset), bytes);
    unref_frame(frame);
    done = TRY(taken);
    return {};
}

Result<std::size_t> MemoryObject::write(IoCursor& from, std::uint64_t offset) {
    std::size_t done = 0;
    while (from.remaining() != 0) {
        const std::size_t bytes = bytes_in_page(offset, from.remaining());
        std::size_t taken = 0;
        auto result = write_page(from, offset, bytes, taken);
        while (!result && result.error() == Errno::NOMEM && relieve_memory())
            result = write_page(from, offset, bytes, taken);
        if (!result) {
            if (done == 0) return result.error();
            break;
        }
        done += taken;
        offset += taken;
        extend(offset);
        if (taken < bytes) break;
    }
    return done;
}

void MemoryObject::extend(std::uint64_t size) {
    std::uint64_t seen = size_.load(std::memory_order_relaxed);
    while (size > seen && !size_.compare_exchange_weak(seen, size, std::memory_order_release,
                                                       std::memory_order_relaxed)) {
    }
}

void MemoryObject::truncate(std::uint64_t size) {
    mapping_lock_.acquire();
    size_.store(size, std::memory_order_release);
    const std::uint64_t first = size / kPageSize + (size % kPageSize != 0 ? 1 : 0);
    // While they are unmapped everywhere, the object's own references keep the pages from reuse.
    for (ObjectMapping* mapping = mappings_.front(); mapping != nullptr;
         mapping = mappings_.next(*mapping)) {
        mapping->zap(*this, first);
    }
    drop_pages(first);
    mapping_lock_.release();
    if (size % kPageSize == 0) return;
    if (const auto last = resident_page(size / kPageSize)) {
        std::memset(page_bytes(*last, size), 0, kPageSize - size % kPageSize);
        unref_frame(*last);
    }
}

void MemoryObject::drop_pages(std::uint64_t first) {
    auto pages = pages_.lock();
    pages->erase_from(first, [this](std::uint64_t frame) {
        unref_frame(PhysAddr(frame));
        resident_pages_.fetch_sub(1, std::memory_order_relaxed);
    });
}

Result<void> MemoryObject::claim_writable_mapping() {
    const MutexGuard guard(mapping_lock_);
    if (writable_denied_) return Errno::PERM;
    ++writable_claims_;
    return {};
}

void MemoryObject::release_claim() {
    const MutexGuard guard(mapping_lock_);
    --writable_claims_;
}

Result<void> MemoryObject::deny_writable_mappings() {
    const MutexGuard guard(mapping_lock_);
    if (writable_claims_ != 0) return Errno::BUSY;
    for (ObjectMapping* each = mappings_.front(); each != nullptr; each = mappings_.next(*each))
        if (each->may_write()) return Errno::BUSY;
    writable_denied_ = true;
    return {};
}

void MemoryObject::attach(ObjectMapping& mapping) {
    mapping_lock_.acquire();
    mappings_.push_back(mapping);
    mapping_lock_.release();
}

void MemoryObject::detach(ObjectMapping& mapping) {
    mapping_lock_.acquire();
    mapping.link_.unlink();
    mapping_lock_.release();
}

Result<Ref<MemoryObject>> create_anonymous_object() {
    return TRY(make_ref<AnonymousObject>());
}

}  // namespace exo
