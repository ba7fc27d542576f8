// Names: directories, links, renames, the working directory, modes.
#include <dirent.h>

#include "tests/abi/abi.h"

using abi::make_file;

namespace {

bool exists(const char* path) {
    struct stat about;
    return lstat(path, &about) == 0;
}

int count_entries(const char* path) {
    DIR* directory = opendir(path);
    if (directory == nullptr) return -1;
    int count = 0;
    while (readdir(directory) != nullptr) ++count;
    closedir(directory);
    return count;
}

}  // namespace

ABI_TEST(mkdir_rmdir) {
    umask(0);
    CHECK_EQ(mkdir("d", 0751), 0);
    struct stat about;
    CHECK_EQ(stat("d", &about), 0);
    CHECK_EQ(about.st_mode, S_IFDIR | 0751);
    CHECK_EQ(about.st_nlink, 2);
    CHECK_ERRNO(mkdir("d", 0777), EEXIST);
    CHECK_ERRNO(mkdir("none/d", 0777), ENOENT);
    close(make_file("d/file", ""));
    CHECK_ERRNO(rmdir("d"), ENOTEMPTY);
    CHECK_EQ(unlink("d/file"), 0);
    CHECK_EQ(rmdir("d"), 0);
    CHECK_ERRNO(rmdir("d"), ENOENT);
    close(make_file("file", ""));
    CHECK_ERRNO(rmdir("file"), ENOTDIR);
    CHECK_ERRNO(rmdir("."), EINVAL);
}

ABI_TEST(getdents_lists_each_name_once) {
    for (int i = 0; i < 300; ++i) {
        char name[32];
        snprintf(name, sizeof name, "file-%d", i);
        close(make_file(name, ""));
    }
    CHECK_EQ(count_entries("."), 302);
    bool seen[300] = {};
    DIR* directory = opendir(".");
    while (const dirent* entry = readdir(directory)) {
        int number = -1;
        if (sscanf(entry->d_name, "file-%d", &number) != 1) continue;
        CHECK(number >= 0 && number < 300 && !seen[number]);
        seen[number] = true;
        CHECK_EQ(entry->d_type, DT_REG);
    }
    rewinddir(directory);
    CHECK(readdir(directory) != nullptr);
    closedir(directory);
}

ABI_TEST(getdents_small_buffer_and_wrong_descriptor) {
    char small[8];
    const int directory = open(".", O_RDONLY | O_DIRECTORY);
    CHECK_ERRNO(syscall(SYS_getdents64, directory, small, sizeof small), EINVAL);
    const int file = make_file("file", "");
    CHECK_ERRNO(syscall(SYS_getdents64, file, small, sizeof small), ENOTDIR);
}

ABI_TEST(rename_replaces) {
    close(make_file("a", "A"));
    close(make_file("b", "B"));
    CHECK_EQ(rename("a", "b"), 0);
    CHECK(!exists("a"));
    char byte;
    CHECK_EQ(read(open("b", O_RDONLY), &byte, 1), 1);
    CHECK_EQ(byte, 'A');
    CHECK_ERRNO(rename("a", "c"), ENOENT);
    CHECK_EQ(rename("b", "b"), 0);
}

ABI_TEST(rename_of_directories) {
    CHECK_EQ(mkdir("a", 0755), 0);
    CHECK_EQ(mkdir("a/inner", 0755), 0);
    CHECK_ERRNO(rename("a", "a/inner/x"), EINVAL);
    CHECK_EQ(mkdir("empty", 0755), 0);
    CHECK_EQ(rename("a", "empty"), 0);
    CHECK(exists("empty/inner"));
    CHECK_EQ(mkdir("other", 0755), 0);
    CHECK_ERRNO(rename("other", "empty"), ENOTEMPTY);
    close(make_file("file", ""));
    CHECK_ERRNO(rename("file", "empty"), EISDIR);
    CHECK_ERRNO(rename("empty", "file"), ENOTDIR);
}

ABI_TEST(hard_links_share_the_inode) {
    const int fd = make_file("a", "one");
    CHECK_EQ(link("a", "b"), 0);
    struct stat a, b;
    CHECK_EQ(stat("a", &a), 0);
    CHECK_EQ(stat("b", &b), 0);
    CHECK_EQ(a.st_ino, b.st_ino);
    CHECK_EQ(b.st_nlink, 2);
    CHECK_EQ(pwrite(fd, "X", 1, 0), 1);
    CHECK_EQ(unlink("a"), 0);
    char byte;
    CHECK_EQ(read(open("b", O_RDONLY), &byte, 1), 1);
    CHECK_EQ(byte, 'X');
    CHECK_ERRNO(link("a", "c"), ENOENT);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_ERRNO(link("d", "e"), EPERM);
    CHECK_ERRNO(link("b", "d"), EEXIST);
}

