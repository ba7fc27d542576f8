#include "kernel/fs/inode_file.h"

#include "kernel/mm/memory_object.h"

namespace exo {

InodeFile::InodeFile(Inode& inode, Dentry& by, FileFlags flags)
    : File(inode.type() == FileType::kDirectory ? ObjectType::kDirectory : ObjectType::kFile, flags,
           Named::kYes),
      inode_(inode),
      dentry_(by) {}

Result<Ref<File>> InodeFile::open(Inode& inode, Dentry& by, FileFlags flags) {
    return TRY(make_ref<InodeFile>(inode, by, flags));
}

Result<std::size_t> InodeFile::read_at(IoCursor& to, std::uint64_t offset) {
    if (inode_->type() == FileType::kDirectory) return Errno::ISDIR;
    if (offset > kMaxFileOffset) return Errno::INVAL;
    to.limit(kMaxFileOffset - offset);
    const Result<std::size_t> done = inode_->read(to, offset);
    tell(FileEvents::kAccess, done);
    return done;
}

Result<std::size_t> InodeFile::write_at(IoCursor& from, std::uint64_t offset) {
    if (offset > kMaxFileOffset && inode_->type() != FileType::kDirectory) return Errno::INVAL;
    return write_from(from, offset);
}

Result<std::size_t> InodeFile::read(IoCursor& to) {
    auto position = position_.lock();
    const std::size_t done = TRY(read_at(to, *position));
    *position += done;
    return done;
}

Result<std::size_t> InodeFile::write(IoCursor& from) {
    auto position = position_.lock();
    return write_from(from, *position);
}

// pwrite(2), BUGS: O_APPEND wins over the offset on Linux.
Result<std::size_t> InodeFile::write_from(IoCursor& from, std::uint64_t& offset) {
    if (inode_->type() == FileType::kDirectory) return Errno::BADF;
    const bool append = has(flags(), FileFlags::kAppend);
    const Result<std::size_t> done =
        inode_->write(from, offset, append ? Inode::WriteAt::kEnd : Inode::WriteAt::kOffset);
    tell(FileEvents::kModify, done);
    return done;
}

Result<std::uint64_t> InodeFile::seek(std::int64_t offset, Whence whence) {
    auto position = position_.lock();
    std::uint64_t to = 0;
    const std::uint64_t size = inode_->stat().size;
    switch (whence) {
        case Whence::kSet:
            to = TRY(position_from(0, offset));
            break;
        case Whence::kCurrent:
            to = TRY(position_from(*position, offset));
            break;
        case Whence::kEnd:
            to = TRY(position_from(size, offset));
            break;
        case Whence::kData:
        case Whence::kHole:
            // All of a file counts as data, with a hole at its end, which lseek(2) allows.
            if (offset < 0 || static_cast<std::uint64_t>(offset) >= size) return Errno::NXIO;
            to = whence == Whence::kData ? static_cast<std::uint64_t>(offset) : size;
            break;
    }
    *position = to;
    return to;
}

PollEvents InodeFile::poll(PollTable*) {
    return PollEvents::kIn | PollEvents::kOut;
}

// Positions 0 and 1 are "." and ".."; the inode's own entries begin behind them.
Result<void> InodeFile::read_directory(DirectorySink& sink) {
    static_assert(Inode::kFirstEntry == 2);
    if (inode_->type() != FileType::kDirectory) return Errno::NOTDIR;
    auto position = position_.lock();
    const MutexGuard content(inode_->content());
    tell(FileEvents::kAccess);
    if (*position == 0) {
        if (!sink.entry(".", inode_->stat().number, FileType::kDirectory, 1)) return {};
        *position = 1;
    }
    if (*position == 1) {
        const RefPtr<Dentry> parent = dentry_->parent();
        const RefPtr<Inode> up = parent ? parent->inode() : RefPtr<Inode>();
        const std::uint64_t number = up ? up->stat().number : inode_->stat().number;
        if (!sink.entry("..", number, FileType::kDirectory, 2)) return {};
        *position = 2;
    }
    return inode_->read_directory(*position, sink);
}

Result<Ref<MemoryObject>> InodeFile::memory_object() {
    return inode_->memory_object();
}

}  // namespace exo
