// clone(2), execve(2), exit(2): processes and threads come and go.
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/exec.h"
#include "posix_x/fork.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {

Result<long> sys_fork(Task& task) {
    return clone_task(task, {});
}

Result<long> sys_vfork(Task& task) {
    CloneRequest request;
    request.flags = abi::kCloneVm | abi::kCloneVfork;
    return clone_task(task, request);
}

Result<long> sys_clone(Task& task, std::uint64_t flags, std::uint64_t stack, UserAddr parent_tid,
                       UserAddr child_tid, std::uint64_t tls) {
    const std::uint64_t signal = flags & abi::kCloneSignal;
    if (signal > abi::kSignals) return Errno::INVAL;
    CloneRequest request;
    request.flags = flags & ~abi::kCloneSignal & 0xffffffff;
    request.exit_signal = static_cast<Signal>(signal);
    request.stack = stack;
    request.parent_tid = parent_tid;
    request.child_tid = child_tid;
    request.tls = tls;
    request.pidfd = parent_tid;  // one place for both, so that only one can be asked for
    if ((flags & abi::kClonePidfd) != 0 && (flags & abi::kCloneParentSettid) != 0)
        return Errno::INVAL;
    return clone_task(task, request);
}

Result<long> sys_clone3(Task& task, UserAddr arguments, std::uint64_t bytes) {
    if (bytes < abi::kCloneArgumentsV0) return Errno::INVAL;
    if (bytes > kPageSize) return Errno::TOOBIG;
    abi::CloneArguments in = {};
    TRY(read_user(&in, arguments, std::min(bytes, sizeof in)));
    for (std::uint64_t at = sizeof in; at < bytes; ++at) {
        const auto beyond = TRY(UserIn<std::uint8_t>{arguments + at}.read());
        if (beyond != 0) return Errno::TOOBIG;
    }
    if ((in.flags & abi::kCloneSignal) != 0 || in.exit_signal > abi::kSignals) return Errno::INVAL;
    if (in.set_tid != 0 || in.set_tid_count != 0 || in.cgroup != 0) return Errno::INVAL;
    if ((in.stack == 0) != (in.stack_bytes == 0)) return Errno::INVAL;
    CloneRequest request;
    request.flags = in.flags;
    request.exit_signal = static_cast<Signal>(in.exit_signal);
    request.stack = in.stack + in.stack_bytes;
    request.parent_tid = UserAddr{in.parent_tid};
    request.child_tid = UserAddr{in.child_tid};
    request.tls = in.tls;
    request.pidfd = UserAddr{in.pidfd};
    return clone_task(task, request);
}

namespace {

/// The strings that a NULL-terminated array of pointers names; a null array has none, as on Linux.
Result<void> read_strings(UserAddr array, StringBlock& to, std::uint64_t limit) {
    if (array.is_null()) return {};
    for (std::size_t i = 0;; ++i) {
        const auto string = TRY(UserIn<std::uint64_t>{array}.read(i));
        if (string == 0) return {};
        // A pointer counts as well, so that an array of many empty strings ends.
        if ((i + 1) * sizeof(std::uint64_t) > limit) return Errno::TOOBIG;
        TRY(to.append_user(UserAddr{string}, limit));
    }
}

Result<long> execute_file(Task& task, Ref<Dentry> file, std::string_view path, UserAddr arguments,
                          UserAddr environment) {
    ProgramStart start{.file = std::move(file), .path = path, .arguments = {}, .environment = {}};
    const std::uint64_t limit = argument_limit(task.process());
    TRY(read_strings(arguments, start.arguments, limit));
    if (start.arguments.count() == 0) TRY(start.arguments.append("", limit));
    if (start.arguments.bytes() >= limit) return Errno::TOOBIG;
    TRY(read_strings(environment, start.environment, limit - start.arguments.bytes()));
    arch::TrapFrame& frame = task.user_frame();
    TRY(execute(task, start, frame));
    return 0;
}

}  // namespace

Result<long> sys_execveat(Task& task, DirFd at, UserPath path, UserAddr arguments,
                          UserAddr environment, Flags flags) {
    if (!flags.only(abi::kAtSymlinkNoFollow | abi::kAtEmptyPath)) return Errno::INVAL;
    auto file = TRY(resolve(task, at, path, flags));
    const auto inode = TRY(inode_of(*file));
    if (inode->type() == FileType::kSymlink) return Errno::LOOP;
    const Path name = TRY(path.read());
    return execute_file(task, std::move(file), name.text(), arguments, environment);
}

Result<long> sys_execve(Task& task, UserPath path, UserAddr arguments, UserAddr environment) {
    return sys_execveat(task, DirFd{}, path, arguments, environment, Flags{});
}

Result<long> sys_exit(Task&, std::int32_t code) {
    exit_task(WaitStatus::exited(code));
}

Result<long> sys_exit_group(Task&, std::int32_t code) {
    exit_process(WaitStatus::exited(code));
}

Result<long> sys_set_tid_address(Task& task, UserAddr at) {
    task.clear_child_tid = at;
    return task.tid;
}

Result<long> sys_set_robust_list(Task& task, UserAddr head, std::uint64_t bytes) {
    if (bytes != sizeof(abi::RobustListHead)) return Errno::INVAL;
    task.robust_list = head;
    return 0;
}

// LINUX-DIFF: of the caller only; other threads' lists are read by nobody but themselves.
Result<long> sys_get_robust_list(Task& task, Pid tid, UserOut<std::uint64_t> head,
                                 UserOut<std::uint64_t> bytes) {
    if (tid != 0 && tid != task.tid) {
        return process_table().lock()->find_task(tid) == nullptr ? Errno::SRCH : Errno::PERM;
    }
    TRY(bytes.write(sizeof(abi::RobustListHead)));
    TRY(head.write(task.robust_list.value));
    return 0;
}

Result<long> sys_arch_prctl(Task& task, std::uint32_t operation, std::uint64_t value) {
    constexpr std::uint32_t kSetGs = 0x1001, kSetFs = 0x1002, kGetFs = 0x1003, kGetGs = 0x1004;
    switch (operation) {
        case kSetFs:
        case kSetGs:
            if (value >= arch::kUserEnd) return Errno::PERM;
            if (operation == kSetFs) arch::set_fs_base(task.user_state, value);
            if (operation == kSetGs) arch::set_gs_base(task.user_state, value);
            return 0;
        case kGetFs:
            TRY(UserOut<std::uint64_t>{UserAddr{value}}.write(task.user_state.fs_base));
            return 0;
        case kGetGs:
            TRY(UserOut<std::uint64_t>{UserAddr{value}}.write(task.user_state.gs_base));
            return 0;
        default:
            return Errno::INVAL;
    }
}

Result<long> sys_personality(Task& task, std::uint32_t wanted) {
    constexpr std::uint32_t kAsk = 0xffffffff;
    Atomic<std::uint32_t>& own = task.process().personality;
    const std::uint32_t before = own.load(std::memory_order_relaxed);
    if (wanted == kAsk) return before;
    const std::uint32_t kind = wanted & ~abi::kPersonalityNoRandomize;  // nothing is randomised
    if (kind != abi::kPersonalityLinux && kind != abi::kPersonalityLinux32) return Errno::INVAL;
    own.store(wanted, std::memory_order_relaxed);
    return before;
}

}  // namespace exo::posix
