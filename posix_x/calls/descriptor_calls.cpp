// open(2), close(2), dup(2), fcntl(2), pipe(2), ioctl(2): what descriptors are.
#include <algorithm>
#include <bit>

#include "abi/linux/terminal.h"
#include "kernel/fs/memory_file.h"
#include "kernel/ipc/pipe.h"
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/terminal.h"

namespace exo::posix {

namespace {

Result<long> open_within(Task& task, WalkLimits limits, DirFd at, UserPath path, Flags flags,
                         ModeBits mode) {
    const Path name = TRY(path.read());
    const std::uint32_t access = flags.bits & abi::kOAccess;
    OpenRequest request;
    request.flags = file_flags_of(flags.bits | abi::kOLargeFile);
    if ((flags.bits & abi::kOTmpFile) == abi::kOTmpFile) return Errno::OPNOTSUPP;
    if (flags.has(abi::kOPath)) {
        request.access = Rights::kNone;
        request.flags = FileFlags::kPathOnly;
    } else {
        request.access = access == abi::kOReadOnly    ? Rights::kRead
                         : access == abi::kOWriteOnly ? Rights::kWrite
                                                      : Rights::kRead | Rights::kWrite;
        request.create = flags.has(abi::kOCreate);
        request.exclusive = request.create && flags.has(abi::kOExclusive);
        request.truncate = flags.has(abi::kOTruncate);
    }
    request.directory = flags.has(abi::kODirectory);
    if (request.create && request.directory) return Errno::INVAL;
    if (flags.has(abi::kONoFollow)) request.last = LastLink::kKeep;
    Process& process = task.process();
    const bool in_root = has(limits, WalkLimits::kInRoot);  // `at` is the root of any path
    WalkStart start = TRY(start_of(task, at, in_root ? std::string_view(".") : name.text()));
    request.limits = limits;
    if (in_root) start.root = start.at;
    request.mode = static_cast<Mode>(mode.value & 07777 & ~process.places().umask());
    auto file = TRY(open_path(start, name.text(), request, *process.credentials()));
    if (!flags.has(abi::kONoCtty)) become_controlling_terminal(task, *file);
    return install(task, std::move(file), access, close_on_exec_of(flags));
}

}  // namespace

Result<long> sys_openat(Task& task, DirFd at, UserPath path, Flags flags, ModeBits mode) {
    return open_within(task, WalkLimits::kNone, at, path, flags, mode);
}

namespace {

constexpr std::uint32_t kKnownLimits = 0x3f;

/// What open(2) ignores is refused here (openat2(2)).
Result<void> check_how(const abi::OpenHow& how) {
    constexpr std::uint64_t kPathFlags =
        abi::kOPath | abi::kODirectory | abi::kONoFollow | abi::kOCloseOnExec;
    constexpr std::uint64_t kTemporary = abi::kOTmpFile & ~abi::kODirectory;
    const bool creates = (how.flags & (abi::kOCreate | kTemporary)) != 0;
    if ((how.flags & ~std::uint64_t{abi::kOAll}) != 0) return Errno::INVAL;
    if ((how.resolve & ~std::uint64_t{kKnownLimits}) != 0) return Errno::INVAL;
    const auto limits = static_cast<WalkLimits>(how.resolve);
    if (has(limits, WalkLimits::kBeneath) && has(limits, WalkLimits::kInRoot)) return Errno::INVAL;
    if ((how.mode & ~(creates ? std::uint64_t{07777} : 0)) != 0) return Errno::INVAL;
    if ((how.flags & abi::kOPath) != 0 && (how.flags & ~kPathFlags) != 0) return Errno::INVAL;
    if ((how.flags & (abi::kOCreate | abi::kODirectory)) == (abi::kOCreate | abi::kODirectory))
        return Errno::INVAL;
    constexpr std::uint64_t kChanges = abi::kOTruncate | abi::kOCreate | kTemporary;
    if (has(limits, WalkLimits::kCached) && (how.flags & kChanges) != 0) return Errno::AGAIN;
    return {};
}

/// A struct that may be longer than the one that is known, if the rest is zero. INVAL; TOOBIG.
Result<abi::OpenHow> read_how(UserAddr at, std::uint64_t bytes) {
    abi::OpenHow how = {};
    if (bytes < sizeof how) return Errno::INVAL;
    if (bytes > kPageSize) return Errno::TOOBIG;
    for (std::uint64_t offset = sizeof how; offset < bytes;) {
        std::byte rest[64];
        const std::size_t piece = std::min<std::uint64_t>(bytes - offset, sizeof rest);
        TRY(read_user(rest, at + offset, piece));
        for (const std::byte each : std::span(rest).first(piece))
            if (each != std::byte{0}) return Errno::TOOBIG;
        offset += piece;
    }
    TRY(read_user(&how, at, sizeof how));
    return how;
}

}  // namespace

Result<long> sys_openat2(Task& task, DirFd at, UserPath path, UserAddr how_at,
                         std::uint64_t how_bytes) {
    const abi::OpenHow how = TRY(read_how(how_at, how_bytes));
    TRY(check_how(how));
    return open_within(task, static_cast<WalkLimits>(how.resolve), at, path,
                       Flags{static_cast<std::uint32_t>(how.flags)},
                       ModeBits{static_cast<std::uint32_t>(how.mode)});
}

Result<long> sys_open(Task& task, UserPath path, Flags flags, ModeBits mode) {
    return sys_openat(task, DirFd{}, path, flags, mode);
}

Result<long> sys_creat(Task& task, UserPath path, ModeBits mode) {
    return sys_openat(task, DirFd{}, path,
                      Flags{abi::kOCreate | abi::kOWriteOnly | abi::kOTruncate}, mode);
}

Result<long> sys_close(Task& task, Fd fd) {
    TRY(task.process().handles->close(fd));
    return 0;
}

Result<long> sys_close_range(Task& task, std::uint32_t first, std::uint32_t last, Flags flags) {
    constexpr std::uint32_t kUnshare = 2, kCloseOnExec = 4;
    if (!flags.only(kUnshare | kCloseOnExec) || first > last) return Errno::INVAL;
    Process& process = task.process();
    if (flags.has(kUnshare) && process.handles->ref_count() > 1)
        process.set_handles(TRY(process.handles->copy()));
    HandleTable& handles = *process.handles;
    handles.for_each([&](Fd fd, const Handle&) {
        const auto number = static_cast<std::uint32_t>(fd);
        if (number < first || number > last) return;
        // Another thread may have closed it in between, which is as good.
        static_cast<void>(flags.has(kCloseOnExec) ? handles.set_close_on_exec(fd, CloseOnExec::kYes)
                                                  : handles.close(fd));
    });
    return 0;
}

Result<long> sys_dup(Task& task, Fd fd) {
    Handle handle = TRY(task.process().handles->get(fd));
    auto reservation = TRY(task.process().handles->reserve(file_limit(task)));
    return static_cast<long>(reservation.commit(std::move(handle), CloseOnExec::kNo));
}

Result<long> sys_dup3(Task& task, Fd from, Fd to, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec) || from == to) return Errno::INVAL;
    Handle handle = TRY(task.process().handles->get(from));
    TRY(task.process().handles->replace(to, std::move(handle), close_on_exec_of(flags),
                                        file_limit(task)));
    return static_cast<long>(to);
}

