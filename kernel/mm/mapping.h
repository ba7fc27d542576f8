// One mapping of an address space: a range with one set of rights and one origin of its pages.
#pragma once

#include <cstdint>

#include "kernel/mm/memory_object.h"
#include "lib/base/bit_set.h"
#include "lib/base/list.h"
#include "lib/base/tree.h"

namespace exo {

class AddressSpace;

/// Of a mapping. kExecute and kWrite may go together here, as programs on Linux may ask for it.
enum class Protection : std::uint8_t { kNone = 0, kRead = 1, kWrite = 2, kExecute = 4 };
template <>
inline constexpr bool kIsBitSet<Protection> = true;

enum class Sharing : std::uint8_t { kPrivate, kShared };
/// A mapping as others may see it.
struct MappingInfo {
    std::uint64_t begin, end;
    Protection protection;
    Sharing sharing;
    std::uint64_t object_offset;
    RefPtr<MemoryObject> object;
    RefPtr<Object> file;
    bool grows_down;
};

class Mapping final : public ObjectMapping {
  public:
    explicit Mapping(AddressSpace& space) : space_(space) {}

    void zap(MemoryObject& object, std::uint64_t first) override;
    [[nodiscard]] bool may_write() const override {
        return sharing == Sharing::kShared && has(allowed, Protection::kWrite);
    }

    /// Everything but place and links as in `other`.
    void copy_kind(const Mapping& other);
    /// Whether `other`, which begins where this ends, may be one mapping with it.
    [[nodiscard]] bool continues_as(const Mapping& other) const;

    [[nodiscard]] std::uint64_t bytes() const { return end - begin; }
    [[nodiscard]] std::uint64_t page_index(std::uint64_t address) const {
        return (object_offset + (address - begin)) / kPageSize;
    }
    [[nodiscard]] MappingInfo info() const;

    /// Whether it counts for RLIMIT_DATA, or would if it could be written to.
    [[nodiscard]] bool may_be_data() const { return sharing == Sharing::kPrivate && !grows_down; }
    [[nodiscard]] bool is_data() const {
        return may_be_data() && has(protection, Protection::kWrite);
    }

    TreeLink link;
    ListLink doomed_link;  ///< taken out, to be deleted without locks
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    Protection protection = Protection::kNone;
    Protection allowed = Protection::kNone;
    Sharing sharing = Sharing::kPrivate;
    bool grows_down = false;
    std::uint64_t object_offset = 0;
    RefPtr<MemoryObject> object;
    RefPtr<Object> file;

  private:
    AddressSpace& space_;
};

}  // namespace exo
