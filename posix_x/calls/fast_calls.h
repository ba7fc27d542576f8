// The handlers of kFast calls, inline, so that each becomes a few instructions at SYSCALL's entry
// (kernel/arch/upcalls.h: FastCall says what they may do): getpid(2), getuid(2) and their kin,
// umask(2). They answer from words of the task and its process and cannot fail.
#pragma once

#include "posix_x/task.h"

namespace exo::posix {

inline Result<long> sys_getpid(Task& task) {
    return task.process().pid;
}
inline Result<long> sys_gettid(Task& task) {
    return task.tid;
}
inline Result<long> sys_getppid(Task& task) {
    return task.process().identity.parent.load(std::memory_order_relaxed);
}
inline Result<long> sys_getpgrp(Task& task) {
    return task.process().identity.group.load(std::memory_order_relaxed);
}

inline Result<long> sys_getuid(Task& task) {
    return task.process().identity.uid.load(std::memory_order_relaxed);
}
inline Result<long> sys_geteuid(Task& task) {
    return task.process().identity.effective_uid.load(std::memory_order_relaxed);
}
inline Result<long> sys_getgid(Task& task) {
    return task.process().identity.gid.load(std::memory_order_relaxed);
}
inline Result<long> sys_getegid(Task& task) {
    return task.process().identity.effective_gid.load(std::memory_order_relaxed);
}

inline Result<long> sys_umask(Task& task, std::uint32_t mask) {
    return task.process().places().set_umask(static_cast<Mode>(mask & 0777));
}

}  // namespace exo::posix
