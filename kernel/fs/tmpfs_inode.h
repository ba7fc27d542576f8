// The inodes of tmpfs, all types in one class: what differs is what they have besides attributes.
#pragma once

#include "kernel/fs/name_table.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/mm/memory_object.h"

namespace exo {

/// What of its limits a tmpfs has used. Charging is lock-free; a limit is not
/// passed but by what came while it was lowered.
class TmpfsUse {
  public:
    explicit TmpfsUse(std::uint64_t limit) : limit_(limit) {}
    [[nodiscard]] bool charge(std::uint64_t amount);
    void release(std::uint64_t amount) { used_.fetch_sub(amount, std::memory_order_relaxed); }
    /// For pages that came by themselves, through mappings: may pass the limit.
    void charge_anyway(std::uint64_t amount) { used_.fetch_add(amount, std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t limit() const { return limit_.load(std::memory_order_relaxed); }
    /// False: more is used than that.
    [[nodiscard]] bool set_limit(std::uint64_t limit);
    [[nodiscard]] std::uint64_t used() const { return used_.load(std::memory_order_relaxed); }

  private:
    Atomic<std::uint64_t> limit_;
    Atomic<std::uint64_t> used_{0};
};

class Tmpfs final : public FileSystem {
  public:
    /// `type`: a constant.
    Tmpfs(std::uint64_t max_pages, std::uint64_t max_inodes, Mode root_mode, std::string_view type)
        : pages(max_pages), inodes(max_inodes), root_mode_(root_mode), type_(type) {}

    [[nodiscard]] std::string_view type_name() const override { return type_; }
    [[nodiscard]] FileSystemStat stat() override;
    Result<Ref<Inode>> create_root() override;
    Result<void> reconfigure(std::string_view options) override;
    std::size_t show_options(std::span<char> to) override;

    TmpfsUse pages;
    TmpfsUse inodes;
    Atomic<std::uint64_t> next_number{1};

  private:
    const Mode root_mode_;
    const std::string_view type_;
};

class TmpfsInode final : public Inode {
  public:
    /// NOSPC: the file system has as many as it may; NOMEM.
    static Result<Ref<TmpfsInode>> create_inode(Tmpfs& file_system, FileType type, Mode mode,
                                                Uid uid, Gid gid, DeviceNumber device);

    /// A regular file that no directory names.
    static Result<Ref<TmpfsInode>> create_unnamed(Tmpfs& file_system, Mode mode, Uid uid, Gid gid,
                                                  Seals seals);

    [[nodiscard]] InodeStat stat() override;
    Result<void> set_attributes(const AttributeChange& change) override;
    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) override;

    Result<Ref<Inode>> lookup(std::string_view name) override;
    Result<Ref<Inode>> create(std::string_view name, FileType type, Mode mode,
                              const Credentials& owner, DeviceNumber device) override;
    Result<Ref<Inode>> symlink(std::string_view name, std::string_view target,
                               const Credentials& owner) override;
    Result<void> link(std::string_view name, Inode& to) override;
    Result<void> unlink(std::string_view name, Inode& what) override;
    Result<void> remove_directory(std::string_view name, Inode& what) override;
    Result<void> rename(std::string_view name, Inode& what, Inode& to_directory,
                        std::string_view to_name, Inode* replaced) override;
    Result<void> exchange(std::string_view name, Inode& what, Inode& to_directory,
                          std::string_view to_name, Inode& other) override;
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override;

    Result<std::size_t> read_link(char* to, std::size_t capacity) override;
    Result<std::size_t> read(IoCursor& to, std::uint64_t offset) override;
    Result<std::size_t> write(IoCursor& from, std::uint64_t& offset, WriteAt where) override;
    Result<void> allocate(std::uint64_t offset, std::uint64_t size, Grow grow) override;
    Result<Ref<MemoryObject>> memory_object() override;
    Result<Seals> seals() override;
    Result<void> add_seals(Seals more) override;

    TmpfsInode(Tmpfs& file_system, const InodeStat& stat);
    ~TmpfsInode() override;

  private:
    /// As Linux's tmpfs counts it, with "." and "..".
    static constexpr std::uint64_t directory_size(std::uint64_t entries) {
        return (entries + 2) * 20;
    }
    struct Attributes {
        InodeStat stat;
        Seals seals = Seals::kSeal;       // of a regular file; changes under content()
        RefPtr<MemoryObject> pages;       // of a regular file, from the first use on
        std::uint64_t charged_pages = 0;  // to the file system's limit
        std::uint64_t entries = 0;        // of a directory
        bool removed = false;             // a directory that takes no entries any more
    };

    void destroy() override;
    [[nodiscard]] Tmpfs& tmpfs() const { return static_cast<Tmpfs&>(file_system()); }
    Result<void> add(std::string_view name, Ref<TmpfsInode> inode);
    Result<void> reserve_entry();
    void entries_changed(std::int64_t entries, std::int64_t links);
    void links_changed(std::int64_t by);
    Result<void> count_link();
    void drop_link();
    Result<void> retire_directory();
    Result<std::size_t> write_charged(MemoryObject& pages, IoCursor& from, std::uint64_t offset);
    Result<std::size_t> write_what_fits(MemoryObject& pages, IoCursor& from, std::uint64_t offset);
    void settle_charge(std::uint64_t reserved);
    Result<void> resize(std::uint64_t size);

    Locked<Attributes, SpinLock<LockRank::kAttributes>> attributes_;
    NameTable names_;    // of a directory, guarded by content()
    Vector<char> link_;  // of a symlink, constant
    TmpfsInode* next_dying_ = nullptr;
};

}  // namespace exo
