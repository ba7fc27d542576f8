// What a file says that cannot do it.
#include "kernel/fs/file.h"

#include "kernel/fs/dentry.h"
#include "kernel/fs/file_locks.h"
#include "kernel/fs/unnamed_inode.h"
#include "kernel/mm/memory_object.h"
#include "lib/base/format.h"

namespace exo {

namespace {

/// nullptr: nobody has ever locked it. The file's inode lives as long as the file.
FileLocks* locks_of(const File& file) {
    return file.inode()->locks();
}

}  // namespace

RefPtr<Inode> File::inode() const {
    return shared_unnamed_inode();
}

RefPtr<Dentry> File::dentry() const {
    const RefPtr<Inode> inode = this->inode();
    char text[48];
    std::size_t length;
    if (inode->type() == FileType::kUnknown) {
        length = format_to(std::span(text), "anon_inode:{}", kind_name());
    } else {
        length =
            format_to(std::span(text), "{}:[{}]",
                      inode->type() == FileType::kFifo ? "pipe" : "socket", inode->stat().number);
    }
    auto made = Dentry::create_unnamed(inode.to_ref(), {text, length});
    return made ? RefPtr<Dentry>(std::move(*made)) : RefPtr<Dentry>();
}

Result<std::uint64_t> position_from(std::uint64_t base, std::int64_t offset) {
    std::uint64_t position;
    if (__builtin_add_overflow(base, offset, &position)) return Errno::INVAL;
    if (position > kMaxFileOffset) return Errno::INVAL;
    return position;
}

Result<void> File::watch(FileWatch& watch) {
    auto watches = watches_.lock();
    if (watches->closed) return Errno::BADF;
    watches->list.push_back(watch);
    return {};
}

void File::unwatch(FileWatch& watch) {
    auto watches = watches_.lock();
    if (watch.link.linked()) watch.link.unlink();
}

// A watcher takes its watch out under its own lock before it goes, so it lives while that is here.
void File::on_last_close() {
    for (;;) {
        RefPtr<File> watcher;
        {
            auto watches = watches_.lock();
            watches->closed = true;
            FileWatch* first = watches->list.front();
            if (first == nullptr) break;
            watcher = RefPtr<File>(&first->watcher);
        }
        watcher->forget(*this);
    }
    tell(writable_ ? FileEvents::kCloseWrite : FileEvents::kCloseNoWrite);
    if (FileLocks* locks = locks_of(*this)) {
        locks->release_all(FileLockKind::kWhole, this);
        locks->release_all(FileLockKind::kOpenFile, this);
    }
    hang_up();
}

// As on Linux, a process loses its locks of a file with the first descriptor of it that it closes.
void File::on_close(const void* table) {
    if (table == nullptr) return;
    if (FileLocks* locks = locks_of(*this)) locks->release_all(FileLockKind::kProcess, table);
}

void File::forget(File&) {}

// What names a place without having opened it does nothing to it. What has no name cannot be
// watched but by /proc/PID/fd, and then Linux is silent too.
void File::tell_if_watched(FileEvents what) {
    if (!has_name_) return;
    const RefPtr<Dentry> by = dentry();
    if (!by || has(flags(), FileFlags::kPathOnly) || !watch_hint_.look(*by)) return;
    tell_watchers(*by, what, by->is_deleted());
}

Result<Vector<Ref<File>>> File::watchers() {
    for (std::size_t room = 8;; room *= 2) {
        Vector<Ref<File>> all;
        TRY(all.reserve(room));
        auto watches = watches_.lock();
        FileWatch* each = watches->list.front();
        for (; each != nullptr && all.size() < room; each = watches->list.next(*each))
            MUST(all.push_back(Ref<File>(each->watcher)));  // there is room
        if (each == nullptr) return all;
    }
}

Result<std::size_t> File::read(IoCursor&) {
    return Errno::INVAL;
}
Result<std::size_t> File::write(IoCursor&) {
    return Errno::INVAL;
}
Result<std::size_t> File::read_at(IoCursor&, std::uint64_t) {
    return Errno::SPIPE;
}
Result<std::size_t> File::write_at(IoCursor&, std::uint64_t) {
    return Errno::SPIPE;
}
Result<std::uint64_t> File::seek(std::int64_t, Whence) {
    return Errno::SPIPE;
}
Result<long> File::ioctl(std::uint32_t, std::uint64_t) {
    return Errno::NOTTY;
}
PollEvents File::poll(PollTable*) {
    return PollEvents::kIn | PollEvents::kOut;
}
Result<void> File::read_directory(DirectorySink&) {
    return Errno::NOTDIR;
}
Result<Ref<MemoryObject>> File::memory_object() {
    return Errno::NODEV;
}
Result<void> File::sync() {
    return Errno::INVAL;
}
Result<std::size_t> File::readable_bytes() {
    return Errno::NOTTY;
}

}  // namespace exo