Result<long> sys_dup2(Task& task, Fd from, Fd to) {
    if (from != to) return sys_dup3(task, from, to, Flags{});
    TRY(task.process().handles->get(from));
    return static_cast<long>(to);
}

namespace {

Result<long> duplicate_from(Task& task, Fd fd, std::uint32_t least, CloseOnExec close_on_exec) {
    Handle handle = TRY(task.process().handles->get(fd));
    if (least >= file_limit(task)) return Errno::INVAL;
    auto reservation = TRY(
        task.process().handles->reserve(file_limit(task), Fd{static_cast<std::int32_t>(least)}));
    return static_cast<long>(reservation.commit(std::move(handle), close_on_exec));
}

Result<long> set_status_flags(File& file, std::uint32_t open_flags) {
    constexpr FileFlags kChangeable = FileFlags::kAppend | FileFlags::kNonBlocking |
                                      FileFlags::kDirect | FileFlags::kNoAccessTime;
    const auto bits = [](FileFlags flags) { return static_cast<std::uint32_t>(flags); };
    file.set_flags(static_cast<FileFlags>((bits(file.flags()) & ~bits(kChangeable)) |
                                          (bits(file_flags_of(open_flags)) & bits(kChangeable))));
    return 0;
}

Result<Seals> seals_of(Task& task, Fd fd) {
    return TRY(inode_of(task, fd))->seals();
}

/// F_ADD_SEALS. PERM: not open for writing, or sealed against it.
Result<long> add_seals(Task& task, Fd fd, std::uint64_t bits) {
    const auto [file, rights] = TRY(opened_file_handle_of(task, fd));
    if (!includes(rights, Rights::kWrite)) return Errno::PERM;
    if ((bits & ~static_cast<std::uint64_t>(Seals::kAll)) != 0) return Errno::INVAL;
    TRY(file->inode()->add_seals(static_cast<Seals>(bits)));
    return 0;
}

/// F_SETPIPE_SZ: the size is rounded up to a power of two. PERM: more than pipes hold (LINUX-DIFF:
/// for CAP_SYS_RESOURCE too); BADF: no pipe.
Result<long> set_pipe_size(File& file, std::uint64_t bytes) {
    Pipe* const pipe = pipe_of(file);
    if (pipe == nullptr) return Errno::BADF;
    if (bytes > INT32_MAX) return Errno::INVAL;
    const std::size_t rounded = std::max(std::bit_ceil(bytes), kPipeBuf);
    if (rounded > kPipeCapacity) return Errno::PERM;
    TRY(pipe->set_capacity(rounded));
    return static_cast<long>(rounded);
}

}  // namespace

