// What calls on descriptors and paths share.
#pragma once

#include <string_view>

#include "kernel/fs/file.h"
#include "kernel/fs/names.h"
#include "posix_x/arguments.h"
#include "posix_x/task.h"

namespace exo::posix {

/// What a descriptor names, for the time of a call: counted, or lent by a table that only the
/// calling thread has, which closes no descriptor while it uses one. Empty at first.
template <typename T>
class [[nodiscard]] Use {
  public:
    Use() = default;
    static Use lent(T& object) { return Use(object, false); }
    static Use counted(Ref<T> object) { return Use(object.release(), true); }
    Use(Use&& other) noexcept
        : object_(std::exchange(other.object_, nullptr)),
          counted_(std::exchange(other.counted_, false)) {}
    Use& operator=(Use&& other) noexcept {
        std::swap(object_, other.object_);
        std::swap(counted_, other.counted_);
        return *this;
    }
    ~Use() {
        if (counted_) object_->unref();
    }

    T& operator*() const { return *object_; }
    T* operator->() const { return object_; }
    explicit operator bool() const { return object_ != nullptr; }
    /// For longer than the call.
    [[nodiscard]] Ref<T> keep() const { return Ref<T>(*object_); }
    /// As what the caller knows it to be.
    template <typename Derived>
    Use<Derived> as() && {
        auto& object = static_cast<Derived&>(*std::exchange(object_, nullptr));
        return Use<Derived>(object, std::exchange(counted_, false));
    }

  private:
    template <typename>
    friend class Use;
    Use(T& object, bool counted) : object_(&object), counted_(counted) {}
    T* object_ = nullptr;
    bool counted_ = false;
};
using FileUse = Use<File>;

/// An open file and what its handle allows, by one look at the table: by two, another thread could
/// put another file behind the number in between.
struct FileHandle {
    FileUse file;
    Rights rights;
};
/// For the functions below, where other threads have the table too.
Result<FileHandle> counted_file_handle_of(HandleTable& handles, Fd fd, Rights wanted);

/// What `fd` names, if the handle grants `wanted`. BADF.
inline Result<FileHandle> file_handle_of(Task& task, Fd fd, Rights wanted = Rights::kNone) {
    Process& process = task.process();
    HandleTable& handles = *process.handles;
    if (!process.is_single_threaded() || handles.ref_count() != 1)
        return counted_file_handle_of(handles, fd, wanted);
    const auto [object, rights] = TRY(handles.lend(fd, wanted));
    if (!File::is(object)) return Errno::BADF;
    return FileHandle{FileUse::lent(static_cast<File&>(object)), rights};
}
/// The same, but BADF for O_PATH too: that names a file without having opened it (open(2)).
inline Result<FileHandle> opened_file_handle_of(Task& task, Fd fd) {
    auto handle = TRY(file_handle_of(task, fd));
    if (has(handle.file->flags(), FileFlags::kPathOnly)) return Errno::BADF;
    return handle;
}

/// Their files.
inline Result<FileUse> file_of(Task& task, Fd fd, Rights wanted = Rights::kNone) {
    return TRY(file_handle_of(task, fd, wanted)).file;
}
inline Result<FileUse> opened_file_of(Task& task, Fd fd) {
    return TRY(opened_file_handle_of(task, fd)).file;
}

/// The open file `fd` as a T, which files of `type` are. BADF; `otherwise`: it is something else.
template <typename T>
[[gnu::always_inline]] inline Result<Use<T>> file_as(Task& task, Fd fd, ObjectType type,
                                                     Errno otherwise = Errno::INVAL) {
    auto file = TRY(file_of(task, fd));
    if (file->type() != type) return otherwise;
    return std::move(file).template as<T>();
}

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
