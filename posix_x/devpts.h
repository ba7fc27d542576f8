// devpts: the file system of the slaves of pseudo-terminals, each named by its number, and of a
// `ptmx` that makes more of them. Each mount has its own (Linux: filesystems/devpts).
#pragma once

#include <array>

#include "kernel/fs/file_system.h"
#include "kernel/fs/kept_inode.h"
#include "posix_x/terminal.h"

namespace exo::posix {

class PtsInode;

class Devpts final : public FileSystem {
  public:
    static constexpr std::string_view kName = "devpts";
    static constexpr std::uint32_t kMost = 1024;

    struct Options {
        bool has_uid = false, has_gid = false;
        Uid uid = 0;
        Gid gid = 0;
        Mode mode = 0600, ptmx_mode = 0;
        std::uint32_t most = kMost;
    };
    explicit Devpts(const Options& options) : options_(options) {}

    [[nodiscard]] std::string_view type_name() const override { return kName; }
    [[nodiscard]] FileSystemStat stat() override;
    Result<Ref<Inode>> create_root() override;
    [[nodiscard]] const Options& options() const { return options_; }

    /// Names a new slave of `port`, owned by `owner` unless the mount says otherwise. NOSPC; NOMEM.
    Result<Ref<PtsInode>> add(Ref<TerminalPort> port, const Credentials& owner);
    /// It is found no more. Its number is free when its inode is gone.
    void remove(PtsInode& slave);
    /// Empty: none has that number.
    [[nodiscard]] RefPtr<PtsInode> find(std::uint32_t number);
    void release_number(std::uint32_t number);

  private:
    struct Slot {
        RefPtr<PtsInode> named;
        bool taken = false;
    };
    using Slots = std::array<Slot, kMost>;
    Result<std::uint32_t> take_number();

    const Options options_;
    Locked<Slots, SpinLock<LockRank::kAttributes>> slots_;
};

/// A node of devpts: a slave, the directory or ptmx.
class DevptsInode : public KeptInode {
  public:
    /// A slave's master may end without its name being taken away first.
    [[nodiscard]] bool names_are_stable() const override { return false; }

  protected:
    using KeptInode::KeptInode;
};

class PtsInode final : public DevptsInode {
  public:
    PtsInode(Devpts& file_system, const InodeStat& stat, Ref<Terminal> terminal)
        : DevptsInode(file_system, stat), terminal_(std::move(terminal)) {}
    ~PtsInode() override { devpts().release_number(number()); }

    /// IO: it is locked, or its master is gone.
    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) override;

    [[nodiscard]] std::uint32_t number() const { return terminal_->number().minor; }
    [[nodiscard]] Terminal& terminal() const { return *terminal_; }
    [[nodiscard]] Devpts& devpts() const { return static_cast<Devpts&>(file_system()); }
    /// unlockpt(3) has to come before open(2).
    [[nodiscard]] bool locked() const { return locked_.load(std::memory_order_relaxed); }
    void set_locked(bool locked) { locked_.store(locked, std::memory_order_relaxed); }

  private:
    const Ref<Terminal> terminal_;
    Atomic<bool> locked_{true};
};

Result<void> register_devpts();  ///< NOMEM

}  // namespace exo::posix
