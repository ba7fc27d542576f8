#include "kernel/fs/names.h"

#include "abi/linux/capability.h"
#include "kernel/fs/inode_file.h"
#include "kernel/fs/time.h"

namespace exo {

namespace {

constexpr Permission kChange = Permission::kWrite | Permission::kExecute;

/// An O_PATH descriptor: names a place and nothing else.
class PathFile final : public File {
  public:
    PathFile(Dentry& dentry, RefPtr<Inode> inode)
        : File(ObjectType::kFile, FileFlags::kPathOnly),
          dentry_(dentry),
          inode_(std::move(inode)) {}

    Result<std::size_t> read(IoCursor&) override { return Errno::BADF; }
    Result<std::size_t> write(IoCursor&) override { return Errno::BADF; }
    Result<std::uint64_t> seek(std::int64_t, Whence) override { return Errno::BADF; }
    Result<std::size_t> read_at(IoCursor&, std::uint64_t) override { return Errno::BADF; }
    Result<std::size_t> write_at(IoCursor&, std::uint64_t) override { return Errno::BADF; }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }

  private:
    const Ref<Dentry> dentry_;
    const RefPtr<Inode> inode_;
};

Permission permission_for(Rights access) {
    auto wanted = static_cast<Permission>(0);
    if (includes(access, Rights::kRead)) wanted = wanted | Permission::kRead;
    if (includes(access, Rights::kWrite)) wanted = wanted | Permission::kWrite;
    return wanted;
}

/// ACCES: a device where the mount says that there are none.
Result<void> check_device(const Dentry& dentry, const Inode& inode) {
    const bool device =
        inode.type() == FileType::kCharacterDevice || inode.type() == FileType::kBlockDevice;
    if (device && has(dentry.mount_state().flags(), MountFlags::kNoDevices)) return Errno::ACCES;
    return {};
}

Result<Ref<File>> open_found(const Ref<Dentry>& dentry, const OpenRequest& request, bool created,
                             const Credentials& who) {
    const RefPtr<Inode> inode = dentry->inode();
    if (!inode) return Errno::NOENT;
    const bool directory = inode->type() == FileType::kDirectory;
    if (request.directory && !directory) return Errno::NOTDIR;
    if (has(request.flags, FileFlags::kPathOnly)) return TRY(make_ref<PathFile>(*dentry, inode));
    if (inode->type() == FileType::kSymlink) return Errno::LOOP;
    if (directory && (includes(request.access, Rights::kWrite) || request.create)) {
        return Errno::ISDIR;
    }
    const bool writes = request.truncate || includes(request.access, Rights::kWrite);
    WriteAccess write_access;
    FileClaim claim;
    if (writes && inode->type() == FileType::kRegular) {
        Dentry& root = dentry->mount_root();
        write_access = TRY(WriteAccess::begin(root.mount_state(), RefPtr<RefCounted>(&root)));
    }
    TRY(check_device(*dentry, *inode));
    if (!created) {
        // O_TRUNC writes, whatever the access mode says (open(2)).
        const Rights access = request.truncate ? request.access | Rights::kWrite : request.access;
        const InodeStat stat = inode->stat();
        TRY(check_permission(stat, permission_for(access), who));
        if (has(request.flags, FileFlags::kNoAccessTime) && !is_owner(stat, who)) {
            return Errno::PERM;
        }
    }
    if (writes && inode->type() == FileType::kRegular)
        claim = TRY(inode->claim(Occupancy::Kind::kWrite));
    const bool empties = request.truncate && !created && inode->type() == FileType::kRegular;
    if (empties) {
        AttributeChange change;
        change.size = true;
        change.to.size = 0;
        TRY(inode->set_attributes(change));
    }
    Ref<File> file = TRY(inode->open(*dentry, request.flags, request.access));
    if (includes(request.access, Rights::kWrite)) {
        file->keep_writable(std::move(write_access), std::move(claim));
    }
    file->tell_opened();
    if (empties) file->tell(FileEvents::kModify);
    return file;
}

/// The last component as something to be made: in a directory that can be changed.
struct NewName {
    Ref<Dentry> directory;
    Ref<Inode> inode;  // the directory's
    std::string_view name;
    bool must_be_directory;  // a '/' came after it
};

/// EXIST also for "/", "." and "..", as Linux says of them.
Result<NewName> new_name(const LastComponent& last) {
    if (last.kind != LastKind::kName) return Errno::EXIST;
    const RefPtr<Inode> inode = last.directory->inode();
    if (!inode) return Errno::NOENT;
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    return NewName{last.directory, inode.to_ref(), last.name, last.must_be_directory};
}
Result<NewName> walk_to_new(PathWalker& walker, std::string_view path) {
    TRY(walker.begin(path));
    return new_name(TRY(walker.to_last()));
}

/// Makes a name that is absent by `make(directory inode, name) -> Result<Ref<Inode>>`, after
/// `allowed() -> Result<void>`.
template <typename Allowed, typename Make>
Result<Ref<Dentry>> add_name(const NewName& at, bool trailing_slash_forbidden,
                             const Credentials& who, Allowed allowed, Make make) {
    const MutexGuard content(at.inode->content());
    Ref<Dentry> child = TRY(at.directory->child_locked(at.name));
    if (child->inode()) return Errno::EXIST;
    const WriteAccess writes = TRY(at.directory->begin_write());
    if (trailing_slash_forbidden) return Errno::NOENT;
    TRY(allowed());
    if (at.directory->is_deleted()) return Errno::NOENT;
    TRY(check_permission(at.inode->stat(), kChange, who));
    const Ref<Inode> made = TRY(make(*at.inode, at.name));
    child->created(made);
    tell_entry(*at.inode, *made, FileEvents::kCreate, at.name);
    return child;
}

template <typename Make>
Result<Ref<Dentry>> add_name(const NewName& at, bool trailing_slash_forbidden,
                             const Credentials& who, Make make) {
    return add_name(at, trailing_slash_forbidden, who, [] { return Result<void>(); }, make);
}

/// Creates the file that `last` names; EXIST: somebody was faster, to be looked at again.
Result<Ref<File>> create_and_open(const LastComponent& last, const OpenRequest& request,
                                  const Credentials& who) {
    const NewName at = TRY(new_name(last));
    const Ref<Dentry> made =
        TRY(add_name(at, false, who, [&](Inode& directory, std::string_view name) {
            return directory.create(name, FileType::kRegular, request.mode, who, {});
        }));
    return open_found(made, request, true, who);
}

Result<Ref<File>> open_or_create(PathWalker& walker, const OpenRequest& request,
                                 const Credentials& who) {
    for (;;) {
        const LastComponent last = TRY(walker.to_last());
        if (last.kind != LastKind::kName || last.must_be_directory) {
            if (last.kind == LastKind::kName) return Errno::ISDIR;
            if (request.exclusive) return Errno::EXIST;
            return open_found(last.directory, request, false, who);
        }
        const Ref<Dentry> child = TRY(walker.child(last));
        const RefPtr<Inode> inode = child->inode();
        if (!inode) {
            Result<Ref<File>> opened = create_and_open(last, request, who);
            if (opened || opened.error() != Errno::EXIST || request.exclusive) return opened;
            // Somebody else made it just now, so it is opened as it is; if it was a symlink, that
            // is no longer followed to a file to be made, which a later try does.
            const Ref<Dentry> found = TRY(last.directory->child(last.name));
            return open_found(TRY(walker.top_of(found)), request, false, who);
        }
        if (request.exclusive) return Errno::EXIST;
        if (inode->type() == FileType::kSymlink && request.last == LastLink::kFollow) {
            TRY(walker.follow(*child));
            continue;
        }
        return open_found(TRY(walker.top_of(child)), request, false, who);
    }
}

}  // namespace

