// xattr(7): no file system here keeps extended attributes. The calls look up what they name and
// then answer as Linux does for such file systems: none are listed, and none can be had or set.
#include <algorithm>

#include "posix_x/calls.h"
#include "posix_x/calls/files.h"

namespace exo::posix {
namespace {

constexpr std::size_t kNameBytes = 256;  // XATTR_NAME_MAX and its NUL
constexpr std::uint64_t kMostBytes = 65536;

/// FAULT; RANGE: empty or too long.
Result<void> check_name(UserAddr name) {
    char text[kNameBytes];
    const std::ptrdiff_t length = arch::copy_string_from_user(text, name.value, sizeof text);
    if (length < 0) return Errno::FAULT;
    if (length == 0 || static_cast<std::size_t>(length) == sizeof text) return Errno::RANGE;
    return {};
}

Result<long> none_of(const Result<Ref<Dentry>>& found) {
    if (!found) return found.error();
    static_cast<void>(TRY(inode_of(**found)));
    return Errno::OPNOTSUPP;
}

Result<long> none_of(const Result<FileUse>& found) {
    if (!found) return found.error();
    return Errno::OPNOTSUPP;
}

Result<long> none_listed(Result<long> none) {
    if (!none && none.error() == Errno::OPNOTSUPP) return 0;
    return none;
}

/// What setxattr(2) is given, checked before the file is looked up.
Result<void> check_value(UserAddr name, UserAddr value, std::uint64_t bytes, Flags flags) {
    constexpr std::uint32_t kCreate = 1, kReplace = 2;
    if (!flags.only(kCreate | kReplace)) return Errno::INVAL;
    TRY(check_name(name));
    if (bytes > kMostBytes) return Errno::TOOBIG;
    for (std::uint64_t at = 0; at < bytes;) {
        std::byte piece[256];
        const std::size_t now = std::min<std::uint64_t>(bytes - at, sizeof piece);
        TRY(read_user(piece, value + at, now));
        at += now;
    }
    return {};
}

}  // namespace

Result<long> sys_setxattr(Task& task, UserPath path, UserAddr name, UserAddr value,
                          std::uint64_t bytes, Flags flags) {
    TRY(check_value(name, value, bytes, flags));
    return none_of(resolve(task, DirFd{}, path, Flags{}));
}
Result<long> sys_lsetxattr(Task& task, UserPath path, UserAddr name, UserAddr value,
                           std::uint64_t bytes, Flags flags) {
    TRY(check_value(name, value, bytes, flags));
    return none_of(resolve(task, DirFd{}, path, Flags{abi::kAtSymlinkNoFollow}));
}
Result<long> sys_fsetxattr(Task& task, Fd fd, UserAddr name, UserAddr value, std::uint64_t bytes,
                           Flags flags) {
    TRY(check_value(name, value, bytes, flags));
    return none_of(opened_file_of(task, fd));
}

Result<long> sys_getxattr(Task& task, UserPath path, UserAddr name, UserAddr, std::uint64_t) {
    TRY(check_name(name));
    return none_of(resolve(task, DirFd{}, path, Flags{}));
}
Result<long> sys_lgetxattr(Task& task, UserPath path, UserAddr name, UserAddr, std::uint64_t) {
    TRY(check_name(name));
    return none_of(resolve(task, DirFd{}, path, Flags{abi::kAtSymlinkNoFollow}));
}
Result<long> sys_fgetxattr(Task& task, Fd fd, UserAddr name, UserAddr, std::uint64_t) {
    TRY(check_name(name));
    return none_of(opened_file_of(task, fd));
}

Result<long> sys_listxattr(Task& task, UserPath path, UserAddr, std::uint64_t) {
    return none_listed(none_of(resolve(task, DirFd{}, path, Flags{})));
}
Result<long> sys_llistxattr(Task& task, UserPath path, UserAddr, std::uint64_t) {
    return none_listed(none_of(resolve(task, DirFd{}, path, Flags{abi::kAtSymlinkNoFollow})));
}
Result<long> sys_flistxattr(Task& task, Fd fd, UserAddr, std::uint64_t) {
    return none_listed(none_of(opened_file_of(task, fd)));
}

Result<long> sys_removexattr(Task& task, UserPath path, UserAddr name) {
    TRY(check_name(name));
    return none_of(resolve(task, DirFd{}, path, Flags{}));
}
Result<long> sys_lremovexattr(Task& task, UserPath path, UserAddr name) {
    TRY(check_name(name));
    return none_of(resolve(task, DirFd{}, path, Flags{abi::kAtSymlinkNoFollow}));
}
Result<long> sys_fremovexattr(Task& task, Fd fd, UserAddr name) {
    TRY(check_name(name));
    return none_of(opened_file_of(task, fd));
}

}  // namespace exo::posix