Result<long> sys_fcntl(Task& task, Fd fd, std::uint32_t command, std::uint64_t argument) {
    HandleTable& handles = *task.process().handles;
    switch (command) {
        case abi::kFDupFd:
            return duplicate_from(task, fd, static_cast<std::uint32_t>(argument), CloseOnExec::kNo);
        case abi::kFDupFdCloexec:
            return duplicate_from(task, fd, static_cast<std::uint32_t>(argument),
                                  CloseOnExec::kYes);
        case abi::kFGetFd:
            return TRY(handles.close_on_exec(fd)) == CloseOnExec::kYes ? long{abi::kFdCloexec} : 0;
        case abi::kFSetFd:
            TRY(handles.set_close_on_exec(
                fd, (argument & abi::kFdCloexec) != 0 ? CloseOnExec::kYes : CloseOnExec::kNo));
            return 0;
        case abi::kFGetFl: {
            const auto [file, rights] = TRY(file_handle_of(task, fd));
            return open_flags_of(file->flags(), rights);
        }
        case abi::kFSetFl:
            return set_status_flags(*TRY(opened_file_of(task, fd)),
                                    static_cast<std::uint32_t>(argument));
        case abi::kFGetPipeSize: {
            const auto file = TRY(opened_file_of(task, fd));
            const Pipe* const pipe = pipe_of(*file);
            return pipe == nullptr ? Result<long>(Errno::BADF)
                                   : static_cast<long>(pipe->capacity());
        }
        case abi::kFGetSeals:
            return static_cast<long>(TRY(seals_of(task, fd)));
        case abi::kFAddSeals:
            return add_seals(task, fd, argument);
        case abi::kFSetPipeSize:
            return set_pipe_size(*TRY(opened_file_of(task, fd)), argument);
        case abi::kFGetLk:
        case abi::kFSetLk:
        case abi::kFSetLkw:
        case abi::kFOfdGetLk:
        case abi::kFOfdSetLk:
        case abi::kFOfdSetLkw:
            return lock_command(task, fd, command, UserAddr{argument});
        default:
            TRY(handles.get(fd));
            return Errno::INVAL;
    }
}

