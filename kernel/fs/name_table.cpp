#include "kernel/fs/name_table.h"

#include <algorithm>

namespace exo {

namespace {

constexpr std::size_t kFirstBuckets = 8;
constexpr std::size_t kMaxEntries = std::size_t{1} << 30;

}  // namespace

// FNV-1a (draft-eastlake-fnv): names are short.
std::uint32_t NameTable::hash(std::string_view name) {
    std::uint32_t state = 0x811c9dc5;
    for (const char c : name) {
        state ^= static_cast<unsigned char>(c);
        state *= 0x01000193;
    }
    return state;
}

std::uint32_t NameTable::place_of(std::string_view name) const {
    if (buckets_.empty()) return kNone;
    const std::uint32_t hashed = hash(name);
    std::uint32_t at = buckets_[hashed & (buckets_.size() - 1)];
    while (at != kNone) {
        const Place& place = places_[at];
        if (place.hash == hashed &&
            std::string_view(place.name.data(), place.name.size()) == name) {
            return at;
        }
        at = place.next;
    }
    return kNone;
}

RefPtr<Inode> NameTable::find(std::string_view name) const {
    const std::uint32_t at = place_of(name);
    return at == kNone ? RefPtr<Inode>() : places_[at].inode;
}

Result<void> NameTable::grow_buckets() {
    Vector<std::uint32_t> larger;
    TRY(larger.resize(std::max(kFirstBuckets, buckets_.size() * 2)));
    std::ranges::fill(larger, kNone);
    for (std::uint32_t at = 0; at < places_.size(); ++at) {
        Place& place = places_[at];
        if (!place.inode) continue;
        std::uint32_t& first = larger[place.hash & (larger.size() - 1)];
        place.next = first;
        first = at;
    }
    std::swap(buckets_, larger);
    return {};
}

Result<void> NameTable::reserve() {
    if (used_ >= kMaxEntries) return Errno::NOSPC;
    if (used_ >= buckets_.size()) TRY(grow_buckets());
    if (free_ != kNone) return {};
    TRY(places_.push_back(Place{}));
    free_ = static_cast<std::uint32_t>(places_.size() - 1);
    return {};
}

Result<void> NameTable::insert(std::string_view name, Ref<Inode> inode) {
    Vector<char> text;
    TRY(text.resize(name.size()));
    std::ranges::copy(name, text.begin());
    TRY(reserve());
    const std::uint32_t at = free_;
    Place& place = places_[at];
    free_ = place.next;
    place.name = std::move(text);
    place.inode = std::move(inode);
    place.hash = hash(name);
    std::uint32_t& first = buckets_[place.hash & (buckets_.size() - 1)];
    place.next = first;
    first = at;
    ++used_;
    return {};
}

Ref<Inode> NameTable::remove(std::string_view name) {
    const std::uint32_t at = place_of(name);
    EXO_CHECK(at != kNone, "a name is removed that is not there");
    Place& place = places_[at];
    std::uint32_t* link = &buckets_[place.hash & (buckets_.size() - 1)];
    while (*link != at) link = &places_[*link].next;
    *link = place.next;
    const RefPtr<Inode> inode = std::move(place.inode);
    place.name = Vector<char>();
    place.next = free_;
    free_ = at;
    if (--used_ == 0) {
        places_ = Vector<Place>();
        buckets_ = Vector<std::uint32_t>();
        free_ = kNone;
    }
    return inode.to_ref();
}

Ref<Inode> NameTable::replace(std::string_view name, Ref<Inode> inode) {
    const std::uint32_t at = place_of(name);
    EXO_CHECK(at != kNone, "a name is replaced that is not there");
    RefPtr<Inode> other = std::move(inode);
    std::swap(places_[at].inode, other);
    return other.to_ref();
}

RefPtr<Inode> NameTable::take_apart() {
    buckets_.clear();
    while (!places_.empty()) {
        RefPtr<Inode> inode = std::move(places_.back().inode);
        places_.pop_back();
        if (inode) return inode;
    }
    return {};
}

NameTable::Entry NameTable::at(std::size_t place) const {
    const Place& found = places_[place];
    return {{found.name.data(), found.name.size()}, found.inode.get()};
}

}  // namespace exo
