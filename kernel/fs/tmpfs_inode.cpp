// Attributes and data of tmpfs's inodes. Directories are in tmpfs_directory.cpp.
#include "kernel/fs/tmpfs_inode.h"

#include <algorithm>

#include "kernel/arch/address.h"
#include "kernel/core/time.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/inode_file.h"
#include "kernel/fs/time.h"
#include "kernel/mm/io_cursor.h"

namespace exo {

namespace {

constexpr std::uint64_t kMaxFileSize = (std::uint64_t{1} << 63) - 1;

std::uint64_t pages_of(std::uint64_t bytes) {
    return bytes / kPageSize + (bytes % kPageSize != 0 ? 1 : 0);
}

}  // namespace

Result<Ref<TmpfsInode>> TmpfsInode::create_inode(Tmpfs& file_system, FileType type, Mode mode,
                                                 Uid uid, Gid gid, DeviceNumber device) {
    if (!file_system.inodes.charge(1)) return Errno::NOSPC;
    const Timestamp now = now_timestamp();
    InodeStat stat{.number = file_system.next_number.fetch_add(1, std::memory_order_relaxed),
                   .type = type,
                   .mode = mode,
                   .links = type == FileType::kDirectory ? 2u : 1u,
                   .uid = uid,
                   .gid = gid,
                   .size = type == FileType::kDirectory ? directory_size(0) : 0,
                   .blocks = 0,
                   .device = device,
                   .accessed = now,
                   .modified = now,
                   .changed = now};
    Result<Ref<TmpfsInode>> made = make_ref<TmpfsInode>(file_system, stat);
    if (!made) file_system.inodes.release(1);
    return made;
}

Result<Ref<TmpfsInode>> TmpfsInode::create_unnamed(Tmpfs& file_system, Mode mode, Uid uid, Gid gid,
                                                   Seals seals) {
    Ref<TmpfsInode> made =
        TRY(create_inode(file_system, FileType::kRegular, mode, uid, gid, DeviceNumber{}));
    Attributes& attributes = made->attributes_.unlocked();
    attributes.stat.links = 0;
    attributes.seals = seals;
    return made;
}

Result<Seals> TmpfsInode::seals() {
    if (type() != FileType::kRegular) return Errno::INVAL;
    return attributes_.lock()->seals;
}

Result<void> TmpfsInode::add_seals(Seals more) {
    if (type() != FileType::kRegular) return Errno::INVAL;
    const Ref<MemoryObject> pages = TRY(memory_object());
    const MutexGuard guard(content());
    const Seals before = attributes_.lock()->seals;
    if (has(before, Seals::kSeal)) return Errno::PERM;
    if (has(more, Seals::kWrite) && !has(before, Seals::kWrite))
        TRY(pages->deny_writable_mappings());
    attributes_.lock()->seals = before | more;
    return {};
}

TmpfsInode::TmpfsInode(Tmpfs& file_system, const InodeStat& stat) : Inode(file_system, stat.type) {
    attributes_.unlocked().stat = stat;
}

TmpfsInode::~TmpfsInode() {
    tmpfs().pages.release(attributes_.unlocked().charged_pages);
    tmpfs().inodes.release(1);
}

// A whole tree may go at once: its directories are taken apart in a loop (style: intrusive).
void TmpfsInode::destroy() {
    TmpfsInode* dying = this;
    while (dying != nullptr) {
        TmpfsInode* each = dying;
        dying = each->next_dying_;
        while (RefPtr<Inode> entry = each->names_.take_apart()) {
            // All inodes in a tmpfs are of this class.
            auto* inode = static_cast<TmpfsInode*>(entry.release());
            if (!inode->unref_is_last()) continue;
            inode->next_dying_ = dying;
            dying = inode;
        }
        delete each;
    }
}

InodeStat TmpfsInode::stat() {
    auto attributes = attributes_.lock();
    InodeStat stat = attributes->stat;
    if (attributes->pages) stat.blocks = attributes->pages->resident_bytes() / 512;
    return stat;
}

Result<void> TmpfsInode::set_attributes(const AttributeChange& change) {
    if (change.size) TRY(resize(change.to.size));
    const Timestamp now = now_timestamp();
    change.apply(attributes_.lock()->stat, now);
    return {};
}

Result<Ref<File>> TmpfsInode::open(Dentry& by, FileFlags flags, Rights access) {
    if (type() == FileType::kRegular || type() == FileType::kDirectory) {
        return InodeFile::open(*this, by, flags);
    }
    return open_special(*this, by, flags, access);
}

Result<std::size_t> TmpfsInode::read_link(char* to, std::size_t capacity) {
    if (type() != FileType::kSymlink) return Errno::INVAL;
    const std::size_t length = std::min(capacity, link_.size());
    std::copy_n(link_.begin(), length, to);
    return length;
}

Result<Ref<MemoryObject>> TmpfsInode::memory_object() {
    if (type() != FileType::kRegular) return Errno::NODEV;
    {
        auto attributes = attributes_.lock();
        if (attributes->pages) return attributes->pages.to_ref();
    }
    const Ref<MemoryObject> made = TRY(create_anonymous_object());
    // Faults end where the file does. A resize in between is caught below: it waits for content().
    const MutexGuard guard(content());
    const std::uint64_t size = attributes_.lock()->stat.size;
    made->truncate(size);
    auto attributes = attributes_.lock();
    if (!attributes->pages) attributes->pages = made;
    return attributes->pages.to_ref();
}

Result<std::size_t> TmpfsInode::read(IoCursor& to, std::uint64_t offset) {
    if (type() != FileType::kRegular) return Errno::INVAL;
    RefPtr<MemoryObject> pages;
    std::uint64_t size;
    {
        auto attributes = attributes_.lock();
        pages = attributes->pages;
        size = attributes->stat.size;
    }
    std::size_t done = 0;
    if (offset < size && to.remaining() != 0) {
        // Without an object nothing was ever written: a file that truncate(2) made.
        if (!pages) pages = TRY(memory_object());
        done = TRY(pages->read(to, offset, size));
    }
    auto attributes = attributes_.lock();
    touch_access_time(attributes->stat);
    return done;
}

Result<std::size_t> TmpfsInode::write(IoCursor& from, std::uint64_t& offset, WriteAt where) {
    if (type() != FileType::kRegular) return Errno::INVAL;
    const Ref<MemoryObject> pages = TRY(memory_object());
    const MutexGuard guard(content());
    const std::uint64_t at = where == WriteAt::kEnd ? attributes_.lock()->stat.size : offset;
    if (from.remaining() == 0) return std::size_t{0};
    std::uint64_t end = std::min(kMaxFileSize, from.file_end());
    if (at >= end) return Errno::FBIG;
    {
        auto attributes = attributes_.lock();
        const std::uint64_t size = attributes->stat.size;
        if (has(attributes->seals, Seals::kWrite | Seals::kFutureWrite)) return Errno::PERM;
        // As Linux, which asks for each page: what lies in whole pages of the file is written.
        if (has(attributes->seals, Seals::kGrow) && from.remaining() > size - std::min(at, size))
            end = std::min(end, align_down<std::uint64_t>(size, kPageSize));
        if (at >= end) return Errno::PERM;
    }
    from.limit(end - at);
    const Result<std::size_t> done = write_charged(*pages, from, at);
    if (!done) return done;
    const Timestamp now = now_timestamp();
    auto attributes = attributes_.lock();
    InodeStat& stat = attributes->stat;
    stat.size = std::max(stat.size, at + *done);
    stat.modified = stat.changed = now;
    // A write by who is not root takes set-ID bits away (write(2)); the caller's identity is not
    // known here, so names.h: open does it when a file is opened for writing.
    offset = at + *done;
    return done;
}

Result<void> TmpfsInode::allocate(std::uint64_t offset, std::uint64_t size, Grow grow) {
    if (type() != FileType::kRegular) return Errno::NODEV;
    if (offset > kMaxFileSize || size > kMaxFileSize - offset) return Errno::FBIG;
    const Ref<MemoryObject> pages = TRY(memory_object());
    const MutexGuard guard(content());
    const std::uint64_t end = offset + size;
    {
        auto attributes = attributes_.lock();
        if (has(attributes->seals, Seals::kGrow) && end > attributes->stat.size) return Errno::PERM;
    }
    const std::uint64_t wanted = pages_of(end) - offset / kPageSize;
    if (!tmpfs().pages.charge(wanted)) return Errno::NOSPC;
    Result<void> done;
    for (std::uint64_t page = offset / kPageSize; page < pages_of(end) && done; ++page) {
        const Result<PhysAddr> frame = pages->page(page);
        if (frame) unref_frame(*frame);
        if (!frame) done = frame.error();
    }
    settle_charge(wanted);
    if (!done) return Errno::NOSPC;
    auto attributes = attributes_.lock();
    InodeStat& stat = attributes->stat;
    if (grow == Grow::kYes && end > stat.size) {
        stat.size = end;
        stat.modified = now_timestamp();
        pages->extend(end);
    }
    stat.changed = now_timestamp();
    return {};
}

// The charge is made for all pages that may be new, and corrected by what really was.
Result<std::size_t> TmpfsInode::write_charged(MemoryObject& pages, IoCursor& from,
                                              std::uint64_t offset) {
    const std::uint64_t end = offset + from.remaining();
    const std::uint64_t wanted = pages_of(end) - offset / kPageSize;
    if (!tmpfs().pages.charge(wanted)) return write_what_fits(pages, from, offset);
    const Result<std::size_t> done = pages.write(from, offset);
    settle_charge(wanted);
    return done;
}

// Near the limit: page by page, until one that would be new is one too many.
Result<std::size_t> TmpfsInode::write_what_fits(MemoryObject& pages, IoCursor& from,
                                                std::uint64_t offset) {
    std::size_t total = 0;
    Result<std::size_t> done = std::size_t{0};
    while (from.remaining() != 0) {
        std::uint64_t charged = 0;
        if (const Result<PhysAddr> resident = pages.resident_page(offset / kPageSize)) {
            unref_frame(*resident);
        } else if (tmpfs().pages.charge(1)) {
            charged = 1;
        } else {
            done = Errno::NOSPC;
            break;
        }
        const std::size_t piece =
            std::min<std::size_t>(from.remaining(), kPageSize - offset % kPageSize);
        IoCursor one = from;
        one.limit(piece);
        done = pages.write(one, offset);
        settle_charge(charged);
        if (!done) break;
        from.advance(*done);
        total += *done;
        offset += *done;
        if (*done < piece) break;
    }
    if (total == 0 && !done) return done;
    return total;
}

// What is charged becomes what is resident; `reserved` was charged in advance. Under content(), so
// that only mappings add pages meanwhile: those are counted now or next time.
void TmpfsInode::settle_charge(std::uint64_t reserved) {
    std::uint64_t before;
    std::uint64_t now;
    {
        auto attributes = attributes_.lock();
        before = attributes->charged_pages + reserved;
        now = attributes->pages->resident_bytes() / kPageSize;
        attributes->charged_pages = now;
    }
    if (now > before) tmpfs().pages.charge_anyway(now - before);
    if (now < before) tmpfs().pages.release(before - now);
}

Result<void> TmpfsInode::resize(std::uint64_t size) {
    if (type() == FileType::kDirectory) return Errno::ISDIR;
    if (type() != FileType::kRegular) return Errno::INVAL;
    if (size > kMaxFileSize) return Errno::FBIG;
    const MutexGuard guard(content());
    RefPtr<MemoryObject> pages;
    {
        auto attributes = attributes_.lock();
        const std::uint64_t before = attributes->stat.size;
        if (has(attributes->seals, Seals::kShrink) && size < before) return Errno::PERM;
        if (has(attributes->seals, Seals::kGrow) && size > before) return Errno::PERM;
        pages = attributes->pages;
        attributes->stat.size = size;
        attributes->stat.modified = now_timestamp();
    }
    if (!pages) return {};
    pages->truncate(size);  // also where it grows: faults go as far as the file
    settle_charge(0);
    return {};
}

}  // namespace exo
