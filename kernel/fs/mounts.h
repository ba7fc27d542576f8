// The mounts, in order, and the root of everything.
#pragma once

#include <string_view>

#include "kernel/fs/dentry.h"

namespace exo {

/// Makes dentry cache and mount table, registers tmpfs, devtmpfs and the memory devices. Before
/// anything else here. NOMEM.
Result<void> start_file_systems();

/// Makes `file_system` the root of all paths; once. NOMEM.
Result<void> mount_root(FileSystem& file_system, std::string_view source);
/// The root, on top of what may be mounted over it.
[[nodiscard]] Ref<Dentry> root_dentry();

/// mount(2) of a file system on directory `at`. NOTDIR; BUSY; NOMEM.
Result<void> mount_on(Dentry& at, FileSystem& file_system, std::string_view source,
                      MountFlags flags);
/// umount(2) of what has `root` as its root. kIfUnused: that is the caller's only reference to it;
/// who holds another keeps it busy. kAlways: with all that is mounted below, which stays with who
/// uses it. INVAL: not a mount; BUSY.
enum class Unmount : std::uint8_t { kIfUnused, kAlways };
Result<void> unmount(const Ref<Dentry>& root, Unmount when);
/// mount(2) with MS_REMOUNT: other flags, and options of the file system. INVAL: not a mount, or
/// options that cannot be; BUSY: it is written to and would become read-only.
Result<void> remount(const Ref<Dentry>& root, MountFlags flags, std::string_view options);

struct MountInfo {
    std::string_view source;
    Dentry& root;
    RefPtr<Dentry> mount_point;  ///< empty: the root of everything
    std::uint32_t id, parent;    ///< the root's parent is itself
};
class MountVisitor {
  public:
    /// False: enough.
    virtual bool mount(const MountInfo& info) = 0;

  protected:
    ~MountVisitor() = default;
};
/// In order of mounting, for /proc/mounts; the table is locked meanwhile.
void for_each_mount(MountVisitor& visitor);

/// File system types by name, for mount(2): "tmpfs", "devtmpfs", and what others register.
using CreateFileSystem = Result<Ref<FileSystem>> (*)(std::string_view options);
struct FileSystemType {
    std::string_view name;
    CreateFileSystem create;
};
Result<void> register_file_system(const FileSystemType& type);  ///< NOMEM
/// The type that was registered as number `index`, for /proc/filesystems; empty: there are fewer.
[[nodiscard]] std::string_view file_system_type_name(std::size_t index);
Result<Ref<FileSystem>> create_file_system(std::string_view type,
                                           std::string_view options);  ///< NODEV

}  // namespace exo
