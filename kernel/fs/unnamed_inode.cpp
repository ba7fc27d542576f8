#include "kernel/fs/unnamed_inode.h"

#include "kernel/arch/address.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/kept_inode.h"

namespace exo {

namespace {

class UnnamedFileSystem final : public FileSystem {
  public:
    UnnamedFileSystem(std::string_view type, std::uint32_t magic) : type_(type), magic_(magic) {}
    [[nodiscard]] std::string_view type_name() const override { return type_; }
    [[nodiscard]] FileSystemStat stat() override {
        return {.magic = magic_, .block_size = kPageSize};
    }
    /// It has none, and no type by this name is registered for mount(2).
    Result<Ref<Inode>> create_root() override { return Errno::NODEV; }

    Result<Ref<Inode>> create_inode(FileType type, Mode mode, Uid uid, Gid gid);

  private:
    const std::string_view type_;
    const std::uint32_t magic_;
    Atomic<std::uint64_t> last_number_{0};
};

class UnnamedInode final : public KeptInode {
  public:
    UnnamedInode(FileSystem& file_system, const InodeStat& stat) : KeptInode(file_system, stat) {}
    /// By a link of /proc/PID/fd: of a pipe, another end.
    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) override {
        return open_special(*this, by, flags, access);
    }
};

Result<Ref<Inode>> UnnamedFileSystem::create_inode(FileType type, Mode mode, Uid uid, Gid gid) {
    InodeStat stat;
    stat.number = last_number_.fetch_add(1, std::memory_order_relaxed) + 1;
    stat.type = type;
    stat.mode = mode;
    stat.links = 1;
    stat.uid = uid;
    stat.gid = gid;
    stat.accessed = stat.modified = stat.changed = now_timestamp();
    return Ref<Inode>(TRY(make_ref<UnnamedInode>(*this, stat)));
}

// Set once; never given back.
constinit UnnamedFileSystem* pipes = nullptr;
constinit UnnamedFileSystem* sockets = nullptr;
constinit Inode* shared = nullptr;

Result<UnnamedFileSystem*> create_file_system(std::string_view type, std::uint32_t magic) {
    return &TRY(make_ref<UnnamedFileSystem>(type, magic)).release();
}

}  // namespace

// The numbers are those of statfs(2).
Result<void> start_unnamed_inodes() {
    if (shared != nullptr) return {};
    pipes = TRY(create_file_system("pipefs", 0x50495045));
    sockets = TRY(create_file_system("sockfs", 0x534f434b));
    UnnamedFileSystem* const others = TRY(create_file_system("anon_inodefs", 0x09041934));
    shared = &TRY(others->create_inode(FileType::kUnknown, 0600, 0, 0)).release();
    return {};
}

Result<Ref<Inode>> create_unnamed_inode(FileType type, Uid uid, Gid gid) {
    if (type == FileType::kFifo) return pipes->create_inode(type, 0600, uid, gid);
    return sockets->create_inode(type, 0777, uid, gid);
}

RefPtr<Inode> shared_unnamed_inode() {
    return RefPtr<Inode>(shared);
}

}  // namespace exo
