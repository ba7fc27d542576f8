// An inode whose attributes are kept with it, and nothing else: of file systems that live in
// memory.
#pragma once

#include "kernel/core/spin_lock.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/time.h"

namespace exo {

class KeptInode : public Inode {
  public:
    [[nodiscard]] InodeStat stat() override { return *stat_.lock(); }
    Result<void> set_attributes(const AttributeChange& change) override {
        const Timestamp now = now_timestamp();
        change.apply(*stat_.lock(), now);
        return {};
    }

  protected:
    KeptInode(FileSystem& file_system, const InodeStat& stat) : Inode(file_system, stat.type) {
        stat_.unlocked() = stat;
    }

  private:
    Locked<InodeStat, SpinLock<LockRank::kAttributes>> stat_;
};

}  // namespace exo
