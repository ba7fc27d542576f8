#include "kernel/fs/mounts.h"

#include <algorithm>

#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/memory_file.h"
#include "kernel/fs/path_walk.h"
#include "kernel/fs/tmpfs.h"

namespace exo {

namespace {

struct Mount {
    Vector<char> source;
    Ref<Dentry> root;
};

struct Table {
    Vector<Mount> mounts;
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
    return Mount{std::move(text), TRY(Dentry::create_root(std::move(inode)))};
}

}  // namespace

Result<void> start_file_systems() {
    TRY(DentryCache::start());
    if (table == nullptr) table = new (std::nothrow) LockedTable;
    if (table == nullptr) return Errno::NOMEM;
    TRY(register_file_system({"tmpfs", create_tmpfs_from_options}));
    TRY(register_file_system({"devtmpfs", create_devfs_from_options}));
    TRY(start_memory_files());
    return register_memory_devices();
}

Result<void> mount_root(FileSystem& file_system, std::string_view source) {
    Mount mount = TRY(prepare(file_system, source));
    auto mounts = table->lock();
    if (root != nullptr) return Errno::BUSY;
    Dentry* mounted = mount.root.get();
    TRY(mounts->mounts.push_back(std::move(mount)));
    root = mounted;
    return {};
}

Ref<Dentry> root_dentry() {
    EXO_CHECK(root != nullptr, "a path is resolved before there is a root");
    return top_of_mounts(Ref<Dentry>(*root));
}

Result<void> mount_on(Dentry& at, FileSystem& file_system, std::string_view source) {
    const RefPtr<Inode> inode = at.inode();
    if (!inode) return Errno::NOENT;
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    Mount mount = TRY(prepare(file_system, source));
    auto mounts = table->lock();
    TRY(mounts->mounts.reserve(mounts->mounts.size() + 1));
    TRY(at.mount(mount.root));
    return mounts->mounts.push_back(std::move(mount));  // has room
}

Result<void> unmount(const Ref<Dentry>& of) {
    // Of the mounted root there are, besides the mount's, the table's reference and the caller's.
    constexpr std::uint32_t kOurs = 2;
    auto mounts = table->lock();
    const RefPtr<Dentry> at = of->mount_point();
    if (!at) return of.get() == root ? Errno::BUSY : Errno::INVAL;
    TRY(at->unmount(kOurs));
    Vector<Mount>& all = mounts->mounts;
    std::size_t i = 0;
    while (all[i].root.get() != of.get()) ++i;
    for (; i + 1 < all.size(); ++i) std::swap(all[i], all[i + 1]);
    all.pop_back();
    return {};
}

void for_each_mount(MountVisitor& visitor) {
    auto mounts = table->lock();
    for (const Mount& mount : mounts->mounts) {
        const MountInfo info{
            {mount.source.data(), mount.source.size()}, *mount.root, mount.root->mount_point()};
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
