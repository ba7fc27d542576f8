// An open regular file or directory: a position over an inode.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/file.h"

namespace exo {

class InodeFile : public File {
  public:
    /// For Inode::open() of regular files and directories. NOMEM.
    static Result<Ref<File>> open(Inode& inode, Dentry& by, FileFlags flags);

    Result<std::size_t> read(IoCursor& to) override;
    Result<std::size_t> write(IoCursor& from) override;
    Result<std::size_t> read_at(IoCursor& to, std::uint64_t offset) override;
    Result<std::size_t> write_at(IoCursor& from, std::uint64_t offset) override;
    Result<std::uint64_t> seek(std::int64_t offset, Whence whence) override;
    [[nodiscard]] bool can_be_watched() const override { return false; }
    PollEvents poll(PollTable* table) override;
    Result<void> read_directory(DirectorySink& sink) override;
    Result<Ref<MemoryObject>> memory_object() override;
    Result<void> sync() override { return {}; }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }

    InodeFile(Inode& inode, Dentry& by, FileFlags flags);

  private:
    /// At `offset`, or at the end, and moves it behind what was written.
    Result<std::size_t> write_from(IoCursor& from, std::uint64_t& offset);

    const Ref<Inode> inode_;
    const Ref<Dentry> dentry_;
    Locked<std::uint64_t, Mutex<LockRank::kFile>> position_;
};

}  // namespace exo
