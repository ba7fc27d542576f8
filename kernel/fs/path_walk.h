// From a path to what it names: one look in the capability cache for each component, the file
// system only where that misses (path_resolution(7)). A walk starts from a directory that the
// process holds and never leaves its root.
#pragma once

#include <string_view>

#include "kernel/fs/credentials.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/inode.h"

namespace exo {

/// What a process resolves paths from. Guarded by its owner.
struct WalkStart {
    Ref<Dentry> root;
    Ref<Dentry> at;  ///< for paths that do not begin with '/'
};

enum class LastLink : std::uint8_t { kFollow, kKeep };

/// Longest path with its NUL, and most symlinks followed in one walk.
inline constexpr std::size_t kPathMax = 4096;
inline constexpr unsigned kMaxLinks = 40;

/// The existing object `path` names. NOENT (also for an empty path), NOTDIR, ACCES, LOOP,
/// NAMETOOLONG. May sleep.
Result<Ref<Dentry>> walk(const WalkStart& start, std::string_view path, LastLink last,
                         const Credentials& who);

/// The directory that has, or would have, the last component, and that component, which points
/// into `path` (or into a followed link's target, kept in `link_buffer`).
struct LastComponent {
    Ref<Dentry> directory;
    std::string_view name;   ///< empty: the path was "/" or ended in "." or ".."; `directory` is it
    bool must_be_directory;  ///< a '/' came after it
};
Result<LastComponent> walk_to_parent(const WalkStart& start, std::string_view path,
                                     const Credentials& who);

enum class Permission : std::uint8_t { kExecute = 1, kWrite = 2, kRead = 4 };
constexpr Permission operator|(Permission a, Permission b) {
    return static_cast<Permission>(static_cast<std::uint8_t>(a) | static_cast<std::uint8_t>(b));
}
/// ACCES: `who` may not (mode bits, CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH).
Result<void> check_permission(const InodeStat& of, Permission wanted, const Credentials& who);

}  // namespace exo
