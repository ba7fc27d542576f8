// What calls on descriptors and paths share.
#pragma once

#include <string_view>

#include "kernel/fs/file.h"
#include "kernel/fs/names.h"
#include "posix_x/arguments.h"
#include "posix_x/task.h"

namespace exo::posix {

/// An open file and what its handle allows, by one look at the table: by two, another thread could
/// put another file behind the number in between.
struct FileHandle {
    Ref<File> file;
    Rights rights;
};
/// What `fd` names, if the handle grants `wanted`. BADF.
Result<FileHandle> file_handle_of(Task& task, Fd fd, Rights wanted = Rights::kNone);
/// The same, but BADF for O_PATH too: that names a file without having opened it (open(2)).
Result<FileHandle> opened_file_handle_of(Task& task, Fd fd);

/// Their files.
Result<Ref<File>> file_of(Task& task, Fd fd, Rights wanted = Rights::kNone);
Result<Ref<File>> opened_file_of(Task& task, Fd fd);

/// Where `path` begins. NOENT: it is empty; BADF, NOTDIR: it is relative and `at` is no directory.
Result<WalkStart> start_of(Task& task, DirFd at, std::string_view path);

/// What an *at() call with its flags names: AT_EMPTY_PATH names `at` itself, AT_SYMLINK_NOFOLLOW a
/// link itself.
Result<Ref<Dentry>> resolve(Task& task, DirFd at, UserPath path, Flags flags);

/// The inode that it has, or NOENT.
Result<Ref<Inode>> inode_of(const Dentry& dentry);
/// Of an open file. BADF: a file without (a pipe), or O_PATH.
Result<Ref<Inode>> inode_of(Task& task, Fd fd);

/// The limit of descriptor numbers.
[[nodiscard]] std::uint32_t file_limit(Task& task);

/// Puts `file` into the table with what `access` (O_ACCMODE) allows.
Result<long> install(Task& task, Ref<File> file, std::uint32_t access, CloseOnExec close_on_exec);

[[nodiscard]] constexpr CloseOnExec close_on_exec_of(Flags flags) {
    return flags.has(abi::kOCloseOnExec) ? CloseOnExec::kYes : CloseOnExec::kNo;
}

/// fcntl(2)'s commands about locks, of a struct flock at `argument`.
Result<long> lock_command(Task& task, Fd fd, std::uint32_t command, UserAddr argument);

/// Status flags of open(2) and fcntl(2), and back.
[[nodiscard]] FileFlags file_flags_of(std::uint32_t open_flags);
[[nodiscard]] std::uint32_t open_flags_of(FileFlags flags, Rights rights);

}  // namespace exo::posix
