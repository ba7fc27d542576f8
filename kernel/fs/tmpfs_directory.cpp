// Directories of tmpfs. Names are in a NameTable under content(), which the caller holds. Whether a
// directory is empty is a count of its own, under the lock of attributes: so it can be removed
// without its content(), and none is locked below another.
#include <algorithm>

#include "kernel/fs/file.h"
#include "kernel/fs/permission.h"
#include "kernel/fs/time.h"
#include "kernel/fs/tmpfs_inode.h"

namespace exo {

namespace {

constexpr std::uint32_t kMaxLinks = 1u << 30;

// All inodes of a tmpfs are of this class.
TmpfsInode& own(Inode& inode) {
    return static_cast<TmpfsInode&>(inode);
}

}  // namespace

Result<Ref<Inode>> TmpfsInode::lookup(std::string_view name) {
    if (type() != FileType::kDirectory) return Errno::NOTDIR;
    const RefPtr<Inode> found = names_.find(name);
    if (!found) return Errno::NOENT;
    return found.to_ref();
}

// Counts one more entry, unless the directory was removed.
Result<void> TmpfsInode::reserve_entry() {
    if (type() != FileType::kDirectory) return Errno::NOTDIR;
    auto attributes = attributes_.lock();
    if (attributes->removed) return Errno::NOENT;
    ++attributes->entries;
    return {};
}

// After a change of its names: `entries` and `links` more, or fewer.
void TmpfsInode::entries_changed(std::int64_t entries, std::int64_t links) {
    const Timestamp now = now_timestamp();
    auto attributes = attributes_.lock();
    attributes->entries += static_cast<std::uint64_t>(entries);
    attributes->stat.links += static_cast<std::uint32_t>(links);
    attributes->stat.size = directory_size(attributes->entries);
    attributes->stat.modified = attributes->stat.changed = now;
}

void TmpfsInode::links_changed(std::int64_t by) {
    const Timestamp now = now_timestamp();
    auto attributes = attributes_.lock();
    attributes->stat.links += static_cast<std::uint32_t>(by);
    attributes->stat.changed = now;
}

// Takes no entries from now on. NOTEMPTY.
Result<void> TmpfsInode::retire_directory() {
    auto attributes = attributes_.lock();
    if (attributes->entries != 0) return Errno::NOTEMPTY;
    attributes->removed = true;
    attributes->stat.links = 0;
    attributes->stat.changed = now_timestamp();
    return {};
}

Result<void> TmpfsInode::add(std::string_view name, Ref<TmpfsInode> inode) {
    TRY(reserve_entry());
    const std::int64_t links = inode->type() == FileType::kDirectory ? 1 : 0;
    const Result<void> added = names_.insert(name, std::move(inode));
    if (!added) {
        --attributes_.lock()->entries;
        return added;
    }
    entries_changed(0, links);
    return {};
}

Result<Ref<Inode>> TmpfsInode::create(std::string_view name, FileType type, Mode mode,
                                      const Credentials& owner, DeviceNumber device) {
    const InodeStat directory = stat();
    Gid gid = owner.fs_gid;
    if ((directory.mode & kSetGid) != 0) {  // inode(7): the group is handed down
        gid = directory.gid;
        if (type == FileType::kDirectory) mode |= kSetGid;
    }
    const Ref<TmpfsInode> made =
        TRY(create_inode(tmpfs(), type, mode & 07777, owner.fs_uid, gid, device));
    TRY(add(name, made));
    return Ref<Inode>(made);
}

Result<Ref<Inode>> TmpfsInode::symlink(std::string_view name, std::string_view target,
                                       const Credentials& owner) {
    const InodeStat directory = stat();
    const Gid gid = (directory.mode & kSetGid) != 0 ? directory.gid : owner.fs_gid;
    const Ref<TmpfsInode> made =
        TRY(create_inode(tmpfs(), FileType::kSymlink, 0777, owner.fs_uid, gid, {}));
    TRY(made->link_.resize(target.size()));
    std::ranges::copy(target, made->link_.begin());
    made->attributes_.lock()->stat.size = target.size();
    TRY(add(name, made));
    return Ref<Inode>(made);
}

Result<void> TmpfsInode::link(std::string_view name, Inode& to) {
    TmpfsInode& inode = own(to);
    if (!tmpfs().inodes.charge(1)) return Errno::NOSPC;  // as on Linux, for each further name
    const Result<void> counted = inode.count_link();
    if (!counted) tmpfs().inodes.release(1);
    TRY(counted);
    const Result<void> added = add(name, Ref<TmpfsInode>(inode));
    if (!added) inode.drop_link();
    return added;
}

// One link more. NOENT: it was unlinked meanwhile.
Result<void> TmpfsInode::count_link() {
    auto attributes = attributes_.lock();
    if (attributes->stat.links == 0) return Errno::NOENT;
    if (attributes->stat.links >= kMaxLinks) return Errno::MLINK;
    ++attributes->stat.links;
    attributes->stat.changed = now_timestamp();
    return {};
}

// One fewer; what each but the last was charged is given back.
void TmpfsInode::drop_link() {
    links_changed(-1);
    if (attributes_.lock()->stat.links != 0) tmpfs().inodes.release(1);
}

Result<void> TmpfsInode::unlink(std::string_view name, Inode& what) {
    const Ref<Inode> removed = names_.remove(name);
    entries_changed(-1, 0);
    own(what).drop_link();
    return {};
}

Result<void> TmpfsInode::remove_directory(std::string_view name, Inode& what) {
    TRY(own(what).retire_directory());
    const Ref<Inode> removed = names_.remove(name);
    entries_changed(-1, -1);
    return {};
}

Result<void> TmpfsInode::rename(std::string_view name, Inode& what, Inode& to_directory,
                                std::string_view to_name, Inode* replaced) {
    TmpfsInode& to = own(to_directory);
    const std::int64_t links = what.type() == FileType::kDirectory ? 1 : 0;
    if (replaced != nullptr) {
        if (links != 0) TRY(own(*replaced).retire_directory());
        const Ref<Inode> gone = to.names_.replace(to_name, Ref<Inode>(what));
        if (links == 0) own(*replaced).drop_link();
        to.entries_changed(0, 0);  // a directory for a directory, or a file for a file
    } else {
        TRY(to.add(to_name, Ref<TmpfsInode>(own(what))));
    }
    const Ref<Inode> moved = names_.remove(name);
    entries_changed(-1, -links);
    own(what).links_changed(0);
    return {};
}

Result<void> TmpfsInode::exchange(std::string_view name, Inode& what, Inode& to_directory,
                                  std::string_view to_name, Inode& other) {
    TmpfsInode& to = own(to_directory);
    const std::int64_t links = (other.type() == FileType::kDirectory ? 1 : 0) -
                               (what.type() == FileType::kDirectory ? 1 : 0);
    const Ref<Inode> first = names_.replace(name, Ref<Inode>(other));
    const Ref<Inode> second = to.names_.replace(to_name, Ref<Inode>(what));
    entries_changed(0, links);
    to.entries_changed(0, -links);
    own(what).links_changed(0);
    own(other).links_changed(0);
    return {};
}

Result<void> TmpfsInode::read_directory(std::uint64_t& offset, DirectorySink& sink) {
    if (type() != FileType::kDirectory) return Errno::NOTDIR;
    while (offset - kFirstEntry < names_.places()) {
        const NameTable::Entry entry = names_.at(offset - kFirstEntry);
        if (entry.inode != nullptr &&
            !sink.entry(entry.name, entry.inode->stat().number, entry.inode->type(), offset + 1)) {
            break;
        }
        ++offset;
    }
    auto attributes = attributes_.lock();
    touch_access_time(attributes->stat);
    return {};
}

}  // namespace exo
