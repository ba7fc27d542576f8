// A memory object holds pages by index: a file's page cache, or shared anonymous memory. read(2),
// write(2) and mmap(2) of a file see the same pages. Private anonymous memory has no object: its
// pages belong to the page tables that map them.
#pragma once

#include <cstdint>

#include "kernel/core/mutex.h"
#include "kernel/mm/frames.h"
#include "kernel/object/object.h"

namespace exo {

class IoCursor;

class MemoryObject : public Object {
  public:
    /// The frame of page `index`, with a reference for the caller; a page that is not there yet is
    /// made (fill_page()). NOMEM; IO. May sleep.
    Result<PhysAddr> page(std::uint64_t index);
    /// The same if it is there already; NOENT: it is not. Does not sleep.
    Result<PhysAddr> resident_page(std::uint64_t index);

    /// Bytes between cursor and pages, from `offset`; read() stops at `size`. What was done before
    /// an error counts. May sleep and fault.
    Result<std::size_t> read(IoCursor& to, std::uint64_t offset, std::uint64_t size);
    Result<std::size_t> write(IoCursor& from, std::uint64_t offset);

    /// Gives pages beyond `size` back and zeroes the rest of the last. Mappings of them are gone
    /// afterwards.
    void truncate(std::uint64_t size);

    [[nodiscard]] std::uint64_t resident_bytes() const;
};

/// Zero-filled pages (shared anonymous memory, tmpfs). NOMEM.
Result<Ref<MemoryObject>> create_anonymous_object();

}  // namespace exo