Result<Ref<File>> open_path(const WalkStart& start, std::string_view path,
                            const OpenRequest& request, const Credentials& who) {
    PathWalker walker(start, who, request.limits);
    TRY(walker.begin(path));
    if (request.create) return open_or_create(walker, request, who);
    return open_found(TRY(walker.to_end(request.last)), request, false, who);
}

Result<void> make_node(const WalkStart& start, std::string_view path, FileType type, Mode mode,
                       DeviceNumber device, const Credentials& who) {
    static_cast<void>(TRY(make_entry(start, path, type, mode, device, who)));
    return {};
}

Result<Ref<Dentry>> make_entry(const WalkStart& start, std::string_view path, FileType type,
                               Mode mode, DeviceNumber device, const Credentials& who) {
    PathWalker walker(start, who);
    const NewName at = TRY(walk_to_new(walker, path));
    const bool is_device = type == FileType::kCharacterDevice || type == FileType::kBlockDevice;
    const bool slash = at.must_be_directory && type != FileType::kDirectory;
    return add_name(at, slash, who,
                    [&](Inode& directory, std::string_view name) -> Result<Ref<Inode>> {
                        if (is_device && !who.capable(abi::kCapMknod)) return Errno::PERM;
                        return directory.create(name, type, mode, who, device);
                    });
}

