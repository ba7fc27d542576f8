// chmod(2), chown(2), utimensat(2), truncate(2): who may, and what else changes with it.
#include "abi/linux/capability.h"
#include "kernel/fs/names.h"
#include "kernel/fs/time.h"

namespace exo {

namespace {

/// chown(2): only CAP_CHOWN gives files away; an owner may choose among the groups it is in.
Result<void> check_owner_change(const InodeStat& stat, const AttributeChange& change,
                                const Credentials& who) {
    if (who.capable(abi::kCapChown)) return {};
    if (change.uid && (who.fs_uid != stat.uid || change.to.uid != stat.uid)) return Errno::PERM;
    if (change.gid &&
        (who.fs_uid != stat.uid || (change.to.gid != stat.gid && !who.in_group(change.to.gid)))) {
        return Errno::PERM;
    }
    return {};
}

/// Whether a change of owner or content takes set-ID bits away, and which.
Mode set_id_bits_lost(const InodeStat& stat) {
    Mode lost = kSetUid;
    // Without group execution, set-group-ID means mandatory locking: stays (chown(2)).
    if ((stat.mode & 00010) != 0) lost |= kSetGid;
    return lost & stat.mode;
}

/// What inotify(7) calls it: both times are set by utimensat(2), one of them by who keeps the
/// other.
FileEvents events_of(const AttributeChange& change) {
    FileEvents events = FileEvents::kNone;
    const bool both_times = change.accessed && change.modified;
    if (change.mode || change.uid || change.gid || both_times)
        events = events | FileEvents::kAttributes;
    if (change.size || (change.modified && !both_times)) events = events | FileEvents::kModify;
    if (change.accessed && !both_times) events = events | FileEvents::kAccess;
    return events;
}

}  // namespace

Result<void> change_attributes(Inode& of, const Dentry* name, AttributeChange change,
                               bool times_now, const Credentials& who) {
    const InodeStat stat = of.stat();
    if (change.uid || change.gid) TRY(check_owner_change(stat, change, who));
    if (change.mode) {
        if (!is_owner(stat, who)) return Errno::PERM;
        if (stat.type != FileType::kDirectory && !who.in_group(stat.gid) &&
            !who.capable(abi::kCapFsetid)) {
            change.to.mode &= static_cast<Mode>(~kSetGid);
        }
    }
    if (change.accessed || change.modified) {
        if (!is_owner(stat, who)) {
            if (!times_now) return Errno::PERM;
            TRY(check_permission(stat, Permission::kWrite, who));
        }
        const Timestamp now = now_timestamp();
        if (times_now) change.to.accessed = change.to.modified = now;
    }
    const bool owner_changes = (change.uid || change.gid) && stat.type == FileType::kRegular;
    const bool content_changes = change.size && !who.capable(abi::kCapFsetid);
    const Mode lost = set_id_bits_lost(stat);
    if ((owner_changes || content_changes) && lost != 0 && !change.mode) {
        change.mode = true;
        change.to.mode = stat.mode & static_cast<Mode>(~lost);
    }
    TRY(of.set_attributes(change));
    const FileEvents events = events_of(change);
    if (events == FileEvents::kNone) return {};
    if (name != nullptr) {
        tell_watchers(*name, events);
    } else {
        tell_watchers(of, events);
    }
    return {};
}

}  // namespace exo
