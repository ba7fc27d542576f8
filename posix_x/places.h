// Where a process stands in the file system: root, working directory, mask of new files. Shared by
// the threads of a process and with CLONE_FS.
#pragma once

#include "kernel/core/spin_lock.h"
#include "kernel/fs/path_walk.h"

namespace exo::posix {

class Places : public RefCounted {
  public:
    Places(Ref<Dentry> root, Ref<Dentry> directory, Mode umask)
        : state_(std::move(root), std::move(directory)), umask_(umask) {}

    /// For fork(2). NOMEM.
    Result<Ref<Places>> copy();

    [[nodiscard]] WalkStart walk_start();
    void set_directory(Ref<Dentry> directory);
    void set_root(Ref<Dentry> root);
    [[nodiscard]] Mode umask() const { return umask_.load(std::memory_order_relaxed); }
    /// The mask before.
    Mode set_umask(Mode mask) { return umask_.exchange(mask, std::memory_order_relaxed); }

  private:
    struct State {
        State(Ref<Dentry> r, Ref<Dentry> d) : root(std::move(r)), directory(std::move(d)) {}
        Ref<Dentry> root, directory;
    };
    Locked<State, IrqSpinLock<LockRank::kProcessParts>> state_;
    Atomic<Mode> umask_;  // one independent value
};

}  // namespace exo::posix
