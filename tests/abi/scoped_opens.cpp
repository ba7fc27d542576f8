// openat2(2): how a path may be walked.
#include <sys/mount.h>

#include "tests/abi/abi.h"

namespace {

// linux/openat2.h
struct How {
    uint64_t flags, mode, resolve;
};
constexpr uint64_t RESOLVE_NO_XDEV = 1, RESOLVE_NO_MAGICLINKS = 2, RESOLVE_NO_SYMLINKS = 4;
constexpr uint64_t RESOLVE_BENEATH = 8, RESOLVE_IN_ROOT = 0x10, RESOLVE_CACHED = 0x20;

long open_how(int at, const char* path, How how, size_t size = sizeof(How)) {
    return syscall(SYS_openat2, at, path, &how, size);
}

/// Opens for reading with these restrictions.
long resolve(int at, const char* path, uint64_t restrictions) {
    return open_how(at, path, {.flags = O_RDONLY, .mode = 0, .resolve = restrictions});
}

/// A tree with links of all kinds; its directory.
int make_tree() {
    CHECK_EQ(mkdir("tree", 0755) + mkdir("tree/in", 0755), 0);
    CHECK_EQ(close(abi::make_file("outside", "outside")), 0);
    CHECK_EQ(close(abi::make_file("tree/file", "top")), 0);
    CHECK_EQ(close(abi::make_file("tree/in/file", "in")), 0);
    CHECK_EQ(symlink("in", "tree/link"), 0);
    CHECK_EQ(symlink("/file", "tree/absolute"), 0);
    CHECK_EQ(symlink("../outside", "tree/escape"), 0);
    CHECK_EQ(symlink("../file", "tree/in/up"), 0);
    const int tree = open("tree", O_PATH | O_DIRECTORY);
    CHECK(tree >= 0);
    return tree;
}

/// What it has open is this.
void expect_text(long fd, const char* text) {
    char got[16] = {};
    if (fd < 0) abi::fail(__FILE_NAME__, __LINE__, "not opened: errno %d", errno);
    CHECK(read(static_cast<int>(fd), got, sizeof got - 1) >= 0);
    CHECK_EQ(strcmp(got, text), 0);
    CHECK_EQ(close(static_cast<int>(fd)), 0);
}

}  // namespace

ABI_TEST(openat2_opens_as_openat_does) {
    const int tree = make_tree();
    expect_text(resolve(tree, "file", 0), "top");
    expect_text(resolve(tree, "link/file", 0), "in");
    expect_text(resolve(tree, "../outside", 0), "outside");
    const long made = open_how(AT_FDCWD, "made",
                               {.flags = O_CREAT | O_EXCL | O_RDWR, .mode = 0640, .resolve = 0});
    CHECK(made >= 0);
    struct stat stat;
    CHECK_EQ(fstat(static_cast<int>(made), &stat), 0);
    CHECK_EQ(stat.st_mode & 0777, 0640);
    CHECK_EQ(fcntl(static_cast<int>(made), F_GETFL) & O_ACCMODE, O_RDWR);
    CHECK_ERRNO(open_how(AT_FDCWD, "made",
                         {.flags = O_CREAT | O_EXCL | O_RDWR, .mode = 0640, .resolve = 0}),
                EEXIST);
    const long close_on_exec =
        open_how(AT_FDCWD, "made", {.flags = O_RDONLY | O_CLOEXEC, .mode = 0, .resolve = 0});
    CHECK_EQ(fcntl(static_cast<int>(close_on_exec), F_GETFD), FD_CLOEXEC);
}

