// Extended attributes of files that have none, under names that no file system knows: tmpfs may
// keep others on Linux.
#include <sys/xattr.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

constexpr const char* kName = "bogus.name";

}  // namespace

ABI_TEST(xattrs_of_unknown_kinds_are_not_supported) {
    const int fd = make_file("file", "");
    char value[16];
    CHECK_ERRNO(getxattr("file", kName, value, sizeof value), EOPNOTSUPP);
    CHECK_ERRNO(fgetxattr(fd, kName, value, sizeof value), EOPNOTSUPP);
    CHECK_ERRNO(setxattr("file", kName, "x", 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(fsetxattr(fd, kName, "x", 1, XATTR_CREATE), EOPNOTSUPP);
    CHECK_ERRNO(removexattr("file", kName), EOPNOTSUPP);
    CHECK_ERRNO(fremovexattr(fd, kName), EOPNOTSUPP);
}

ABI_TEST(xattrs_of_links_themselves) {
    CHECK_EQ(symlink("nowhere", "link"), 0);
    char value[16];
    CHECK_ERRNO(lgetxattr("link", kName, value, sizeof value), EOPNOTSUPP);
    CHECK_ERRNO(getxattr("link", kName, value, sizeof value), ENOENT);
    CHECK_ERRNO(lsetxattr("link", kName, "x", 1, 0), EOPNOTSUPP);
    CHECK_ERRNO(setxattr("link", kName, "x", 1, 0), ENOENT);
    CHECK_ERRNO(lremovexattr("link", kName), EOPNOTSUPP);
    CHECK_ERRNO(removexattr("link", kName), ENOENT);
    CHECK_EQ(llistxattr("link", value, sizeof value), 0);
    CHECK_ERRNO(listxattr("link", value, sizeof value), ENOENT);
}

ABI_TEST(xattr_lists_are_empty) {
    const int fd = make_file("file", "");
    char list[64];
    CHECK_EQ(listxattr("file", list, sizeof list), 0);
    CHECK_EQ(listxattr("file", nullptr, 0), 0);
    CHECK_EQ(llistxattr("file", list, sizeof list), 0);
    CHECK_EQ(flistxattr(fd, list, sizeof list), 0);
    CHECK_EQ(flistxattr(open(".", O_RDONLY), nullptr, 0), 0);
}

ABI_TEST(xattrs_of_bad_descriptors) {
    char value[16];
    const int path_only = open(".", O_PATH);
    CHECK_ERRNO(fgetxattr(99, kName, value, sizeof value), EBADF);
    CHECK_ERRNO(fsetxattr(99, kName, "x", 1, 0), EBADF);
    CHECK_ERRNO(fremovexattr(99, kName), EBADF);
    CHECK_ERRNO(flistxattr(99, value, sizeof value), EBADF);
    CHECK_ERRNO(fgetxattr(path_only, kName, value, sizeof value), EBADF);
    CHECK_ERRNO(flistxattr(path_only, value, sizeof value), EBADF);
}

ABI_TEST(xattr_names_and_flags_are_checked) {
    close(make_file("file", ""));
    char name[300];
    memset(name, 'n', sizeof name);
    name[sizeof name - 1] = '\0';
    char value[16];
    CHECK_ERRNO(getxattr("file", name, value, sizeof value), ERANGE);
    CHECK_ERRNO(lgetxattr("file", "", value, sizeof value), ERANGE);
    CHECK_ERRNO(setxattr("file", name, "x", 1, 0), ERANGE);
    CHECK_ERRNO(lsetxattr("file", "", "x", 1, 0), ERANGE);
    CHECK_ERRNO(setxattr("file", kName, "x", 1, 4), EINVAL);
    CHECK_ERRNO(setxattr("file", kName, value, 65537, 0), E2BIG);
    CHECK_ERRNO(lremovexattr("file", name), ERANGE);
    CHECK_ERRNO(setxattr("file", kName, reinterpret_cast<void*>(0x1000), 1, 0), EFAULT);
}
