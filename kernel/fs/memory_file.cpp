#include "kernel/fs/memory_file.h"

#include <algorithm>

#include "kernel/fs/tmpfs_inode.h"

namespace exo {

namespace {

constinit Tmpfs* files = nullptr;  // set once; never given back

class MemoryFile final : public InodeFile {
  public:
    MemoryFile(Inode& inode, Dentry& by, FileFlags flags, Vector<char> label)
        : InodeFile(inode, by, flags), label_(std::move(label)) {}
    [[nodiscard]] std::string_view label() const override { return {label_.data(), label_.size()}; }

  private:
    const Vector<char> label_;
};

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
    Vector<char> text;
    TRY(text.resize(label.size()));
    std::ranges::copy(label, text.begin());
    Ref<TmpfsInode> inode =
        TRY(TmpfsInode::create_unnamed(*files, 0777, owner.fs_uid, owner.fs_gid, seals));
    const Ref<Dentry> by = TRY(Dentry::create_unnamed(inode));
    return Ref<File>(TRY(make_ref<MemoryFile>(*inode, *by, flags, std::move(text))));
}

}  // namespace exo