ABI_TEST(openat2_checks_all_that_it_is_told) {
    const How plain = {.flags = O_RDONLY, .mode = 0, .resolve = 0};
    CHECK_ERRNO(open_how(AT_FDCWD, ".", plain, sizeof plain - 1), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", plain, 0), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = 1u << 31, .mode = 0, .resolve = 0}), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = 1ull << 40, .mode = 0, .resolve = 0}), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = 0, .mode = 0, .resolve = 0x40}), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = 0, .mode = 0, .resolve = 1ull << 32}), EINVAL);
    CHECK_ERRNO(resolve(AT_FDCWD, ".", RESOLVE_BENEATH | RESOLVE_IN_ROOT), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = O_RDONLY, .mode = 0644, .resolve = 0}), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, "x", {.flags = O_CREAT, .mode = 010000, .resolve = 0}), EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, "x", {.flags = O_CREAT, .mode = 1ull << 40, .resolve = 0}),
                EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, ".", {.flags = O_PATH | O_RDWR, .mode = 0, .resolve = 0}),
                EINVAL);
    CHECK_ERRNO(open_how(AT_FDCWD, "x", {.flags = O_PATH | O_CREAT, .mode = 0, .resolve = 0}),
                EINVAL);
    CHECK(open_how(AT_FDCWD, ".",
                   {.flags = O_PATH | O_DIRECTORY | O_NOFOLLOW, .mode = 0, .resolve = 0}) >= 0);
    // What is wrong with the flags is said before anything is looked for.
    CHECK_ERRNO(open_how(99, nullptr, {.flags = 1u << 31, .mode = 0, .resolve = 0}), EINVAL);
    CHECK_ERRNO(open_how(99, "x", plain), EBADF);
    CHECK_ERRNO(open_how(AT_FDCWD, nullptr, plain), EFAULT);
    CHECK_ERRNO(open_how(AT_FDCWD, "", plain), ENOENT);
    CHECK_ERRNO(syscall(SYS_openat2, AT_FDCWD, ".", 8L, sizeof plain), EFAULT);
}

ABI_TEST(openat2_takes_longer_structs_that_say_nothing_more) {
    struct {
        How how;
        uint64_t more[2];
    } longer = {};
    const auto call = [&](size_t size) {
        return syscall(SYS_openat2, AT_FDCWD, ".", &longer, size);
    };
    CHECK(call(sizeof longer) >= 0);
    CHECK(call(sizeof longer - 1) >= 0);
    longer.more[1] = 1ull << 56;
    CHECK_ERRNO(call(sizeof longer), E2BIG);
    CHECK(call(sizeof longer - 1) >= 0);
    CHECK_ERRNO(call(4097), E2BIG);
}

