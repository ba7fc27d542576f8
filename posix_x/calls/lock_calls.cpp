// flock(2) and the locks of fcntl(2).
#include "kernel/fs/file_locks.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"

namespace exo::posix {

namespace {

/// The bytes that `in` means, as l_whence, l_start and l_len say. INVAL, OVERFLOW.
Result<void> read_range(File& file, const abi::Flock& in, FileLockRequest& out) {
    std::int64_t base = 0;
    if (in.whence == static_cast<std::int16_t>(Whence::kCurrent)) {
        base = static_cast<std::int64_t>(file.seek(0, Whence::kCurrent).value_or(0));
    } else if (in.whence == static_cast<std::int16_t>(Whence::kEnd)) {
        base = static_cast<std::int64_t>(file.inode()->stat().size);
    } else if (in.whence != static_cast<std::int16_t>(Whence::kSet)) {
        return Errno::INVAL;
    }
    std::int64_t first;
    if (__builtin_add_overflow(base, in.start, &first)) return Errno::OVERFLOW;
    if (first < 0) return Errno::INVAL;
    std::int64_t last = kMaxFileOffset;
    if (in.length > 0 && __builtin_add_overflow(first, in.length - 1, &last)) {
        return Errno::OVERFLOW;
    }
    if (in.length < 0) {  // the bytes in front of it
        last = first - 1;
        first += in.length;
        if (first < 0) return Errno::INVAL;
    }
    out.first = static_cast<std::uint64_t>(first);
    out.last = static_cast<std::uint64_t>(last);
    return {};
}

/// What is asked for, but for the type: F_UNLCK has no mode. INVAL, OVERFLOW.
Result<FileLockRequest> read_request(Task& task, File& file, FileLockKind kind,
                                     const abi::Flock& in) {
    FileLockRequest request{};
    request.kind = kind;
    request.mode = in.type == abi::kFWriteLock ? FileLockMode::kExclusive : FileLockMode::kShared;
    request.owner = &file;
    request.process = -1;  // an open file description is nobody's
    if (kind == FileLockKind::kProcess) {
        request.owner = task.process().handles.get();
        request.process = task.process().pid;
    }
    TRY(read_range(file, in, request));
    return request;
}

Result<long> tell_conflict(Task& task, File& file, FileLockKind kind, UserAddr argument) {
    abi::Flock lock = TRY(UserIn<abi::Flock>{argument}.read());
    if (lock.type != abi::kFReadLock && lock.type != abi::kFWriteLock) return Errno::INVAL;
    const FileLockRequest request = TRY(read_request(task, file, kind, lock));
    if (kind == FileLockKind::kOpenFile && lock.process != 0) return Errno::INVAL;
    const auto inode = file.inode();
    FileLocks* locks = inode->locks();
    const auto other =
        locks == nullptr ? std::optional<FileLockRequest>() : locks->find_conflict(request);
    lock.type = abi::kFUnlock;
    if (other) {
        const bool to_the_end = other->last == kMaxFileOffset;
        lock.type = other->mode == FileLockMode::kExclusive ? abi::kFWriteLock : abi::kFReadLock;
        lock.whence = static_cast<std::int16_t>(Whence::kSet);
        lock.start = static_cast<std::int64_t>(other->first);
        lock.length = to_the_end ? 0 : static_cast<std::int64_t>(other->last - other->first + 1);
        lock.process = other->process;
    }
    TRY(UserOut<abi::Flock>{argument}.write(lock));
    return 0;
}

/// Whether `fd` still names `file`: another thread may have closed it during the call.
bool still_names(Task& task, Fd fd, const File& file) {
    const auto now = task.process().handles->get(fd);
    return now && &*now->object == &file;
}

Result<long> change_lock(Task& task, Fd fd, const FileHandle& handle, FileLockKind kind,
                         UserAddr argument, FileLocks::Wait wait) {
    File& file = *handle.file;
    const abi::Flock lock = TRY(UserIn<abi::Flock>{argument}.read());
    const FileLockRequest request = TRY(read_request(task, file, kind, lock));
    if (lock.type < abi::kFReadLock || lock.type > abi::kFUnlock) return Errno::INVAL;
    const Rights needed = lock.type == abi::kFReadLock    ? Rights::kRead
                          : lock.type == abi::kFWriteLock ? Rights::kWrite
                                                          : Rights::kNone;
    if (!includes(handle.rights, needed)) return Errno::BADF;
    if (kind == FileLockKind::kOpenFile && lock.process != 0) return Errno::INVAL;
    const auto inode = file.inode();
    FileLocks& locks = *TRY(inode->make_locks());
    if (lock.type == abi::kFUnlock) {
        TRY(locks.release(request));
        return 0;
    }
    TRY(locks.take(request, wait));
    // A close since then found nothing to release yet.
    if (kind == FileLockKind::kOpenFile ? file.is_closed() : !still_names(task, fd, file)) {
        locks.release_all(kind, request.owner);
        return Errno::BADF;
    }
    return 0;
}

}  // namespace

Result<long> lock_command(Task& task, Fd fd, std::uint32_t command, UserAddr argument) {
    const FileHandle handle = TRY(opened_file_handle_of(task, fd));
    const bool of_process =
        command == abi::kFGetLk || command == abi::kFSetLk || command == abi::kFSetLkw;
    const auto kind = of_process ? FileLockKind::kProcess : FileLockKind::kOpenFile;
    if (command == abi::kFGetLk || command == abi::kFOfdGetLk)
        return tell_conflict(task, *handle.file, kind, argument);
    const bool waits = command == abi::kFSetLkw || command == abi::kFOfdSetLkw;
    return change_lock(task, fd, handle, kind, argument,
                       waits ? FileLocks::Wait::kYes : FileLocks::Wait::kNo);
}

Result<long> sys_flock(Task& task, Fd fd, std::uint32_t operation) {
    const std::uint32_t what = operation & ~abi::kLockNonBlock;
    if (what != abi::kLockShared && what != abi::kLockExclusive && what != abi::kLockUnlock)
        return Errno::INVAL;
    const auto file = TRY(opened_file_of(task, fd));
    const auto inode = file->inode();
    FileLocks& locks = *TRY(inode->make_locks());
    if (what == abi::kLockUnlock) {
        locks.release_all(FileLockKind::kWhole, &*file);
        return 0;
    }
    const auto mode =
        what == abi::kLockExclusive ? FileLockMode::kExclusive : FileLockMode::kShared;
    const FileLockRequest request{FileLockKind::kWhole, mode, &*file,
                                  task.process().pid,   0,    kMaxFileOffset};
    TRY(locks.take(request, operation == what ? FileLocks::Wait::kYes : FileLocks::Wait::kNo));
    if (file->is_closed()) {  // by another thread: nobody will release it
        locks.release_all(FileLockKind::kWhole, &*file);
        return Errno::BADF;
    }
    return 0;
}

}  // namespace exo::posix