Result<long> sys_memfd_create(Task& task, UserAddr name, Flags flags) {
    constexpr std::uint32_t kCloseOnExec = 1, kAllowSealing = 2;
    constexpr std::size_t kMostBytes = 249;
    if (!flags.only(kCloseOnExec | kAllowSealing)) return Errno::INVAL;
    constexpr std::string_view kPrefix = "memfd:";
    char label[kPrefix.size() + kMostBytes + 1];
    kPrefix.copy(label, kPrefix.size());
    const std::ptrdiff_t length =
        arch::copy_string_from_user(label + kPrefix.size(), name.value, kMostBytes + 1);
    if (length < 0) return Errno::FAULT;
    if (static_cast<std::size_t>(length) > kMostBytes) return Errno::INVAL;
    Ref<File> file =
        TRY(create_memory_file({label, kPrefix.size() + static_cast<std::size_t>(length)},
                               flags.has(kAllowSealing) ? Seals::kNone : Seals::kSeal,
                               *task.process().credentials(), FileFlags::kLargeFile));
    return install(task, std::move(file), abi::kOReadWrite,
                   flags.has(kCloseOnExec) ? CloseOnExec::kYes : CloseOnExec::kNo);
}

Result<long> sys_pipe2(Task& task, UserOut<std::int32_t> ends, Flags flags) {
    if (!flags.only(abi::kOCloseOnExec | abi::kONonBlock | abi::kODirect)) return Errno::INVAL;
    HandleTable& handles = *task.process().handles;
    const auto who = task.process().credentials();
    PipeEnds pipe = TRY(create_pipe(file_flags_of(flags.bits), who->fs_uid, who->fs_gid));
    auto reader = TRY(handles.reserve(file_limit(task)));
    auto writer = TRY(handles.reserve(file_limit(task)));
    TRY(ends.write(0, static_cast<std::int32_t>(reader.fd())));
    TRY(ends.write(1, static_cast<std::int32_t>(writer.fd())));
    constexpr Rights kEither =
        Rights::kDuplicate | Rights::kTransfer | Rights::kControl | Rights::kExecute;
    reader.commit({std::move(pipe.reader), kEither | Rights::kRead}, close_on_exec_of(flags));
    writer.commit({std::move(pipe.writer), kEither | Rights::kWrite}, close_on_exec_of(flags));
    return 0;
}

Result<long> sys_pipe(Task& task, UserOut<std::int32_t> ends) {
    return sys_pipe2(task, ends, Flags{});
}

Result<long> sys_ioctl(Task& task, Fd fd, std::uint32_t request, std::uint64_t argument) {
    const auto file = TRY(opened_file_of(task, fd));
    HandleTable& handles = *task.process().handles;
    switch (request) {
        case abi::kFioClex:
            TRY(handles.set_close_on_exec(fd, CloseOnExec::kYes));
            return 0;
        case abi::kFioNClex:
            TRY(handles.set_close_on_exec(fd, CloseOnExec::kNo));
            return 0;
        case abi::kFionBio: {
            const auto on = TRY(UserIn<std::int32_t>{UserAddr{argument}}.read());
            const std::uint32_t now = open_flags_of(file->flags(), Rights::kNone);
            return set_status_flags(*file,
                                    on != 0 ? now | abi::kONonBlock : now & ~abi::kONonBlock);
        }
        case abi::kFionRead: {
            const auto ready = TRY(file->readable_bytes());
            TRY(UserOut<std::int32_t>{UserAddr{argument}}.write(static_cast<std::int32_t>(ready)));
            return 0;
        }
        case abi::kFiClone:
            static_cast<void>(
                TRY(file_of(task, Fd{static_cast<std::int32_t>(argument)}, Rights::kRead)));
            return Errno::OPNOTSUPP;  // no file system shares blocks between files
        default:
            return file->ioctl(request, argument);
    }
}

}  // namespace exo::posix
