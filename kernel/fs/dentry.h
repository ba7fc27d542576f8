// A name in a directory as it was found: parent, name, inode or "absent". Cached by (parent, name);
// together they are the capability cache (dentry_cache.h).
//
// A dentry that is in the cache tells the truth; what leaves the cache (an unlinked file, a removed
// directory) keeps its inode for who still holds it. Changes happen under content() of the
// directory.
#pragma once

#include <string_view>

#include "kernel/core/spin_lock.h"
#include "kernel/fs/inode.h"
#include "kernel/fs/mount_state.h"
#include "lib/base/list.h"

namespace exo {

class DentryCache;

/// Longest name of one component, as NAME_MAX.
inline constexpr std::size_t kNameMax = 255;

/// A name: in place if short.
class DentryName {
  public:
    Result<void> assign(std::string_view text);
    [[nodiscard]] std::string_view view() const {
        return {length_ <= sizeof(short_) ? short_ : long_.data(), length_};
    }
    void swap(DentryName& other);

  private:
    std::uint8_t length_ = 0;
    char short_[31] = {};
    Vector<char> long_;
};

class Dentry : public RefCounted {
  public:
    /// Root of a file system that is mounted nowhere yet.
    static Result<Ref<Dentry>> create_root(Ref<Inode> inode);
    /// Of what no directory names: a file in memory, a pipe. path() tells `text` of it.
    static Result<Ref<Dentry>> create_unnamed(Ref<Inode> inode, std::string_view text);

    /// The child called `name`, from the cache or by Inode::lookup(). It may be absent: inode() is
    /// empty then. NOTDIR; NOENT: this directory was removed; NOMEM. Takes content(). May sleep.
    Result<Ref<Dentry>> child(std::string_view name);
    /// The same for who holds content() of this directory.
    Result<Ref<Dentry>> child_locked(std::string_view name);

    [[nodiscard]] bool is_unnamed() const { return unnamed_; }

    [[nodiscard]] RefPtr<Inode> inode() const;
    [[nodiscard]] RefPtr<Dentry> parent() const;  ///< empty: a root
    /// Whether its name was taken away (unlinked, removed, or replaced by a rename).
    [[nodiscard]] bool is_deleted() const;
    /// Copies its name, cut to `capacity`; "/" for a root. The whole length.
    std::size_t name(char* to, std::size_t capacity) const;
    /// Path from `root`, as getcwd(2) and /proc show it, without a NUL; what is not below `root`
    /// begins with "(unreachable)", what was removed ends in " (deleted)". RANGE: too long.
    Result<std::size_t> path(const Dentry& root, char* to, std::size_t capacity) const;
    /// Whether `this` is `ancestor` or below it, within one file system; its rename_lock() is held.
    [[nodiscard]] bool is_below(const Dentry& ancestor) const;

    // After a change of the file system, under content() of the directories concerned.
    void created(Ref<Inode> inode);  ///< it was absent
    void removed();                  ///< its name is gone; leaves the cache
    /// It is now `to_parent`'s `to_name`; what was there before was removed().
    void moved(Dentry& to_parent, DentryName to_name);
    static void exchanged(Dentry& a, Dentry& b);

    /// What is mounted here covers this directory; walking goes on at its root.
    [[nodiscard]] RefPtr<Dentry> mounted() const;
    Result<void> mount(
        const Ref<Dentry>& root);  ///< BUSY: something is, or `root` is mounted elsewhere
    /// Names that come and go (/proc's) are not cached; one that is mounted on must be, for walks
    /// to find it. BUSY: another dentry of this name is. Takes content() of the directory.
    Result<void> stay_cached();
    /// INVAL: nothing is; BUSY: it is in use, by more than the `ours` references the caller knows
    /// of.
    Result<void> unmount(std::uint32_t ours);
    /// The same without asking who uses it: they keep what they have, in a tree of its own.
    Result<void> detach();
    /// The directory that `this`, a mounted root, covers.
    [[nodiscard]] RefPtr<Dentry> mount_point() const;

    /// The root of the mount it is in, which lives as long as this.
    [[nodiscard]] Dentry& mount_root() { return *root_; }
    /// Of that mount.
    [[nodiscard]] MountState& mount_state() const { return root_->mount_state_; }
    /// For a call's time. ROFS.
    Result<WriteAccess> begin_write() { return WriteAccess::begin(mount_state()); }

  private:
    friend class DentryCache;

    struct Place {
        RefPtr<Dentry> parent;
        DentryName name;
        RefPtr<Inode> inode;
        RefPtr<Dentry> mounted;
        RefPtr<Dentry> mount_point;
        bool deleted = false;
    };

    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    Dentry() = default;
    ~Dentry() override = default;
    static Result<Ref<Dentry>> create(Dentry* parent, std::string_view name, RefPtr<Inode> inode);
    void destroy() override;
    /// Goes into the cache under another name; gets what was there before.
    void take_place(RefPtr<Dentry>& parent, DentryName& name);

    mutable Locked<Place, SpinLock<LockRank::kDentry>> place_;
    Atomic<bool> has_mount_{false};  // so that a walk need not lock to see that nothing is mounted
    FileSystem* file_system_ = nullptr;  // kept by the inode of some ancestor
    Dentry* root_ = nullptr;             // the ancestor without a parent
    bool unnamed_ = false;               // its place's name is what path() says
    MountState mount_state_;             // of roots

    // Of the cache, under the lock of its shard.
    std::uint64_t hash_ = 0;
    bool cached_ = false;
    bool used_ = false;  // since the cache last looked for what to drop
    Dentry* next_in_bucket_ = nullptr;
    ListLink age_link_;
};

}  // namespace exo
