#include "kernel/fs/dentry.h"

#include <algorithm>
#include <cstring>

#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/file_events.h"
#include "lib/base/format.h"

namespace exo {

Result<void> DentryName::assign(std::string_view text) {
    if (text.size() > kNameMax) return Errno::NAMETOOLONG;
    if (text.size() > sizeof(short_)) TRY(long_.resize(text.size()));
    length_ = static_cast<std::uint8_t>(text.size());
    char* to = text.size() <= sizeof(short_) ? short_ : long_.data();
    std::copy(text.begin(), text.end(), to);
    return {};
}

void DentryName::swap(DentryName& other) {
    std::swap(length_, other.length_);
    std::swap(short_, other.short_);
    std::swap(long_, other.long_);
}

Result<Ref<Dentry>> Dentry::create(Dentry* parent, std::string_view name, RefPtr<Inode> inode) {
    Ref<Dentry> made = TRY(make_ref<Dentry>());
    Place& place = made->place_.unlocked();  // nobody else knows it yet
    TRY(place.name.assign(name));
    made->file_system_ = parent != nullptr ? parent->file_system_ : &inode->file_system();
    made->root_ = parent != nullptr ? parent->root_ : made.get();
    place.parent = RefPtr<Dentry>(parent);
    place.inode = std::move(inode);
    return made;
}

Result<Ref<Dentry>> Dentry::create_root(Ref<Inode> inode) {
    if (inode->type() != FileType::kDirectory) return Errno::NOTDIR;
    return create(nullptr, "", std::move(inode));
}

Result<Ref<Dentry>> Dentry::create_unnamed(Ref<Inode> inode, std::string_view text) {
    Ref<Dentry> made = TRY(create(nullptr, text, std::move(inode)));
    made->unnamed_ = true;
    return made;
}

void Dentry::destroy() {
    Dentry* dying = this;
    while (dying != nullptr) {
        tell_unused(*dying);
        // Nobody else has it: no lock.
        Dentry* parent = dying->place_.unlocked().parent.release();
        delete dying;
        dying = parent != nullptr && parent->unref_is_last() ? parent : nullptr;
    }
}

Result<Ref<Dentry>> Dentry::child(std::string_view name) {
    if (RefPtr<Dentry> cached = DentryCache::get().find(*this, name)) return cached.to_ref();
    const RefPtr<Inode> directory = inode();
    if (!directory || directory->type() != FileType::kDirectory) return Errno::NOTDIR;
    const MutexGuard content(directory->content());
    return child_locked(name);
}

Result<Ref<Dentry>> Dentry::child_locked(std::string_view name) {
    // Looked for again by who found nothing before: content() keeps others from adding it twice.
    if (RefPtr<Dentry> cached = DentryCache::get().find(*this, name)) return cached.to_ref();
    const RefPtr<Inode> directory = inode();
    if (!directory || directory->type() != FileType::kDirectory) return Errno::NOTDIR;
    Result<Ref<Inode>> found = directory->lookup(name);
    if (!found && found.error() != Errno::NOENT) return found.error();
    RefPtr<Inode> inode;
    if (found) inode = std::move(*found);
    Ref<Dentry> made = TRY(create(this, name, std::move(inode)));
    // A removed directory is empty for ever; what it does not have need not be remembered.
    if (!is_deleted() && directory->names_are_stable()) DentryCache::get().insert(*made);
    return made;
}

RefPtr<Inode> Dentry::inode() const {
    return place_.lock()->inode;
}

RefPtr<Dentry> Dentry::parent() const {
    return place_.lock()->parent;
}

bool Dentry::is_deleted() const {
    return place_.lock()->deleted;
}

std::size_t Dentry::name(char* to, std::size_t capacity) const {
    auto place = place_.lock();
    const std::string_view text = place->parent ? place->name.view() : "/";
    std::copy_n(text.begin(), std::min(text.size(), capacity), to);
    return text.size();
}

// Built from the end, since that is where a dentry is; then moved to the beginning.
Result<std::size_t> Dentry::path(const Dentry& root, char* to, std::size_t capacity) const {
    if (unnamed_) {
        auto place = place_.lock();
        const std::span all(to, capacity);
        const std::string_view text = place->name.view();
        // A file in memory is shown as a name that is gone.
        const std::size_t length = place->inode->type() == FileType::kRegular
                                       ? format_to(all, "/{} (deleted)", text)
                                       : format_to(all, "{}", text);
        if (length == capacity) return Errno::RANGE;
        return length;
    }
    std::size_t at = capacity;
    const auto prepend = [&](std::string_view text) {
        if (text.size() > at) return false;
        at -= text.size();
        std::copy(text.begin(), text.end(), to + at);
        return true;
    };
    if (is_deleted() && !prepend(" (deleted)")) return Errno::RANGE;
    const std::size_t end = at;
    const Dentry* each = this;
    RefPtr<Dentry> hold;  // keeps `each`
    while (each != &root) {
        RefPtr<Dentry> up = each->parent();
        if (!up) {
            RefPtr<Dentry> covered = each->mount_point();
            if (!covered) break;
            hold = std::move(covered);
            each = hold.get();
            continue;
        }
        char text[kNameMax];
        const std::size_t length = each->name(text, sizeof(text));
        if (!prepend({text, length}) || !prepend("/")) return Errno::RANGE;
        hold = std::move(up);
        each = hold.get();
    }
    if (at == end && !prepend("/")) return Errno::RANGE;
    if (each != &root && !prepend("(unreachable)")) return Errno::RANGE;
    std::memmove(to, to + at, capacity - at);
    return capacity - at;
}

bool Dentry::is_below(const Dentry& ancestor) const {
    const Dentry* each = this;
    RefPtr<Dentry> hold;  // keeps `each`
    while (each != nullptr && each != &ancestor) {
        hold = each->parent();
        each = hold.get();
    }
    return each == &ancestor;
}

void Dentry::created(Ref<Inode> inode) {
    place_.lock()->inode = std::move(inode);
}

void Dentry::removed() {
    place_.lock()->deleted = true;
    DentryCache::get().remove(*this);
}

// The parent that is left is freed by the caller's `parent`, outside the lock.
void Dentry::take_place(RefPtr<Dentry>& parent, DentryName& name) {
    DentryCache::get().remove(*this);
    {
        auto place = place_.lock();
        std::swap(place->parent, parent);
        place->name.swap(name);
    }
    DentryCache::get().insert(*this);
}

void Dentry::moved(Dentry& to_parent, DentryName to_name) {
    RefPtr<Dentry> parent(&to_parent);
    take_place(parent, to_name);
}

void Dentry::exchanged(Dentry& a, Dentry& b) {
    // Out of the cache first, so that no two are ever found under one name.
    DentryCache::get().remove(a);
    DentryCache::get().remove(b);
    RefPtr<Dentry> parent = b.parent();
    DentryName name;
    {
        auto place = b.place_.lock();
        place->name.swap(name);
    }
    a.take_place(parent, name);
    b.take_place(parent, name);
}

RefPtr<Dentry> Dentry::mounted() const {
    if (!has_mount_.load(std::memory_order_acquire)) return {};
    return place_.lock()->mounted;
}

RefPtr<Dentry> Dentry::mount_point() const {
    return place_.lock()->mount_point;
}

Result<void> Dentry::mount(const Ref<Dentry>& root) {
    EXO_CHECK(&*root != this, "a file system is mounted on itself");
    {
        auto place = root->place_.lock();
        if (place->mount_point) return Errno::BUSY;
        place->mount_point = RefPtr<Dentry>(this);
    }
    {
        auto place = place_.lock();
        if (!place->mounted && !place->deleted) {
            place->mounted = root;
            // Pairs with the acquire in mounted(), for who looks without the lock.
            has_mount_.store(true, std::memory_order_release);
            return {};
        }
    }
    RefPtr<Dentry> undo;
    std::swap(root->place_.lock()->mount_point, undo);
    return Errno::BUSY;
}

Result<void> Dentry::stay_cached() {
    const RefPtr<Dentry> directory = parent();
    const RefPtr<Inode> inode = directory ? directory->inode() : RefPtr<Inode>();
    if (!inode || inode->names_are_stable()) return {};
    char text[kNameMax];
    const std::size_t length = name(text, sizeof text);
    const MutexGuard content(inode->content());
    if (const RefPtr<Dentry> found = DentryCache::get().find(*directory, {text, length})) {
        if (found.get() != this) return Errno::BUSY;
        return {};
    }
    DentryCache::get().insert(*this);
    return {};
}

Result<void> Dentry::unmount(std::uint32_t ours) {
    const RefPtr<Dentry> root = mounted();
    if (!root) return Errno::INVAL;
    DentryCache::get().drop_unused(*root->file_system_);
    // One in `root`, one in `mounted`: anybody else uses it, or something below it.
    if (root->ref_count() != 2 + ours) return Errno::BUSY;
    return detach();
}

Result<void> Dentry::detach() {
    const RefPtr<Dentry> root = mounted();
    if (!root) return Errno::INVAL;
    RefPtr<Dentry> was_mounted;
    RefPtr<Dentry> was_on;
    {
        auto place = place_.lock();
        std::swap(place->mounted, was_mounted);
        has_mount_.store(false, std::memory_order_release);
    }
    std::swap(root->place_.lock()->mount_point, was_on);
    const RefPtr<Dentry> directory = parent();
    const RefPtr<Inode> inode = directory ? directory->inode() : RefPtr<Inode>();
    if (inode && !inode->names_are_stable()) DentryCache::get().remove(*this);
    return {};
}

}  // namespace exo
