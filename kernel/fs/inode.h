// Inodes, the objects of file systems, and dentries, the names by which they were found: the
// capability cache (parent, name -> inode or "absent").
//
// Lock order: rename of a file system > Inode::content (directories: parent before child) >
// dentry cache.
#pragma once

#include <cstdint>
#include <string_view>

#include "kernel/core/mutex.h"
#include "kernel/fs/credentials.h"
#include "lib/base/ref.h"

namespace exo {

class Dentry;
class DirectorySink;
class File;
class FileSystem;
class MemoryObject;
enum class FileFlags : std::uint32_t;

/// Values of S_IFMT >> 12, as in struct dirent's d_type.
enum class FileType : std::uint8_t {
    kUnknown = 0,
    kFifo = 1,
    kCharacterDevice = 2,
    kDirectory = 4,
    kBlockDevice = 6,
    kRegular = 8,
    kSymlink = 10,
    kSocket = 12,
};

/// Permission bits with set-user-ID, set-group-ID and sticky: 07777.
using Mode = std::uint16_t;

struct Timestamp {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

struct DeviceNumber {
    std::uint32_t major = 0, minor = 0;
};

struct InodeStat {
    std::uint64_t number = 0;
    FileType type = FileType::kUnknown;
    Mode mode = 0;
    std::uint32_t links = 0;
    Uid uid = 0;
    Gid gid = 0;
    std::uint64_t size = 0;
    std::uint64_t blocks = 0;  ///< of 512 bytes
    DeviceNumber device;       ///< what a device inode names
    Timestamp accessed, modified, changed;
};

/// Which of a new stat's fields to set: for set_attributes().
struct AttributeChange {
    bool mode = false, uid = false, gid = false, size = false;
    bool accessed = false, modified = false;
    InodeStat to;
};

class Inode : public RefCounted {
  public:
    [[nodiscard]] virtual InodeStat stat() = 0;
    /// Checked by the caller; `changed` is set by the file system. FBIG, NOSPC, ROFS.
    virtual Result<void> set_attributes(const AttributeChange& change) = 0;

    /// Opens what it is; `rights` and type were checked. NXIO: no such device.
    virtual Result<Ref<File>> open(Dentry& by, FileFlags flags) = 0;

    // Of directories; NOTDIR elsewhere. Names are valid, without '/', at most 255 bytes; the caller
    // has checked permissions and holds this directory's content() for changes.
    virtual Result<Ref<Inode>> lookup(std::string_view name);  ///< NOENT
    virtual Result<Ref<Inode>> create(std::string_view name, FileType type, Mode mode,
                                      const Credentials& owner, DeviceNumber device);
    virtual Result<Ref<Inode>> symlink(std::string_view name, std::string_view target,
                                       const Credentials& owner);
    virtual Result<void> link(std::string_view name, Inode& to);
    virtual Result<void> unlink(std::string_view name, Inode& what);
    virtual Result<void> remove_directory(std::string_view name, Inode& what);
    virtual Result<void> rename(std::string_view name, Inode& what, Inode& to_directory,
                                std::string_view to_name, Inode* replaced);
    virtual Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink);

    /// Of symlinks: the target; INVAL elsewhere. At most `capacity` bytes of it.
    virtual Result<std::size_t> read_link(char* to, std::size_t capacity);

    /// Of regular files.
    virtual Result<Ref<MemoryObject>> memory_object();

    [[nodiscard]] FileSystem& file_system() const { return file_system_; }
    [[nodiscard]] BasicMutex& content() { return content_; }

  protected:
    explicit Inode(FileSystem& file_system) : file_system_(file_system) {}

  private:
    FileSystem& file_system_;
    Mutex<LockRank::kInode> content_;
};

}  // namespace exo
