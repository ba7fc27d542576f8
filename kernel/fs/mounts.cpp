#include "kernel/fs/mounts.h"

#include <algorithm>

#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/memory_file.h"
#include "kernel/fs/path_walk.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/fs/unnamed_inode.h"

namespace exo {

namespace {

struct Mount {
    Vector<char> source;
    Ref<Dentry> root;
    std::uint32_t id;
};

struct Table {
    Vector<Mount> mounts;
    std::uint32_t next_id = 1;

    /// nullptr: of no mount, or of one that was taken away.
    Mount* find(const Dentry& of) {
        for (Mount& each : mounts)
            if (each.root.get() == &of) return &each;
        return nullptr;
    }
    /// Keeps the order of the others.
    void remove(const Mount& mount) {
        auto at = static_cast<std::size_t>(&mount - mounts.data());
        for (; at + 1 < mounts.size(); ++at) std::swap(mounts[at], mounts[at + 1]);
        mounts.pop_back();
    }
    Vector<FileSystemType> types;
};

using LockedTable = Locked<Table, Mutex<LockRank::kMounts>>;
constinit LockedTable* table = nullptr;
constinit Dentry* root = nullptr;  // set once, before there is a program; never given back

Result<Mount> prepare(FileSystem& file_system, std::string_view source) {
    Vector<char> text;
    TRY(text.resize(source.size()));
    std::ranges::copy(source, text.begin());
    Ref<Inode> inode = TRY(file_system.create_root());
    return Mount{std::move(text), TRY(Dentry::create_root(std::move(inode))), 0};
}

}  // namespace

Result<void> start_file_systems() {
    TRY(DentryCache::start());
    if (table == nullptr) table = new (std::nothrow) LockedTable;
    if (table == nullptr) return Errno::NOMEM;
    TRY(register_file_system({"tmpfs", create_tmpfs_from_options}));
    TRY(register_file_system({"devtmpfs", create_devfs_from_options}));
    TRY(start_memory_files());
    TRY(start_unnamed_inodes());
    return register_memory_devices();
}

Result<void> mount_root(FileSystem& file_system, std::string_view source) {
    Mount mount = TRY(prepare(file_system, source));
    auto mounts = table->lock();
    if (root != nullptr) return Errno::BUSY;
    Dentry* mounted = mount.root.get();
    mount.id = mounts->next_id++;
    TRY(mounts->mounts.push_back(std::move(mount)));
    root = mounted;
    return {};
}

Ref<Dentry> root_dentry() {
    EXO_CHECK(root != nullptr, "a path is resolved before there is a root");
    return top_of_mounts(Ref<Dentry>(*root));
}

Result<void> mount_on(Dentry& at, FileSystem& file_system, std::string_view source,
                      MountFlags flags) {
    const RefPtr<Inode> inode = at.inode();
    if (!inode) return Errno::NOENT;
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    Mount mount = TRY(prepare(file_system, source));
    TRY(mount.root->mount_state().change(flags));
    auto mounts = table->lock();
    TRY(mounts->mounts.reserve(mounts->mounts.size() + 1));
    TRY(at.stay_cached());
    TRY(at.mount(mount.root));
    mount.id = mounts->next_id++;
    return mounts->mounts.push_back(std::move(mount));  // has room
}

namespace {

/// What is mounted in a mount that was taken away: nobody finds it any more.
void detach_lost(Table& mounts) {
    for (std::size_t i = 0; i < mounts.mounts.size();) {
        const Ref<Dentry> mounted = mounts.mounts[i].root;
        const RefPtr<Dentry> at = mounted->mount_point();
        if (!at || mounts.find(at->mount_root()) != nullptr) {
            ++i;
            continue;
        }
        MUST(at->detach());  // it is mounted there
        mounts.remove(mounts.mounts[i]);
        i = 0;  // others may have been mounted in it
    }
}

}  // namespace

Result<void> unmount(const Ref<Dentry>& of, Unmount when) {
    // Of the mounted root there are, besides the mount's, the table's reference and the caller's.
    constexpr std::uint32_t kOurs = 2;
    auto mounts = table->lock();
    Mount* mount = mounts->find(*of);
    if (mount == nullptr) return Errno::INVAL;
    const RefPtr<Dentry> at = of->mount_point();
    if (!at) return Errno::BUSY;  // the root of everything
    if (when == Unmount::kIfUnused) {
        TRY(at->unmount(kOurs));
        mounts->remove(*mount);
        return {};
    }
    TRY(at->detach());
    mounts->remove(*mount);
    detach_lost(*mounts);
    DentryCache::get().drop_unused(of->inode()->file_system());
    return {};
}

Result<void> remount(const Ref<Dentry>& of, MountFlags flags, std::string_view options) {
    auto mounts = table->lock();
    if (mounts->find(*of) == nullptr) return Errno::INVAL;
    TRY(of->inode()->file_system().reconfigure(options));
    return of->mount_state().change(flags);
}

void for_each_mount(MountVisitor& visitor) {
    auto mounts = table->lock();
    for (const Mount& mount : mounts->mounts) {
        MountInfo info{{mount.source.data(), mount.source.size()},
                       *mount.root,
                       mount.root->mount_point(),
                       mount.id,
                       mount.id};
        if (info.mount_point) {
            const Mount* parent = mounts->find(info.mount_point->mount_root());
            if (parent != nullptr) info.parent = parent->id;
        }
        if (!visitor.mount(info)) return;
    }
}

Result<void> register_file_system(const FileSystemType& type) {
    return table->lock()->types.push_back(type);
}

std::string_view file_system_type_name(std::size_t index) {
    auto types = table->lock();
    return index < types->types.size() ? types->types[index].name : std::string_view();
}

Result<Ref<FileSystem>> create_file_system(std::string_view type, std::string_view options) {
    CreateFileSystem create = nullptr;
    {
        auto types = table->lock();
        for (const FileSystemType& each : types->types) {
            if (each.name == type) create = each.create;
        }
    }
    if (create == nullptr) return Errno::NODEV;
    return create(options);
}

}  // namespace exo
