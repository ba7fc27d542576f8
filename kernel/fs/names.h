// What programs do to names: open, make, link, remove, rename. Each resolves, checks permissions,
// then changes file system and dentry cache together under content() of the directories; precedence
// of errors as Linux has it (open(2), mkdir(2), link(2), unlink(2), rename(2)). All may sleep.
#pragma once

#include <string_view>

#include "kernel/fs/file.h"
#include "kernel/fs/path_walk.h"
#include "kernel/object/rights.h"

namespace exo {

struct OpenRequest {
    Rights access = Rights::kRead;  ///< kRead, kWrite, both, or kNone
    FileFlags flags = FileFlags::kNone;
    WalkLimits limits = WalkLimits::kNone;
    LastLink last = LastLink::kFollow;  ///< kKeep: O_NOFOLLOW, LOOP if it is a symlink
    bool create = false;
    bool exclusive = false;  ///< with create: EXIST if it is there, symlinks are not followed
    bool truncate = false;
    bool directory = false;  ///< NOTDIR if it is not
    Mode mode = 0;           ///< of what is created, umask taken off
};

/// open(2). kPathOnly gives a File that only names its dentry.
Result<Ref<File>> open_path(const WalkStart& start, std::string_view path,
                            const OpenRequest& request, const Credentials& who);

/// mknod(2), mkdir(2) (kDirectory); `mode` has the umask taken off. PERM: a device without
/// CAP_MKNOD.
Result<void> make_node(const WalkStart& start, std::string_view path, FileType type, Mode mode,
                       DeviceNumber device, const Credentials& who);
/// The same; what was made.
Result<Ref<Dentry>> make_entry(const WalkStart& start, std::string_view path, FileType type,
                               Mode mode, DeviceNumber device, const Credentials& who);
Result<void> make_symlink(const WalkStart& start, std::string_view path, std::string_view target,
                          const Credentials& who);
/// link(2): another name for `what`, which is no directory.
Result<void> make_link(Dentry& what, const WalkStart& start, std::string_view path,
                       const Credentials& who);

/// unlink(2) (any type but kDirectory) and rmdir(2).
enum class Remove : std::uint8_t { kFile, kDirectory };
Result<void> remove_path(const WalkStart& start, std::string_view path, Remove what,
                         const Credentials& who);

/// renameat2(2).
enum class RenameMode : std::uint8_t { kReplace, kNoReplace, kExchange };
Result<void> rename_path(const WalkStart& from_start, std::string_view from,
                         const WalkStart& to_start, std::string_view to, RenameMode mode,
                         const Credentials& who);

/// chmod, chown, utimes, truncate of what was resolved; checks who may (chmod(2), chown(2),
/// utimensat(2)), clears set-ID bits where Linux does. `times_now`: writing permission is enough
/// for times. Who watches is told, of the directory too if it was found by `name`, else nullptr.
Result<void> change_attributes(Inode& of, const Dentry* name, AttributeChange change,
                               bool times_now, const Credentials& who);

}  // namespace exo
