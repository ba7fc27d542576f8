#include "kernel/fs/memory_file.h"

#include "kernel/fs/tmpfs_inode.h"

namespace exo {

namespace {

constinit Tmpfs* files = nullptr;  // set once; never given back

}  // namespace

Result<void> start_memory_files() {
    // Memory alone bounds them.
    constexpr std::uint64_t kNoLimit = ~std::uint64_t{0} / 2;
    if (files == nullptr)
        files = &TRY(make_ref<Tmpfs>(kNoLimit, kNoLimit, Mode{0}, "tmpfs")).release();
    return {};
}

Result<Ref<File>> create_memory_file(std::string_view label, Seals seals, const Credentials& owner,
                                     FileFlags flags) {
    Ref<TmpfsInode> inode =
        TRY(TmpfsInode::create_unnamed(*files, 0777, owner.fs_uid, owner.fs_gid, seals));
    const Ref<Dentry> by = TRY(Dentry::create_unnamed(inode, label));
    return InodeFile::open(*inode, *by, flags);
}

}  // namespace exo
