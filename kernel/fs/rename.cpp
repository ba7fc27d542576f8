// rename(2) and its relatives: two names, at most two directories, one file system.
#include "kernel/fs/names.h"

namespace exo {

namespace {

/// One of the two names, its directory locked.
struct Side {
    Ref<Dentry> directory;
    Ref<Inode> inode;  // the directory's
    std::string_view name;
    bool must_be_directory;
};

Result<Side> side_of(const LastComponent& last) {
    if (last.kind != LastKind::kName) return Errno::BUSY;
    const RefPtr<Inode> inode = last.directory->inode();
    if (!inode) return Errno::NOENT;
    return Side{last.directory, inode.to_ref(), last.name, last.must_be_directory};
}

bool is_directory(const Inode& inode) {
    return inode.type() == FileType::kDirectory;
}

/// Nothing but a directory is called "name/".
Result<void> check_slashes(const Inode& what, const Inode* replaced, const Side& from,
                           const Side& to, RenameMode mode) {
    if (!is_directory(what) && from.must_be_directory) return Errno::NOTDIR;
    const Inode& called_to = mode == RenameMode::kExchange ? *replaced : what;
    if (!is_directory(called_to) && to.must_be_directory) return Errno::NOTDIR;
    return {};
}

/// A directory replaces only a directory.
Result<void> check_types(const Inode& what, const Inode* replaced, RenameMode mode) {
    if (replaced == nullptr || mode == RenameMode::kExchange) return {};
    if (is_directory(what) && !is_directory(*replaced)) return Errno::NOTDIR;
    if (!is_directory(what) && is_directory(*replaced)) return Errno::ISDIR;
    return {};
}

/// Moving a directory changes its "..", which is a write to it.
Result<void> check_parent_change(const Inode& what, InodeStat stat, const Side& from,
                                 const Side& to, const Credentials& who) {
    if (!is_directory(what) || &*from.directory == &*to.directory) return {};
    return check_permission(stat, Permission::kWrite, who);
}

Result<void> check_permissions(Inode& what, Inode* replaced, const Side& from, const Side& to,
                               RenameMode mode, const Credentials& who) {
    TRY(check_removal(from.inode->stat(), what.stat(), who));
    if (replaced == nullptr) {
        TRY(check_permission(to.inode->stat(), Permission::kWrite | Permission::kExecute, who));
    } else {
        TRY(check_removal(to.inode->stat(), replaced->stat(), who));
    }
    TRY(check_parent_change(what, what.stat(), from, to, who));
    if (mode == RenameMode::kExchange) {
        TRY(check_parent_change(*replaced, replaced->stat(), to, from, who));
    }
    return {};
}

Result<void> rename_locked(const Side& from, const Side& to, RenameMode mode,
                           const Credentials& who) {
    const Ref<Dentry> source = TRY(from.directory->child_locked(from.name));
    const RefPtr<Inode> what = source->inode();
    if (!what) return Errno::NOENT;
    const Ref<Dentry> target = TRY(to.directory->child_locked(to.name));
    const RefPtr<Inode> replaced = target->inode();
    if (replaced && mode == RenameMode::kNoReplace) return Errno::EXIST;
    if (!replaced && mode == RenameMode::kExchange) return Errno::NOENT;
    TRY(check_slashes(*what, replaced.get(), from, to, mode));
    // Into itself, or in the place of a directory above it.
    if (is_directory(*what) && to.directory->is_below(*source)) return Errno::INVAL;
    if (replaced && is_directory(*replaced) && from.directory->is_below(*target)) {
        return mode == RenameMode::kExchange ? Errno::INVAL : Errno::NOTEMPTY;
    }
    if (to.directory->is_deleted()) return Errno::NOENT;
    // Two names of one file: nothing to be done (rename(2)).
    if (replaced.get() == what.get()) return {};
    TRY(check_types(*what, replaced.get(), mode));
    TRY(check_permissions(*what, replaced.get(), from, to, mode, who));
    if (source->mounted() || target->mounted()) return Errno::BUSY;
    if (mode == RenameMode::kExchange) {
        TRY(from.inode->exchange(from.name, *what, *to.inode, to.name, *replaced));
        Dentry::exchanged(*source, *target);
        tell_move({*from.inode, from.name, *to.inode, to.name, *what, nullptr});
        tell_move({*to.inode, to.name, *from.inode, from.name, *replaced, nullptr});
        return {};
    }
    DentryName name;  // made now, since nothing may fail once the file system has changed
    TRY(name.assign(to.name));
    TRY(from.inode->rename(from.name, *what, *to.inode, to.name, replaced.get()));
    target->removed();
    source->moved(*to.directory, std::move(name));
    tell_move({*from.inode, from.name, *to.inode, to.name, *what, replaced.get()});
    return {};
}

}  // namespace

Result<void> rename_path(const WalkStart& from_start, std::string_view from,
                         const WalkStart& to_start, std::string_view to, RenameMode mode,
                         const Credentials& who) {
    PathWalker from_walker(from_start, who);
    PathWalker to_walker(to_start, who);
    TRY(from_walker.begin(from));
    const LastComponent from_last = TRY(from_walker.to_last());
    TRY(to_walker.begin(to));
    const LastComponent to_last = TRY(to_walker.to_last());
    const RefPtr<Inode> from_inode = from_last.directory->inode();
    const RefPtr<Inode> to_inode = to_last.directory->inode();
    if (!from_inode || !to_inode) return Errno::NOENT;
    if (&from_last.directory->mount_root() != &to_last.directory->mount_root()) return Errno::XDEV;
    if (to_last.kind != LastKind::kName && mode == RenameMode::kNoReplace) return Errno::EXIST;
    const Side source = TRY(side_of(from_last));
    const Side target = TRY(side_of(to_last));
    const WriteAccess writes = TRY(source.directory->begin_write());
    if (&*source.inode == &*target.inode) {
        const MutexGuard content(source.inode->content());
        return rename_locked(source, target, mode, who);
    }
    const MutexGuard tree(source.inode->file_system().rename_lock());
    const TwoDirectories contents(*source.inode, *target.inode);
    return rename_locked(source, target, mode, who);
}

}  // namespace exo