ABI_TEST(symbolic_links_follow_and_loop) {
    close(make_file("file", "text"));
    CHECK_EQ(symlink("file", "to-file"), 0);
    char target[16] = {};
    CHECK_EQ(readlink("to-file", target, sizeof target), 4);
    CHECK(strcmp(target, "file") == 0);
    CHECK_EQ(readlink("to-file", target, 2), 2);
    struct stat about;
    CHECK_EQ(lstat("to-file", &about), 0);
    CHECK(S_ISLNK(about.st_mode));
    CHECK_EQ(about.st_size, 4);
    CHECK_EQ(stat("to-file", &about), 0);
    CHECK(S_ISREG(about.st_mode));
    CHECK_ERRNO(open("to-file", O_RDONLY | O_NOFOLLOW), ELOOP);
    CHECK_EQ(symlink("loop", "loop"), 0);
    CHECK_ERRNO(open("loop", O_RDONLY), ELOOP);
    CHECK_EQ(symlink("nowhere", "dangling"), 0);
    CHECK_ERRNO(open("dangling", O_RDONLY), ENOENT);
    CHECK_ERRNO(readlink("file", target, sizeof target), EINVAL);
    CHECK_EQ(unlink("to-file"), 0);
    CHECK(exists("file"));
}

ABI_TEST(symbolic_links_inside_a_path) {
    CHECK_EQ(mkdir("d", 0755), 0);
    close(make_file("d/file", "deep"));
    CHECK_EQ(symlink("d", "link"), 0);
    CHECK(exists("link/file"));
    CHECK(exists("link/../d/file"));
    CHECK_EQ(symlink("/tmp", "absolute"), 0);
    struct stat about;
    CHECK_EQ(stat("absolute", &about), 0);
    CHECK(S_ISDIR(about.st_mode));
}

ABI_TEST(unlink_errors) {
    CHECK_ERRNO(unlink("missing"), ENOENT);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_ERRNO(unlink("d"), EISDIR);
    CHECK_EQ(unlinkat(AT_FDCWD, "d", AT_REMOVEDIR), 0);
    CHECK_ERRNO(unlinkat(AT_FDCWD, "d", 12345), EINVAL);
}

ABI_TEST(working_directory) {
    char before[256], after[256];
    CHECK(getcwd(before, sizeof before) != nullptr);
    CHECK_EQ(mkdir("d", 0755), 0);
    CHECK_EQ(chdir("d"), 0);
    CHECK(getcwd(after, sizeof after) != nullptr);
    CHECK(strncmp(before, after, strlen(before)) == 0);
    CHECK(strcmp(after + strlen(before), "/d") == 0);
    const int up = open("..", O_RDONLY | O_DIRECTORY);
    CHECK_EQ(fchdir(up), 0);
    CHECK(exists("d"));
    CHECK_ERRNO(chdir("missing"), ENOENT);
    close(make_file("file", ""));
    CHECK_ERRNO(chdir("file"), ENOTDIR);
    CHECK_ERRNO(syscall(SYS_getcwd, after, 1), ERANGE);
    CHECK_EQ(chdir("/.."), 0);
    CHECK(getcwd(after, sizeof after) != nullptr && strcmp(after, "/") == 0);
}

ABI_TEST(paths_relative_to_a_descriptor) {
    CHECK_EQ(mkdir("d", 0755), 0);
    const int directory = open("d", O_RDONLY | O_DIRECTORY);
    const int fd = openat(directory, "file", O_RDWR | O_CREAT, 0644);
    CHECK(fd >= 0);
    CHECK(exists("d/file"));
    CHECK_EQ(renameat(directory, "file", AT_FDCWD, "moved"), 0);
    CHECK(exists("moved"));
    CHECK_ERRNO(openat(fd, "x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(openat(-1, "x", O_RDONLY), EBADF);
    CHECK(openat(-1, "/dev/null", O_RDONLY) >= 0);
}

ABI_TEST(umask_and_chmod) {
    umask(027);
    close(open("file", O_CREAT | O_WRONLY, 0777));
    struct stat about;
    CHECK_EQ(stat("file", &about), 0);
    CHECK_EQ(about.st_mode & 07777, 0750);
    CHECK_EQ(umask(0), 027);
    CHECK_EQ(chmod("file", 0604), 0);
    CHECK_EQ(stat("file", &about), 0);
    CHECK_EQ(about.st_mode & 07777, 0604);
}

ABI_TEST(permissions_bind_who_is_not_root) {
    umask(0);
    close(open("private", O_CREAT | O_WRONLY, 0600));
    close(open("public", O_CREAT | O_WRONLY, 0644));
    abi::as_nobody([] {
        CHECK_ERRNO(open("private", O_RDONLY), EACCES);
        CHECK(open("public", O_RDONLY) >= 0);
        CHECK_ERRNO(open("public", O_WRONLY), EACCES);
        CHECK_ERRNO(open("new", O_CREAT | O_WRONLY, 0644), EACCES);
        CHECK_ERRNO(unlink("public"), EACCES);
        CHECK_ERRNO(chmod("public", 0777), EPERM);
        CHECK_ERRNO(access("private", R_OK), EACCES);
        CHECK_ERRNO(setuid(0), EPERM);
    });
}

ABI_TEST(access_asks_what_is_allowed) {
    close(open("file", O_CREAT | O_WRONLY, 0644));
    CHECK_EQ(access("file", F_OK), 0);
    CHECK_EQ(access("file", R_OK | W_OK), 0);
    CHECK_ERRNO(access("file", X_OK), EACCES);
    CHECK_ERRNO(access("missing", F_OK), ENOENT);
    CHECK_ERRNO(access("file", 99), EINVAL);
}
