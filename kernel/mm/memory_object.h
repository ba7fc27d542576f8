// A memory object holds pages by index: a file's page cache, or shared anonymous memory. read(2),
// write(2) and mmap(2) of a file see the same pages. Private anonymous memory has no object: its
// pages belong to the page tables that map them.
//
// Lock order: the mapping lock (Mutex, kMemoryObject: held while a page is mapped into a program,
// and by truncate(), so that no page beyond the end is mapped afterwards) > pages (SpinLock,
// kObjectPages). An address space's lock comes before both, its tables' lock in between.
#pragma once

#include <cstdint>

#include "kernel/core/mutex.h"
#include "kernel/mm/frames.h"
#include "kernel/object/object.h"
#include "lib/base/list.h"
#include "lib/base/radix_tree.h"

namespace exo {

class IoCursor;

/// A place where pages of an object are mapped, as the object knows it.
class ObjectMapping {
  public:
    /// Takes pages from `first` on out of the program's page tables, private copies too. Under the
    /// object's mapping lock; every access afterwards faults.
    virtual void zap(class MemoryObject& object, std::uint64_t first) = 0;
    /// Whether the program may write to the object through it, now or after mprotect(2).
    [[nodiscard]] virtual bool may_write() const = 0;

  protected:
    ~ObjectMapping() = default;

  private:
    friend class MemoryObject;
    ListLink link_;
};

class MemoryObject : public Object {
  public:
    /// The frame of page `index`, with a reference for the caller; a page that is not there yet is
    /// made (fill_page()). NOMEM; IO. May sleep.
    Result<PhysAddr> page(std::uint64_t index);
    /// The same if it is there already; NOENT: it is not. Does not sleep.
    Result<PhysAddr> resident_page(std::uint64_t index);

    /// Bytes between cursor and pages, from `offset`; read() stops at `size`, and pages that were
    /// never written read as zero without being made. What was done before an error counts. May
    /// sleep and fault.
    Result<std::size_t> read(IoCursor& to, std::uint64_t offset, std::uint64_t size);
    Result<std::size_t> write(IoCursor& from, std::uint64_t offset);

    /// Gives pages beyond `size` back and zeroes the rest of the last. Mappings of them are gone
    /// afterwards. May sleep.
    void truncate(std::uint64_t size);

    /// Where the object ends, for faults: a mapped page that begins there or later cannot be
    /// touched. Objects begin without an end; truncate() sets one, and write() moves it.
    static constexpr std::uint64_t kNoEnd = ~std::uint64_t{0};
    /// Moves the end to `size`, never back.
    void extend(std::uint64_t size);
    [[nodiscard]] std::uint64_t size() const { return size_.load(std::memory_order_acquire); }

    [[nodiscard]] std::uint64_t resident_bytes() const {
        return resident_pages_.load(std::memory_order_relaxed) * kPageSize;
    }

    /// Whether page `index` is this frame. Does not sleep.
    [[nodiscard]] bool holds(std::uint64_t index, PhysAddr frame) {
        return pages_.lock()->get(index) == frame.value;
    }

    using MappingLock = Mutex<LockRank::kMemoryObject>;
    [[nodiscard]] MappingLock& mapping_lock() RETURN_CAPABILITY(mapping_lock_) {
        return mapping_lock_;
    }
    /// A mapping that may write is about to be made; PERM: there must not be any more. Once it is
    /// attached, or was not made, the claim is given back.
    Result<void> claim_writable_mapping() EXCLUDES(mapping_lock_);
    void release_claim() EXCLUDES(mapping_lock_);
    /// From now on none may be made. BUSY: there is one.
    Result<void> deny_writable_mappings() EXCLUDES(mapping_lock_);

    void attach(ObjectMapping& mapping) EXCLUDES(mapping_lock_);
    void detach(ObjectMapping& mapping) EXCLUDES(mapping_lock_);

  protected:
    MemoryObject() : Object(ObjectType::kMemory) {}
    ~MemoryObject() override;

  private:
    /// A frame with the contents of page `index`, and one reference. NOMEM; IO. May sleep.
    virtual Result<PhysAddr> fill_page(std::uint64_t index) = 0;

    Result<void> write_page(IoCursor& from, std::uint64_t offset, std::size_t bytes,
                            std::size_t& done);
    void drop_pages(std::uint64_t first);

    Locked<RadixTree, SpinLock<LockRank::kObjectPages>> pages_;  ///< frames' addresses
    Atomic<std::uint64_t> resident_pages_{0};
    Atomic<std::uint64_t> size_{kNoEnd};
    MappingLock mapping_lock_;
    List<ObjectMapping, &ObjectMapping::link_> mappings_ GUARDED_BY(mapping_lock_);
    std::uint32_t writable_claims_ GUARDED_BY(mapping_lock_) = 0;
    bool writable_denied_ GUARDED_BY(mapping_lock_) = false;
};

/// Zero-filled pages (shared anonymous memory, tmpfs). NOMEM.
Result<Ref<MemoryObject>> create_anonymous_object();

}  // namespace exo
