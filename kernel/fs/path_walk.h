// From a path to what it names: one look in the capability cache for each component, the file
// system only where that misses (path_resolution(7)). A walk starts from a directory that the
// process holds and never leaves its root.
#pragma once

#include <string_view>

#include "kernel/fs/credentials.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/permission.h"

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

/// What the last component of a path is: a name, or one of those that name the directory itself.
enum class LastKind : std::uint8_t { kName, kRoot, kDot, kDotDot };

/// The directory that has, or would have, the last component, and that component, which points
/// into `path`.
struct LastComponent {
    Ref<Dentry> directory;
    std::string_view name;  ///< empty unless kName; `directory` is what was named then
    LastKind kind;
    bool must_be_directory;  ///< a '/' came after it
};

/// A walk in steps, for who must see the last component before it is resolved (open with O_CREAT).
class PathWalker {
  public:
    PathWalker(const WalkStart& start, const Credentials& who);

    /// Begins with `path`, which stays until the walk is over. NOENT; NAMETOOLONG.
    Result<void> begin(std::string_view path);
    /// Goes on to the last component. Its name is valid until the next call.
    Result<LastComponent> to_last();
    /// `link`, a symlink that to_last() named, is to be followed: to_last() then finds the last
    /// component of its target. LOOP.
    Result<void> follow(Dentry& link);
    /// Goes on to what the path names.
    Result<Ref<Dentry>> to_end(LastLink last);

  private:
    /// A link that is being followed.
    struct Link {
        Vector<char> text;
        std::string_view rest;
    };

    Result<void> enter(std::string_view component);
    Result<void> check_directory();
    void go_up();
    void drop_finished_links();
    /// What is left of the innermost text.
    std::string_view& rest() { return links_.empty() ? path_ : links_.back().rest; }
    [[nodiscard]] bool nothing_is_left() const;

    const WalkStart& start_;
    const Credentials& who_;
    Ref<Dentry> at_;
    RefPtr<Inode> inode_;    // of `at_`, from enter() to check_directory()
    std::string_view path_;  // what is left of the caller's
    Vector<Link> links_;     // the innermost last
    unsigned followed_ = 0;
    bool must_be_directory_ = false;
};

/// On top of what is mounted on `dentry`, if anything is.
[[nodiscard]] Ref<Dentry> top_of_mounts(Ref<Dentry> dentry);

}  // namespace exo
