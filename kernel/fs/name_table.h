// The names of a directory in memory: found by hash, listed by place. An entry keeps its place
// until it is removed, so that a listing that is read in pieces sees each entry that stays exactly
// once (readdir(3)); places of removed entries are used again. Unsynchronised: content() of the
// directory guards it.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/fs/inode.h"
#include "lib/base/vector.h"

namespace exo {

class NameTable {
  public:
    [[nodiscard]] RefPtr<Inode> find(std::string_view name) const;

    /// Room for one more, so that the next insert() of a name this long cannot fail. NOMEM; NOSPC:
    /// too many.
    Result<void> reserve();
    /// `name` is not there yet. NOMEM; NOSPC.
    Result<void> insert(std::string_view name, Ref<Inode> inode);
    /// What `name`, which is there, names; it is gone afterwards.
    Ref<Inode> remove(std::string_view name);
    /// Makes `name`, which is there, name another inode; the former one.
    Ref<Inode> replace(std::string_view name, Ref<Inode> inode);

    /// Any entry, taken out of a table that is not used any more; empty: there is none.
    RefPtr<Inode> take_apart();

    [[nodiscard]] std::size_t size() const { return used_; }

    struct Entry {
        std::string_view name;
        Inode* inode;  ///< nullptr: nothing here
    };
    /// Places are 0 to places() - 1.
    [[nodiscard]] std::size_t places() const { return places_.size(); }
    [[nodiscard]] Entry at(std::size_t place) const;

  private:
    static constexpr std::uint32_t kNone = ~std::uint32_t{0};

    struct Place {
        Vector<char> name;
        RefPtr<Inode> inode;
        std::uint32_t hash = 0;
        std::uint32_t next = kNone;  // in the bucket, or in the list of free places
    };

    static std::uint32_t hash(std::string_view name);
    [[nodiscard]] std::uint32_t place_of(std::string_view name) const;
    Result<void> grow_buckets();

    Vector<Place> places_;
    Vector<std::uint32_t> buckets_;  // a power of two
    std::uint32_t free_ = kNone;
    std::size_t used_ = 0;
};

}  // namespace exo
