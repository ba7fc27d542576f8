// From a path to what it names: one look in the capability cache for each component, the file
// system only where that misses (path_resolution(7)). A walk starts from a directory that the
// process holds and never leaves its root.
#pragma once

#include <string_view>

#include "kernel/fs/credentials.h"
#include "kernel/fs/dentry.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/permission.h"
#include "lib/base/bit_set.h"

namespace exo {

/// What a walk must not do: values of openat2(2).
enum class WalkLimits : std::uint32_t {
    kNone = 0,
    kOneMount = 0x01,      ///< XDEV: into another mount, or out of it
    kNoMagicLinks = 0x02,  ///< LOOP: a link that is no path (/proc/PID/fd/N)
    kNoLinks = 0x04,       ///< LOOP: any link
    kBeneath = 0x08,       ///< XDEV: out of where it began, also by a path that begins with '/'
    kInRoot = 0x10,        ///< as kBeneath, but where it began, the caller's `root`, is '/'
    kCached = 0x20,        ///< AGAIN: a name that the dentry cache does not know
    kScoped = kBeneath | kInRoot,
};
template <>
inline constexpr bool kIsBitSet<WalkLimits> = true;

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

/// On top of what is mounted on `dentry`, if anything is.
[[nodiscard]] Ref<Dentry> top_of_mounts(Ref<Dentry> dentry);

/// A walk in steps, for who must see the last component before it is resolved (open with O_CREAT).
class PathWalker {
  public:
    PathWalker(const WalkStart& start, const Credentials& who,
               WalkLimits limits = WalkLimits::kNone);

    /// Begins with `path`, which stays until the walk is over. NOENT; NAMETOOLONG.
    Result<void> begin(std::string_view path);
    /// Goes on to the last component. Its name is valid until the next call.
    Result<LastComponent> to_last();
    /// `link`, a symlink that to_last() named, is to be followed: to_last() then finds the last
    /// component of its target. LOOP.
    Result<void> follow(Dentry& link);
    /// Goes on to what the path names.
    Result<Ref<Dentry>> to_end(LastLink last);
    /// What the last component names, or that it is absent.
    Result<Ref<Dentry>> child(const LastComponent& last) {
        return child_of(*last.directory, last.name);
    }
    /// On top of what is mounted on `dentry`. XDEV.
    Result<Ref<Dentry>> top_of(Ref<Dentry> dentry) const {
        if (limited(WalkLimits::kOneMount) && dentry->mounted()) [[unlikely]]
            return Errno::XDEV;
        return top_of_mounts(std::move(dentry));
    }

  private:
    /// A link that is being followed.
    struct Link {
        Vector<char> text;
        std::string_view rest;
    };

    Result<Ref<Dentry>> child_of(Dentry& directory, std::string_view name) {
        if (limited(WalkLimits::kCached)) [[unlikely]]
            return known_child(directory, name);
        return directory.child(name);
    }
    static Result<Ref<Dentry>> known_child(const Dentry& directory, std::string_view name);
    Result<void> enter(std::string_view component);
    Result<void> check_directory();
    Result<void> go_up();
    Result<void> jump(Dentry& target);
    Result<void> check_scope() const;
    [[nodiscard]] bool limited(WalkLimits by) const { return has(limits_, by); }
    void drop_finished_links();
    /// What is left of the innermost text.
    std::string_view& rest() { return links_.empty() ? path_ : links_.back().rest; }
    [[nodiscard]] bool nothing_is_left() const;

    const WalkStart& start_;
    const Credentials& who_;
    const WalkLimits limits_;
    Ref<Dentry> at_;
    RefPtr<Inode> inode_;    // of `at_`, from enter() to check_directory()
    std::string_view path_;  // what is left of the caller's
    Vector<Link> links_;     // the innermost last
    unsigned followed_ = 0;
    bool must_be_directory_ = false;
    bool climbed_ = false;  // by ".."
};

}  // namespace exo
