// A name in a directory as it was found: parent, name, inode or "absent". Cached by (parent, name);
// together they are the capability cache.
#pragma once

#include <string_view>

#include "kernel/fs/inode.h"

namespace exo {

class Dentry : public RefCounted {
  public:
    /// Root of a file system that is mounted nowhere yet.
    static Result<Ref<Dentry>> create_root(Ref<Inode> inode);

    /// The child called `name`, from the cache or by Inode::lookup(). It may be absent: inode() is
    /// empty then. NOTDIR; NOMEM. May sleep.
    Result<Ref<Dentry>> child(std::string_view name);

    [[nodiscard]] RefPtr<Inode> inode() const;
    [[nodiscard]] RefPtr<Dentry> parent() const;  ///< empty: a root
    /// Copies its name; "/" for a root. The length.
    std::size_t name(char* to, std::size_t capacity) const;
    /// Path from `root`, as getcwd(2) and /proc show it. RANGE: too long; "(deleted)" is marked.
    Result<std::size_t> path(const Dentry& root, char* to, std::size_t capacity) const;

    // After a change of the file system, under the directory's content().
    void set_inode(RefPtr<Inode> inode);  ///< created (now it is there) or unlinked (now absent)
    void moved(Dentry& to_parent, std::string_view to_name);

    /// What is mounted here covers this directory; walking goes on at its root.
    [[nodiscard]] RefPtr<Dentry> mounted() const;
    Result<void> mount(Ref<Dentry> root);  ///< BUSY: something is
    Result<void> unmount();                ///< INVAL: nothing is; BUSY
    /// The directory that `this`, a mounted root, covers.
    [[nodiscard]] RefPtr<Dentry> mount_point() const;
};

}  // namespace exo