ABI_TEST(a_walk_beneath_does_not_leave) {
    const int tree = make_tree();
    constexpr uint64_t kBeneath = RESOLVE_BENEATH;
    expect_text(resolve(tree, "file", kBeneath), "top");
    expect_text(resolve(tree, "in/../file", kBeneath), "top");
    expect_text(resolve(tree, "link/file", kBeneath), "in");
    expect_text(resolve(tree, "in/up", kBeneath), "top");
    CHECK_ERRNO(resolve(tree, "..", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(tree, "../tree/file", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(tree, "in/../../tree/file", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(tree, "/", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(tree, "absolute", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(tree, "escape", kBeneath), EXDEV);
    CHECK_ERRNO(resolve(99, "/", kBeneath), EXDEV);
    CHECK_ERRNO(
        open_how(tree, "../new", {.flags = O_CREAT | O_RDWR, .mode = 0600, .resolve = kBeneath}),
        EXDEV);
    CHECK(access("new", F_OK) != 0);
    const long link =
        open_how(tree, "escape", {.flags = O_PATH | O_NOFOLLOW, .mode = 0, .resolve = kBeneath});
    CHECK(link >= 0);
}

ABI_TEST(a_walk_in_a_root_has_that_root) {
    const int tree = make_tree();
    constexpr uint64_t kInRoot = RESOLVE_IN_ROOT;
    expect_text(resolve(tree, "/file", kInRoot), "top");
    expect_text(resolve(tree, "../../file", kInRoot), "top");
    expect_text(resolve(tree, "/../in/file", kInRoot), "in");
    expect_text(resolve(tree, "absolute", kInRoot), "top");
    CHECK_ERRNO(resolve(tree, "escape", kInRoot), ENOENT);
    expect_text(resolve(tree, "in/up", kInRoot), "top");
    const long made = open_how(tree, "/../../made",
                               {.flags = O_CREAT | O_RDWR, .mode = 0600, .resolve = kInRoot});
    CHECK(made >= 0);
    CHECK_EQ(access("tree/made", F_OK), 0);
    CHECK_ERRNO(resolve(99, "/", kInRoot), EBADF);
    const int file = open("outside", O_RDONLY);
    CHECK_ERRNO(resolve(file, "/", kInRoot), ENOTDIR);
}

ABI_TEST(links_can_be_refused) {
    const int tree = make_tree();
    expect_text(resolve(tree, "in/../file", RESOLVE_NO_SYMLINKS), "top");
    CHECK_ERRNO(resolve(tree, "link/file", RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK_ERRNO(resolve(tree, "escape", RESOLVE_NO_SYMLINKS), ELOOP);
    CHECK(open_how(tree, "link",
                   {.flags = O_PATH | O_NOFOLLOW, .mode = 0, .resolve = RESOLVE_NO_SYMLINKS}) >= 0);
    CHECK_ERRNO(open_how(tree, "link",
                         {.flags = O_CREAT | O_RDWR, .mode = 0600, .resolve = RESOLVE_NO_SYMLINKS}),
                ELOOP);
}

ABI_TEST(links_that_are_no_paths_can_be_refused) {
    const int tree = make_tree();
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", tree);
    CHECK(resolve(AT_FDCWD, link, 0) >= 0);
    CHECK_ERRNO(resolve(AT_FDCWD, link, RESOLVE_NO_MAGICLINKS), ELOOP);
    CHECK_ERRNO(resolve(AT_FDCWD, link, RESOLVE_NO_SYMLINKS), ELOOP);
    expect_text(resolve(tree, "link/file", RESOLVE_NO_MAGICLINKS), "in");
    const int self = open("/proc/self/fd", O_PATH | O_DIRECTORY);
    CHECK(self >= 0);
    snprintf(link, sizeof link, "%d", tree);
    CHECK_ERRNO(resolve(self, link, RESOLVE_BENEATH), EXDEV);
    CHECK_ERRNO(resolve(self, link, RESOLVE_IN_ROOT), EXDEV);
    CHECK_ERRNO(resolve(self, link, RESOLVE_NO_XDEV), EXDEV);
}

ABI_TEST(a_walk_can_be_kept_in_one_mount) {
    const int tree = make_tree();
    CHECK_EQ(mount("none", "tree/in", "tmpfs", 0, ""), 0);
    CHECK_EQ(close(abi::make_file("tree/in/file", "mounted")), 0);
    constexpr uint64_t kOneMount = RESOLVE_NO_XDEV;
    expect_text(resolve(tree, "in/file", 0), "mounted");
    expect_text(resolve(tree, "in/file", RESOLVE_BENEATH), "mounted");
    CHECK_ERRNO(resolve(tree, "in/file", kOneMount), EXDEV);
    CHECK_ERRNO(resolve(tree, "in", kOneMount), EXDEV);
    CHECK_ERRNO(resolve(tree, "link/file", kOneMount), EXDEV);
    expect_text(resolve(tree, "file", kOneMount), "top");
    const int in = open("tree/in", O_PATH);
    expect_text(resolve(in, "file", kOneMount), "mounted");
    CHECK_ERRNO(resolve(in, "../file", kOneMount), EXDEV);
    CHECK(resolve(in, "/", kOneMount) >= 0);  // where a path begins is its own affair
    CHECK_EQ(symlink("/", "tree/in/root"), 0);
    CHECK_ERRNO(resolve(in, "root", kOneMount), EXDEV);
    CHECK_EQ(close(in), 0);
    CHECK_EQ(umount2("tree/in", MNT_DETACH), 0);
}

ABI_TEST(a_walk_can_be_of_names_that_are_known) {
    const int tree = make_tree();
    expect_text(resolve(tree, "in/file", 0), "in");
    // Whether they still are is the kernel's affair: both answers are right.
    const long fd = resolve(tree, "in/file", RESOLVE_CACHED);
    if (fd < 0) CHECK_EQ(errno, EAGAIN);
    for (const int flags : {O_CREAT | O_RDWR, O_TRUNC | O_RDWR}) {
        CHECK_ERRNO(
            open_how(tree, "in/file",
                     {.flags = static_cast<uint64_t>(flags), .mode = 0, .resolve = RESOLVE_CACHED}),
            EAGAIN);
    }
}
