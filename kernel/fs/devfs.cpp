// devtmpfs: a tmpfs that begins with the nodes of all devices.
#include "kernel/fs/devices.h"
#include "kernel/fs/tmpfs_inode.h"

namespace exo {

namespace {

class Devfs final : public FileSystem {
  public:
    explicit Devfs(Ref<FileSystem> files) : files_(std::move(files)) {}

    [[nodiscard]] std::string_view type_name() const override { return "devtmpfs"; }
    [[nodiscard]] FileSystemStat stat() override { return files_->stat(); }
    Result<Ref<Inode>> create_root() override;

  private:
    const Ref<FileSystem> files_;
};

/// The directory `name` in `at`, made if it is not there.
Result<Ref<Inode>> directory_in(Inode& at, std::string_view name, const Credentials& owner) {
    Result<Ref<Inode>> found = at.lookup(name);
    if (found || found.error() != Errno::NOENT) return found;
    return at.create(name, FileType::kDirectory, 0755, owner, {});
}

Result<void> add_device(Ref<Inode> at, const CharacterDevice& device, const Credentials& owner) {
    std::string_view name = device.name;
    for (std::size_t slash = name.find('/'); slash != std::string_view::npos;
         slash = name.find('/')) {
        at = TRY(directory_in(*at, name.substr(0, slash), owner));
        name.remove_prefix(slash + 1);
    }
    static_cast<void>(
        TRY(at->create(name, FileType::kCharacterDevice, device.mode, owner, device.number)));
    return {};
}

Result<Ref<Inode>> Devfs::create_root() {
    // Nobody else knows these directories yet, so content() need not be held.
    const Credentials owner;
    Ref<Inode> root = TRY(files_->create_root());
    for (std::size_t i = 0;; ++i) {
        const Result<CharacterDevice> device = registered_device(i);
        if (!device) break;
        TRY(add_device(root, *device, owner));
    }
    return root;
}

}  // namespace

Result<Ref<FileSystem>> create_devfs_from_options(std::string_view options) {
    Ref<FileSystem> files =
        TRY(create_tmpfs_like({.root_mode = 0755, .type = "devtmpfs"}, options));
    return TRY(make_ref<Devfs>(std::move(files)));
}

}  // namespace exo
