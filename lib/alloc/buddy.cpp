#include "lib/alloc/buddy.h"

#include <algorithm>
#include <bit>

#include "lib/base/bits.h"
#include "lib/base/panic.h"

namespace exo::alloc {

namespace {

/// Pages committed at once, at least: 4 MiB, and an eighth of what there is.
constexpr std::size_t kMinCommit = 1024;
constexpr std::size_t kCommitShare = 8;

/// Free pages that keep their memory: 8 MiB, or a thirty-second of the pages in use if that is
/// more.
constexpr std::size_t kMinDirty = 2048;
constexpr std::size_t kDirtyShare = 32;

}  // namespace

void Buddy::link(PageIndex page, unsigned order, Kind kind) {
    PageInfo& info = map_.info[page];
    PageIndex& head = free_[kind][order];
    info.state = state_of(kind);
    info.order = static_cast<std::uint8_t>(order);
    info.prev = kNoPage;
    info.next = head;
    if (head != kNoPage) map_.info[head].prev = page;
    head = page;
    orders_[kind] |= 1U << order;
    if (kind == kDirtyList) dirty_pages_ += std::size_t{1} << order;
}

void Buddy::unlink(PageIndex page) {
    PageInfo& info = map_.info[page];
    const Kind kind = info.state == PageState::kDirty ? kDirtyList : kCleanList;
    PageIndex& head = free_[kind][info.order];
    if (info.prev == kNoPage) {
        EXO_CHECK(head == page, "exo_alloc: the page map is corrupt");
        head = info.next;
        if (head == kNoPage) orders_[kind] &= ~(1U << info.order);
    } else {
        map_.info[info.prev].next = info.next;
    }
    if (info.next != kNoPage) map_.info[info.next].prev = info.prev;
    if (kind == kDirtyList) dirty_pages_ -= std::size_t{1} << info.order;
    info.state = PageState::kInside;
}

void Buddy::insert_block(PageIndex page, unsigned order, Kind kind) {
    while (order + 1 < kOrders) {
        const PageIndex buddy = page ^ (PageIndex{1} << order);
        // Beyond the frontier there is no page map to look at.
        if (buddy >= frontier_) break;
        const PageInfo& info = map_.info[buddy];
        if (info.state != state_of(kind) || info.order != order) break;
        unlink(buddy);
        page &= ~(PageIndex{1} << order);
        ++order;
    }
    link(page, order, kind);
}

void Buddy::insert_range(PageIndex page, std::uint32_t pages, Kind kind) {
    while (pages != 0) {
        // The largest block that is aligned at `page` and not longer than what is left.
        unsigned order = log2_floor(pages);
        if (page != 0) order = std::min(order, static_cast<unsigned>(std::countr_zero(page)));
        insert_block(page, order, kind);
        page += PageIndex{1} << order;
        pages -= std::uint32_t{1} << order;
    }
}

std::optional<Buddy::Run> Buddy::take(std::uint32_t pages, unsigned order) {
    // Dirty first, even by splitting a larger block: its pages are there, a clean block's are not.
    for (const Kind kind : {kDirtyList, kCleanList}) {
        const std::uint32_t fitting = orders_[kind] & (~0U << order);
        if (fitting == 0) continue;
        const auto found = static_cast<unsigned>(std::countr_zero(fitting));
        const PageIndex page = free_[kind][found];
        unlink(page);
        const std::uint32_t rest = (std::uint32_t{1} << found) - pages;
        if (rest != 0) insert_range(page + pages, rest, kind);
        return Run{page, kind == kCleanList};
    }
    return std::nullopt;
}

/// Takes `pages` pages, all free, out of the blocks they lie in. True: all of them read as zero.
bool Buddy::take_range(PageIndex page, std::uint32_t pages) {
    const PageIndex end = page + pages;
    PageIndex at = page;
    for (unsigned order = 0; map_.info[at].state == PageState::kInside; ++order) {
        at = align_down(page, PageIndex{1} << order);
    }
    bool zeroed = true;
    while (at < end) {
        const PageInfo info = map_.info[at];
        const Kind kind = info.state == PageState::kDirty ? kDirtyList : kCleanList;
        const PageIndex next = at + (PageIndex{1} << info.order);
        unlink(at);
        if (at < page) insert_range(at, page - at, kind);
        if (next > end) insert_range(end, next - end, kind);
        zeroed &= kind == kCleanList;
        at = next;
    }
    return zeroed;
}

std::optional<Buddy::Run> Buddy::take_fresh(std::uint32_t pages, unsigned order) {
    const std::size_t start = align_up(std::size_t{frontier_}, std::size_t{1} << order);
    if (start + pages > map_.count || !extend(start + pages)) return std::nullopt;
    const auto page = static_cast<PageIndex>(start);
    return Run{page, take_range(page, pages)};
}

void Buddy::start_run(PageIndex page, std::uint32_t pages) {
    map_.info[page].state = PageState::kRun;
    map_.info[page].owner = pages;
    used_pages_ += pages;
}

bool Buddy::commit_pages(std::size_t end) {
    if (source_.commit == nullptr) return true;
    const auto first = std::size_t{frontier_};
    // The page map's own pages that the new records lie in and no old one did.
    const auto info_base = reinterpret_cast<std::uintptr_t>(map_.info);
    const std::uintptr_t info_from = align_up(info_base + first * sizeof(PageInfo), kPageBytes);
    const std::uintptr_t info_to = align_up(info_base + end * sizeof(PageInfo), kPageBytes);
    if (info_to > info_from &&
        !source_.commit(source_.context, reinterpret_cast<std::byte*>(info_from),
                        info_to - info_from)) {
        return false;
    }
    return source_.commit(source_.context, map_.address(frontier_), (end - first) * kPageBytes);
}

bool Buddy::extend(std::size_t end) {
    const std::size_t step = std::max(kMinCommit, std::size_t{frontier_} / kCommitShare);
    std::size_t target =
        std::min(std::size_t{map_.count}, align_up(std::max(end, frontier_ + step), kMinCommit));
    if (!commit_pages(target)) {
        target = end;
        if (!commit_pages(target)) return false;
    }
    const PageIndex first = frontier_;
    const auto pages = static_cast<std::uint32_t>(target - first);
    if (!source_.zeroed) {
        for (PageIndex page = first; page < target; ++page) map_.info[page] = {};
    }
    frontier_ = static_cast<PageIndex>(target);
    insert_range(first, pages, fresh_kind());
    return true;
}

std::optional<Buddy::Run> Buddy::allocate(std::uint32_t pages, unsigned align_order) {
    const unsigned order = std::max(log2_ceil(pages), align_order);
    if (order >= kOrders) return std::nullopt;
    {
        const Guard guard(lock_);
        std::optional<Run> run = take(pages, order);
        if (!run) run = take_fresh(pages, order);
        if (run) {
            start_run(run->page, pages);
            return run;
        }
    }
    // Dirty and clean neighbours do not merge; all clean, they may be enough. And the block that
    // the frontier is in may be free up to there.
    purge(0);
    const Guard guard(lock_);
    std::optional<Run> run = take(pages, order);
    if (!run) {
        const std::size_t end = align_up(std::size_t{frontier_}, std::size_t{1} << order);
        if (end != frontier_ && end <= map_.count && extend(end)) run = take(pages, order);
    }
    if (run) start_run(run->page, pages);
    return run;
}

void Buddy::free(PageIndex page, std::uint32_t pages, bool zeroed) {
    std::size_t limit;
    {
        const Guard guard(lock_);
        map_.info[page].state = PageState::kInside;
        used_pages_ -= pages;
        insert_range(page, pages, zeroed ? fresh_kind() : kDirtyList);
        limit = dirty_limit();
        if (dirty_pages_ <= limit || source_.decommit == nullptr) return;
    }
    purge(limit / 2);
}

void Buddy::add(PageIndex page, std::uint32_t pages) {
    const Guard guard(lock_);
    insert_range(page, pages, kDirtyList);
}

void Buddy::cut(PageIndex page, std::uint32_t pages, PageIndex first_kept, std::uint32_t kept) {
    const std::uint32_t front = first_kept - page;
    const std::uint32_t back = pages - front - kept;
    {
        const Guard guard(lock_);
        map_.info[first_kept].state = PageState::kRun;
        map_.info[first_kept].owner = kept;
    }
    if (front != 0) free(page, front);
    if (back != 0) free(first_kept + kept, back);
}

bool Buddy::resize(PageIndex page, std::uint32_t pages, std::uint32_t wanted) {
    if (wanted <= pages) {
        if (wanted == pages) return true;
        {
            const Guard guard(lock_);
            map_.info[page].owner = wanted;
        }
        free(page + wanted, pages - wanted);
        return true;
    }
    const std::size_t end = std::size_t{page} + wanted;
    if (end > map_.count) return false;
    const Guard guard(lock_);
    // Runs and free blocks tile the committed pages, so what follows a run is the head of either.
    std::size_t at = std::size_t{page} + pages;
    while (at < end && at < frontier_) {
        const PageInfo& info = map_.info[at];
        if (info.state != PageState::kDirty && info.state != PageState::kClean) return false;
        at += std::size_t{1} << info.order;
    }
    if (at < end && !extend(end)) return false;
    static_cast<void>(take_range(page + pages, wanted - pages));
    map_.info[page].owner = wanted;
    used_pages_ += wanted - pages;
    return true;
}

std::size_t Buddy::dirty_limit() const {
    return std::max(kMinDirty, used_pages_ / kDirtyShare);
}

void Buddy::purge(std::size_t keep_pages) {
    if (source_.decommit == nullptr) return;
    for (;;) {
        PageIndex page;
        unsigned order;
        {
            const Guard guard(lock_);
            if (dirty_pages_ <= keep_pages || orders_[kDirtyList] == 0) return;
            order = log2_floor(orders_[kDirtyList]);
            page = free_[kDirtyList][order];
            unlink(page);
            map_.info[page].state = PageState::kRun;
        }
        // Without the lock: the call may take long, and the block is nobody's meanwhile.
        source_.decommit(source_.context, map_.address(page), kPageBytes << order);
        const Guard guard(lock_);
        map_.info[page].state = PageState::kInside;
        insert_block(page, order, kCleanList);
    }
}

Buddy::Usage Buddy::usage() {
    const Guard guard(lock_);
    return {.committed_pages = frontier_, .used_pages = used_pages_, .dirty_pages = dirty_pages_};
}

}  // namespace exo::alloc