Result<void> make_symlink(const WalkStart& start, std::string_view path, std::string_view target,
                          const Credentials& who) {
    if (target.empty()) return Errno::NOENT;
    if (target.size() >= kPathMax) return Errno::NAMETOOLONG;
    PathWalker walker(start, who);
    const NewName at = TRY(walk_to_new(walker, path));
    static_cast<void>(
        TRY(add_name(at, at.must_be_directory, who, [&](Inode& directory, std::string_view name) {
            return directory.symlink(name, target, who);
        })));
    return {};
}

namespace {

/// Who does not own a file may link what he could copy back and what lends no identity
/// (fs.protected_hardlinks, proc(5), which Debian sets). PERM.
Result<void> check_link_source(const InodeStat& stat, const Credentials& who) {
    constexpr Mode kGroupExecute = 010;
    const bool lends = (stat.mode & kSetUid) != 0 ||
                       ((stat.mode & kSetGid) != 0 && (stat.mode & kGroupExecute) != 0);
    const bool plain = stat.type == FileType::kRegular && !lends;
    if (plain && check_permission(stat, Permission::kRead | Permission::kWrite, who)) return {};
    if (is_owner(stat, who)) return {};
    return Errno::PERM;
}

}  // namespace

Result<void> make_link(Dentry& what, const WalkStart& start, std::string_view path,
                       const Credentials& who) {
    const RefPtr<Inode> inode = what.inode();
    if (!inode) return Errno::NOENT;
    PathWalker walker(start, who);
    const NewName at = TRY(walk_to_new(walker, path));
    static_cast<void>(TRY(add_name(
        at, at.must_be_directory, who,
        [&]() -> Result<void> {
            if (&what.mount_root() != &at.directory->mount_root()) return Errno::XDEV;
            return check_link_source(inode->stat(), who);
        },
        [&](Inode& directory, std::string_view name) -> Result<Ref<Inode>> {
            if (inode->type() == FileType::kDirectory) return Errno::PERM;
            TRY(directory.link(name, *inode));
            tell_links_changed(*inode);
            return inode.to_ref();
        })));
    return {};
}

namespace {

/// What rmdir(2) and unlink(2) say of "/", "." and "..".
Errno why_not_removed(LastKind kind, Remove what) {
    if (what == Remove::kFile) return Errno::ISDIR;
    if (kind == LastKind::kDot) return Errno::INVAL;
    if (kind == LastKind::kDotDot) return Errno::NOTEMPTY;
    return Errno::BUSY;
}

/// Takes the name of `last` out of `directory`, whose content() is held; what it named.
Result<Ref<Inode>> remove_locked(const LastComponent& last, Inode& directory, Remove what,
                                 const Credentials& who) {
    const Ref<Dentry> child = TRY(last.directory->child_locked(last.name));
    const RefPtr<Inode> inode = child->inode();
    if (!inode) return Errno::NOENT;
    const bool is_directory = inode->type() == FileType::kDirectory;
    if (what == Remove::kFile && last.must_be_directory) {
        return is_directory ? Errno::ISDIR : Errno::NOTDIR;
    }
    TRY(check_removal(directory.stat(), inode->stat(), who));
    if (what == Remove::kDirectory) {
        if (!is_directory) return Errno::NOTDIR;
        if (child->mounted()) return Errno::BUSY;
        TRY(directory.remove_directory(last.name, *inode));
    } else {
        if (is_directory) return Errno::ISDIR;
        TRY(directory.unlink(last.name, *inode));
        tell_links_changed(*inode);
    }
    child->removed();
    return inode.to_ref();
}

}  // namespace

Result<void> remove_path(const WalkStart& start, std::string_view path, Remove what,
                         const Credentials& who) {
    PathWalker walker(start, who);
    TRY(walker.begin(path));
    const LastComponent last = TRY(walker.to_last());
    if (last.kind != LastKind::kName) return why_not_removed(last.kind, what);
    const RefPtr<Inode> directory = last.directory->inode();
    if (!directory) return Errno::NOENT;
    const WriteAccess writes = TRY(last.directory->begin_write());
    const MutexGuard content(directory->content());
    const Ref<Inode> removed = TRY(remove_locked(last, *directory, what, who));
    tell_entry(*directory, *removed, FileEvents::kDelete, last.name);
    return {};
}

}  // namespace exo
