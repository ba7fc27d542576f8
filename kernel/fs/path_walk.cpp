#include "kernel/fs/path_walk.h"

#include <algorithm>

#include "kernel/fs/dentry_cache.h"

namespace exo {

namespace {

constexpr std::string_view kDot = ".", kDotDot = "..";

}  // namespace

Ref<Dentry> top_of_mounts(Ref<Dentry> dentry) {
    while (RefPtr<Dentry> over = dentry->mounted()) dentry = over.to_ref();
    return dentry;
}

PathWalker::PathWalker(const WalkStart& start, const Credentials& who, WalkLimits limits)
    : start_(start), who_(who), limits_(limits), at_(start.at) {}

Result<void> PathWalker::begin(std::string_view path) {
    if (path.empty()) return Errno::NOENT;
    if (path.size() >= kPathMax) return Errno::NAMETOOLONG;
    if (path.front() == '/') {
        if (limited(WalkLimits::kBeneath)) return Errno::XDEV;
        at_ = start_.root;
    }
    at_ = top_of_mounts(at_);
    path_ = path;
    return {};
}

// What is left of a link may be nothing: such links go, so that at most one is kept for each link
// that is not the last component of another.
void PathWalker::drop_finished_links() {
    while (!links_.empty() && links_.back().rest.empty()) links_.pop_back();
}

bool PathWalker::nothing_is_left() const {
    return path_.empty() &&
           std::ranges::all_of(links_, [](const Link& link) { return link.rest.empty(); });
}

Result<void> PathWalker::check_directory() {
    const RefPtr<Inode> inode = inode_ ? std::move(inode_) : at_->inode();
    if (!inode) return Errno::NOENT;
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    return check_permission(inode->stat(), Permission::kExecute, who_);
}

Result<Ref<Dentry>> PathWalker::known_child(const Dentry& directory, std::string_view name) {
    if (RefPtr<Dentry> known = DentryCache::get().find(directory, name)) return known.to_ref();
    return Errno::AGAIN;
}

// "..": not beyond the root of the process; out of a mount, to the parent of what it covers.
Result<void> PathWalker::go_up() {
    climbed_ = true;
    const bool beneath = limited(WalkLimits::kBeneath);
    for (;;) {
        if (beneath && at_.get() == top_of_mounts(start_.at).get()) return Errno::XDEV;
        if (at_.get() == top_of_mounts(start_.root).get()) return {};
        if (const RefPtr<Dentry> parent = at_->parent()) {
            at_ = TRY(top_of(parent.to_ref()));
            return {};
        }
        const RefPtr<Dentry> covered = at_->mount_point();
        if (!covered) return {};
        if (limited(WalkLimits::kOneMount)) return Errno::XDEV;
        at_ = covered.to_ref();
    }
}

// A directory that is moved out of the scope meanwhile would let ".." miss where the walk began, so
// that is looked for from the end.
Result<void> PathWalker::check_scope() const {
    if (!limited(WalkLimits::kScoped)) return {};
    const Ref<Dentry> scope = top_of_mounts(start_.at);
    Ref<Dentry> each = at_;
    while (each.get() != scope.get()) {
        RefPtr<Dentry> up = each->parent();
        if (!up) up = each->mount_point();
        if (!up) return Errno::XDEV;
        each = up.to_ref();
    }
    return {};
}

// By a link that is no path.
Result<void> PathWalker::jump(Dentry& target) {
    if (limited(WalkLimits::kNoMagicLinks)) return Errno::LOOP;
    if (limited(WalkLimits::kScoped)) return Errno::XDEV;
    if (limited(WalkLimits::kOneMount) && &target.mount_root() != &at_->mount_root())
        return Errno::XDEV;
    at_ = top_of_mounts(Ref<Dentry>(target));
    return {};
}

// A component that is not the last.
Result<void> PathWalker::enter(std::string_view component) {
    if (component == kDot) return {};
    if (component == kDotDot) return go_up();
    Ref<Dentry> child = TRY(child_of(*at_, component));
    RefPtr<Inode> inode = child->inode();
    if (!inode) return Errno::NOENT;
    if (inode->type() == FileType::kSymlink) return follow(*child);
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    if (const RefPtr<Dentry> over = child->mounted()) {
        if (limited(WalkLimits::kOneMount)) return Errno::XDEV;
        at_ = top_of_mounts(over.to_ref());
    } else {
        at_ = std::move(child);
        inode_ = std::move(inode);
    }
    return {};
}

Result<LastComponent> PathWalker::to_last() {
    for (;;) {
        std::string_view& rest = this->rest();
        rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
        if (rest.empty()) {
            if (links_.empty()) {
                if (climbed_) TRY(check_scope());
                return LastComponent{at_, {}, LastKind::kRoot, must_be_directory_};
            }
            drop_finished_links();
            continue;
        }
        TRY(check_directory());
        const std::string_view component = rest.substr(0, rest.find('/'));
        if (component.size() > kNameMax) return Errno::NAMETOOLONG;
        rest.remove_prefix(component.size());
        const bool slash = !rest.empty();
        rest.remove_prefix(std::min(rest.find_first_not_of('/'), rest.size()));
        // The component's text stays in its link until the link is dropped, below or later.
        if (!nothing_is_left()) {
            TRY(enter(component));
            continue;
        }
        must_be_directory_ |= slash;
        if (component == kDotDot) TRY(go_up());
        if (climbed_) TRY(check_scope());
        if (component != kDot && component != kDotDot) {
            return LastComponent{at_, component, LastKind::kName, must_be_directory_};
        }
        const LastKind kind = component == kDot ? LastKind::kDot : LastKind::kDotDot;
        return LastComponent{at_, {}, kind, must_be_directory_};
    }
}

Result<void> PathWalker::follow(Dentry& link) {
    if (++followed_ > kMaxLinks) return Errno::LOOP;
    if (limited(WalkLimits::kNoLinks)) return Errno::LOOP;
    const RefPtr<Inode> inode = link.inode();
    if (!inode) return Errno::NOENT;
    drop_finished_links();
    if (RefPtr<Dentry> target = inode->link_target()) return jump(*target);
    Vector<char> text;
    TRY(text.resize(kPathMax));
    const std::size_t length = TRY(inode->read_link(text.data(), text.size()));
    if (length == 0) return Errno::NOENT;
    if (length == text.size()) return Errno::NAMETOOLONG;
    const std::string_view target(text.data(), length);
    if (target.front() == '/') {
        const Ref<Dentry> root = top_of_mounts(start_.root);
        const bool leaves = &root->mount_root() != &at_->mount_root();
        if (limited(WalkLimits::kBeneath) || (leaves && limited(WalkLimits::kOneMount)))
            return Errno::XDEV;
        at_ = root;
    }
    return links_.push_back(Link{.text = std::move(text), .rest = target});
}

Result<Ref<Dentry>> PathWalker::to_end(LastLink follow_last) {
    for (;;) {
        const LastComponent last = TRY(to_last());
        if (last.kind != LastKind::kName) {
            // Also where a link led that is no path, to what may not be a directory.
            const RefPtr<Inode> inode = last.directory->inode();
            if (!inode) return Errno::NOENT;
            if (last.must_be_directory && inode->type() != FileType::kDirectory) {
                return Errno::NOTDIR;
            }
            return last.directory;
        }
        Ref<Dentry> child = TRY(this->child(last));
        const RefPtr<Inode> inode = child->inode();
        if (!inode) return Errno::NOENT;
        if (inode->type() == FileType::kSymlink &&
            (follow_last == LastLink::kFollow || last.must_be_directory)) {
            TRY(follow(*child));
            continue;
        }
        if (last.must_be_directory && inode->type() != FileType::kDirectory) return Errno::NOTDIR;
        if (limited(WalkLimits::kOneMount) && child->mounted()) return Errno::XDEV;
        return top_of_mounts(std::move(child));
    }
}

Result<Ref<Dentry>> walk(const WalkStart& start, std::string_view path, LastLink last,
                         const Credentials& who) {
    PathWalker walker(start, who);
    TRY(walker.begin(path));
    return walker.to_end(last);
}

}  // namespace exo
