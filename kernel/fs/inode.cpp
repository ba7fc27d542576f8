#include "kernel/fs/inode.h"

#include "kernel/fs/dentry.h"
#include "kernel/fs/file.h"
#include "kernel/fs/file_locks.h"
#include "kernel/fs/inode_watches.h"
#include "kernel/mm/memory_object.h"

namespace exo {

namespace {

constinit Atomic<std::uint32_t> next_device_minor{1};

}  // namespace

FileSystem::FileSystem()
    // relaxed: only that no two are the same.
    : device_minor_(next_device_minor.fetch_add(1, std::memory_order_relaxed)) {}

Result<void> FileSystem::reconfigure(std::string_view options) {
    if (!options.empty()) return Errno::INVAL;
    return {};
}

std::size_t FileSystem::show_options(std::span<char>) {
    return 0;
}

Inode::~Inode() {
    delete locks();
    delete watches();
}

namespace {

/// What `place` has, or `made`, which it then has. Another thread may be first.
template <typename T>
T* first_one(Atomic<T*>& place, T* made) {
    T* before = nullptr;
    if (place.compare_exchange_strong(before, made, std::memory_order_acq_rel,
                                      std::memory_order_acquire)) {
        return made;
    }
    delete made;
    return before;
}

}  // namespace

Result<FileLocks*> Inode::make_locks() {
    if (FileLocks* there = locks()) return there;
    auto* made = new (std::nothrow) FileLocks({stat().number, file_system().device_minor()});
    if (made == nullptr) return Errno::NOLCK;
    return first_one(locks_, made);
}

Result<InodeWatches*> Inode::make_watches() {
    if (InodeWatches* there = watches()) return there;
    auto* made = new (std::nothrow) InodeWatches(*this);
    if (made == nullptr) return Errno::NOMEM;
    return first_one(watches_, made);
}

// What an inode of another type, or a file system that cannot, says.

Result<Ref<Inode>> Inode::lookup(std::string_view) {
    return Errno::NOTDIR;
}
Result<Ref<Inode>> Inode::create(std::string_view, FileType, Mode, const Credentials&,
                                 DeviceNumber) {
    return Errno::PERM;
}
Result<Ref<Inode>> Inode::symlink(std::string_view, std::string_view, const Credentials&) {
    return Errno::PERM;
}
Result<void> Inode::link(std::string_view, Inode&) {
    return Errno::PERM;
}
Result<void> Inode::unlink(std::string_view, Inode&) {
    return Errno::PERM;
}
Result<void> Inode::remove_directory(std::string_view, Inode&) {
    return Errno::PERM;
}
Result<void> Inode::rename(std::string_view, Inode&, Inode&, std::string_view, Inode*) {
    return Errno::PERM;
}
Result<void> Inode::exchange(std::string_view, Inode&, Inode&, std::string_view, Inode&) {
    return Errno::INVAL;
}
Result<void> Inode::read_directory(std::uint64_t&, DirectorySink&) {
    return Errno::NOTDIR;
}
Result<std::size_t> Inode::read_link(char*, std::size_t) {
    return Errno::INVAL;
}
RefPtr<Dentry> Inode::link_target() {
    return {};
}
Result<std::size_t> Inode::read(IoCursor&, std::uint64_t) {
    return Errno::INVAL;
}
Result<void> Inode::allocate(std::uint64_t, std::uint64_t, Grow) {
    return Errno::OPNOTSUPP;
}

Result<std::size_t> Inode::write(IoCursor&, std::uint64_t&, WriteAt) {
    return Errno::INVAL;
}
Result<Seals> Inode::seals() {
    return Errno::INVAL;
}
Result<void> Inode::add_seals(Seals) {
    return Errno::INVAL;
}
Result<Ref<MemoryObject>> Inode::memory_object() {
    return Errno::NODEV;
}

RefPtr<RefCounted> Inode::attachment() {
    return *attachment_.lock();
}

Ref<RefCounted> Inode::attach(Ref<RefCounted> what) {
    auto attached = attachment_.lock();
    if (!*attached) *attached = std::move(what);
    return attached->to_ref();
}

TwoDirectories::TwoDirectories(Inode& a, Inode& b) NO_THREAD_SAFETY_ANALYSIS : a_(a), b_(b) {
    if (&a == &b) {
        a.content().acquire();
        return;
    }
    BasicMutex* first = &a.content();
    BasicMutex* second = &b.content();
    for (;;) {
        first->acquire();
        if (second->try_acquire()) return;
        first->release();
        std::swap(first, second);  // sleeps for the one that was taken
    }
}

TwoDirectories::~TwoDirectories() NO_THREAD_SAFETY_ANALYSIS {
    if (&a_ != &b_) b_.content().release();
    a_.content().release();
}

}  // namespace exo
