// The handlers of abi/syscalls.def, each named sys_ and the call's name, by the file it is in.
// Arguments are decoded by type (arguments.h); errors are as the call's manual page has them. Those
// that are kFast are in calls/fast_calls.h.
#pragma once

#include "abi/linux/capability.h"
#include "abi/linux/process.h"
#include "abi/linux/signal.h"
#include "posix_x/arguments.h"
#include "posix_x/task.h"

namespace exo::posix {

// attribute_calls.cpp
Result<long> sys_fchmodat(Task& task, DirFd at, UserPath path, ModeBits mode);
Result<long> sys_chmod(Task& task, UserPath path, ModeBits mode);
Result<long> sys_fchmod(Task& task, Fd fd, ModeBits mode);
Result<long> sys_fchownat(Task& task, DirFd at, UserPath path, std::uint32_t uid, std::uint32_t gid,
                          Flags flags);
Result<long> sys_chown(Task& task, UserPath path, std::uint32_t uid, std::uint32_t gid);
Result<long> sys_lchown(Task& task, UserPath path, std::uint32_t uid, std::uint32_t gid);
Result<long> sys_fchown(Task& task, Fd fd, std::uint32_t uid, std::uint32_t gid);
Result<long> sys_utimensat(Task& task, DirFd at, UserPath path, UserIn<abi::Timespec> times,
                           Flags flags);
Result<long> sys_futimesat(Task& task, DirFd at, UserPath path, UserIn<abi::Timeval> times);
Result<long> sys_utimes(Task& task, UserPath path, UserIn<abi::Timeval> times);
Result<long> sys_utime(Task& task, UserPath path, UserIn<std::int64_t> times);
Result<long> sys_truncate(Task& task, UserPath path, std::int64_t size);
Result<long> sys_ftruncate(Task& task, Fd fd, std::int64_t size);
Result<long> sys_fallocate(Task& task, Fd fd, Flags mode, std::int64_t offset, std::int64_t size);

// descriptor_calls.cpp
Result<long> sys_openat(Task& task, DirFd at, UserPath path, Flags flags, ModeBits mode);
Result<long> sys_openat2(Task& task, DirFd at, UserPath path, UserAddr how_at,
                         std::uint64_t how_bytes);
Result<long> sys_open(Task& task, UserPath path, Flags flags, ModeBits mode);
Result<long> sys_creat(Task& task, UserPath path, ModeBits mode);
Result<long> sys_close(Task& task, Fd fd);
Result<long> sys_close_range(Task& task, std::uint32_t first, std::uint32_t last, Flags flags);
Result<long> sys_dup(Task& task, Fd fd);
Result<long> sys_dup3(Task& task, Fd from, Fd to, Flags flags);
Result<long> sys_dup2(Task& task, Fd from, Fd to);
Result<long> sys_fcntl(Task& task, Fd fd, std::uint32_t command, std::uint64_t argument);
Result<long> sys_flock(Task& task, Fd fd, std::uint32_t operation);
Result<long> sys_memfd_create(Task& task, UserAddr name, Flags flags);
Result<long> sys_pipe2(Task& task, UserOut<std::int32_t> ends, Flags flags);
Result<long> sys_pipe(Task& task, UserOut<std::int32_t> ends);
Result<long> sys_ioctl(Task& task, Fd fd, std::uint32_t request, std::uint64_t argument);

// event_calls.cpp
Result<long> sys_epoll_create(Task& task, std::int32_t size);
Result<long> sys_epoll_create1(Task& task, Flags flags);
Result<long> sys_epoll_ctl(Task& task, Fd set, std::uint32_t operation, Fd fd, UserAddr event);
Result<long> sys_epoll_wait(Task& task, Fd set, UserAddr events, std::int32_t count,
                            std::int32_t milliseconds);
Result<long> sys_epoll_pwait(Task& task, Fd set, UserAddr events, std::int32_t count,
                             std::int32_t milliseconds, UserAddr mask, std::uint64_t mask_bytes);
Result<long> sys_epoll_pwait2(Task& task, Fd set, UserAddr events, std::int32_t count,
                              UserIn<abi::Timespec> timeout, UserAddr mask,
                              std::uint64_t mask_bytes);
Result<long> sys_eventfd(Task& task, std::uint32_t value);
Result<long> sys_eventfd2(Task& task, std::uint32_t value, Flags flags);
Result<long> sys_timerfd_create(Task& task, std::int32_t clock, Flags flags);
Result<long> sys_timerfd_settime(Task& task, Fd fd, Flags flags, UserIn<abi::Timespec> value,
                                 UserOut<abi::Timespec> old);
Result<long> sys_timerfd_gettime(Task& task, Fd fd, UserOut<abi::Timespec> out);
Result<long> sys_signalfd(Task& task, std::int32_t fd, UserIn<std::uint64_t> mask,
                          std::uint64_t mask_bytes);
Result<long> sys_signalfd4(Task& task, std::int32_t fd, UserIn<std::uint64_t> mask,
                           std::uint64_t mask_bytes, Flags flags);

// identity_calls.cpp
Result<long> sys_getresuid(Task& task, UserOut<std::uint32_t> real,
                           UserOut<std::uint32_t> effective, UserOut<std::uint32_t> saved);
Result<long> sys_getresgid(Task& task, UserOut<std::uint32_t> real,
                           UserOut<std::uint32_t> effective, UserOut<std::uint32_t> saved);
Result<long> sys_setuid(Task& task, std::uint32_t id);
Result<long> sys_setgid(Task& task, std::uint32_t id);
Result<long> sys_setreuid(Task& task, std::uint32_t real, std::uint32_t effective);
Result<long> sys_setregid(Task& task, std::uint32_t real, std::uint32_t effective);
Result<long> sys_setresuid(Task& task, std::uint32_t real, std::uint32_t effective,
                           std::uint32_t saved);
Result<long> sys_setresgid(Task& task, std::uint32_t real, std::uint32_t effective,
                           std::uint32_t saved);
Result<long> sys_setfsuid(Task& task, std::uint32_t id);
Result<long> sys_setfsgid(Task& task, std::uint32_t id);
Result<long> sys_capget(Task& task, UserAddr header, UserOut<abi::CapabilityData> data);
Result<long> sys_capset(Task& task, UserAddr header, UserIn<abi::CapabilityData> data);
Result<long> sys_getgroups(Task& task, std::int32_t capacity, UserOut<std::uint32_t> out);
Result<long> sys_setgroups(Task& task, std::int32_t count, UserIn<std::uint32_t> in);
Result<long> sys_getpgid(Task& task, Pid pid);
Result<long> sys_getsid(Task& task, Pid pid);
Result<long> sys_setpgid(Task& task, Pid pid, Pid group);
Result<long> sys_setsid(Task& task);

// io_calls.cpp
Result<long> sys_read(Task& task, Fd fd, UserAddr buffer, std::uint64_t count);
Result<long> sys_write(Task& task, Fd fd, UserAddr buffer, std::uint64_t count);
Result<long> sys_pread64(Task& task, Fd fd, UserAddr buffer, std::uint64_t count,
                         std::int64_t offset);
Result<long> sys_pwrite64(Task& task, Fd fd, UserAddr buffer, std::uint64_t count,
                          std::int64_t offset);
Result<long> sys_readv(Task& task, Fd fd, UserAddr vectors, std::uint32_t count);
Result<long> sys_writev(Task& task, Fd fd, UserAddr vectors, std::uint32_t count);
Result<long> sys_preadv(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                        std::int64_t offset);
Result<long> sys_pwritev(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                         std::int64_t offset);
Result<long> sys_preadv2(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                         std::int64_t offset, std::uint64_t unused, Flags flags);
Result<long> sys_pwritev2(Task& task, Fd fd, UserAddr vectors, std::uint32_t count,
                          std::int64_t offset, std::uint64_t unused, Flags flags);
Result<long> sys_lseek(Task& task, Fd fd, std::int64_t offset, std::uint32_t whence);
Result<long> sys_sendfile(Task& task, Fd out, Fd in, UserAddr offset_at, std::uint64_t count);
Result<long> sys_copy_file_range(Task& task, Fd in, UserAddr in_at, Fd out, UserAddr out_at,
                                 std::uint64_t count, Flags flags);
Result<long> sys_fadvise64(Task& task, Fd fd, std::int64_t offset, std::int64_t length,
                           std::uint32_t advice);
Result<long> sys_readahead(Task& task, Fd fd, std::int64_t offset, std::uint64_t count);
Result<long> sys_fsync(Task& task, Fd fd);
Result<long> sys_fdatasync(Task& task, Fd fd);
Result<long> sys_sync(Task&);
Result<long> sys_syncfs(Task& task, Fd fd);

// inotify_calls.cpp
Result<long> sys_inotify_init(Task& task);
Result<long> sys_inotify_init1(Task& task, Flags flags);
Result<long> sys_inotify_add_watch(Task& task, Fd fd, UserPath path, Flags mask);
Result<long> sys_inotify_rm_watch(Task& task, Fd fd, std::int32_t number);

// log_calls.cpp
Result<long> sys_syslog(Task& task, std::uint32_t action, UserAddr out, std::int32_t bytes);

// memory_calls.cpp
Result<long> sys_mmap(Task& task, std::uint64_t address, std::uint64_t length,
                      std::uint32_t protection, Flags flags, Fd fd, std::uint64_t offset);
Result<long> sys_munmap(Task& task, std::uint64_t address, std::uint64_t length);
Result<long> sys_mprotect(Task& task, std::uint64_t address, std::uint64_t length,
                          std::uint32_t protection);
Result<long> sys_mremap(Task& task, std::uint64_t address, std::uint64_t old_length,
                        std::uint64_t new_length, Flags flags);
Result<long> sys_brk(Task& task, std::uint64_t wanted);
Result<long> sys_madvise(Task& task, std::uint64_t address, std::uint64_t length,
                         std::uint32_t advice);
Result<long> sys_msync(Task& task, std::uint64_t address, std::uint64_t length, Flags flags);

// name_calls.cpp
Result<long> sys_mkdirat(Task& task, DirFd at, UserPath path, ModeBits mode);
Result<long> sys_mkdir(Task& task, UserPath path, ModeBits mode);
Result<long> sys_mknodat(Task& task, DirFd at, UserPath path, ModeBits mode, std::uint64_t device);
Result<long> sys_mknod(Task& task, UserPath path, ModeBits mode, std::uint64_t device);
Result<long> sys_unlinkat(Task& task, DirFd at, UserPath path, Flags flags);
Result<long> sys_unlink(Task& task, UserPath path);
Result<long> sys_rmdir(Task& task, UserPath path);
Result<long> sys_renameat2(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to,
                           Flags flags);
Result<long> sys_renameat(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to);
Result<long> sys_rename(Task& task, UserPath from, UserPath to);
Result<long> sys_linkat(Task& task, DirFd from_at, UserPath from, DirFd to_at, UserPath to,
                        Flags flags);
Result<long> sys_link(Task& task, UserPath from, UserPath to);
Result<long> sys_symlinkat(Task& task, UserPath target, DirFd at, UserPath path);
Result<long> sys_symlink(Task& task, UserPath target, UserPath path);
Result<long> sys_readlinkat(Task& task, DirFd at, UserPath path, UserAddr out,
                            std::int32_t capacity);
Result<long> sys_readlink(Task& task, UserPath path, UserAddr out, std::int32_t capacity);
Result<long> sys_getdents64(Task& task, Fd fd, UserAddr out, std::uint32_t capacity);
Result<long> sys_chdir(Task& task, UserPath path);
Result<long> sys_fchdir(Task& task, Fd fd);
Result<long> sys_chroot(Task& task, UserPath path);
Result<long> sys_getcwd(Task& task, UserAddr out, std::uint64_t capacity);

// mount_calls.cpp
Result<long> sys_mount(Task& task, UserPath source, UserPath target, UserPath type,
                       std::uint64_t flags, UserPath options);
Result<long> sys_umount2(Task& task, UserPath target, Flags flags);

// poll_calls.cpp
Result<long> sys_poll(Task& task, UserAddr fds, std::uint32_t count, std::int32_t milliseconds);
Result<long> sys_ppoll(Task& task, UserAddr fds, std::uint32_t count, UserIn<abi::Timespec> timeout,
                       UserAddr mask, std::uint64_t mask_bytes);
Result<long> sys_select(Task& task, std::int32_t count, UserAddr in, UserAddr out, UserAddr except,
                        UserIn<abi::Timeval> timeout);
Result<long> sys_pselect6(Task& task, std::int32_t count, UserAddr in, UserAddr out,
                          UserAddr except, UserIn<abi::Timespec> timeout,
                          UserIn<std::uint64_t> mask);

// pid_calls.cpp
Result<long> sys_pidfd_open(Task& task, Pid pid, Flags flags);
Result<long> sys_pidfd_getfd(Task& task, Fd pidfd, Fd fd, Flags flags);

// process_calls.cpp
Result<long> sys_fork(Task& task);
Result<long> sys_vfork(Task& task);
Result<long> sys_clone(Task& task, std::uint64_t flags, std::uint64_t stack, UserAddr parent_tid,
                       UserAddr child_tid, std::uint64_t tls);
Result<long> sys_clone3(Task& task, UserAddr arguments, std::uint64_t bytes);
Result<long> sys_execveat(Task& task, DirFd at, UserPath path, UserAddr arguments,
                          UserAddr environment, Flags flags);
Result<long> sys_execve(Task& task, UserPath path, UserAddr arguments, UserAddr environment);
Result<long> sys_exit(Task&, std::int32_t code);
Result<long> sys_exit_group(Task&, std::int32_t code);
Result<long> sys_set_tid_address(Task& task, UserAddr at);
Result<long> sys_set_robust_list(Task& task, UserAddr head, std::uint64_t bytes);
Result<long> sys_get_robust_list(Task& task, Pid tid, UserOut<std::uint64_t> head,
                                 UserOut<std::uint64_t> bytes);
Result<long> sys_arch_prctl(Task& task, std::uint32_t operation, std::uint64_t value);
Result<long> sys_prctl(Task& task, std::uint32_t operation, std::uint64_t value,
                       std::uint64_t third, std::uint64_t fourth, std::uint64_t fifth);
Result<long> sys_personality(Task& task, std::uint32_t wanted);

// resident_calls.cpp
Result<long> sys_mlock(Task& task, std::uint64_t address, std::uint64_t length);
Result<long> sys_mlock2(Task& task, std::uint64_t address, std::uint64_t length, Flags flags);
Result<long> sys_munlock(Task& task, std::uint64_t address, std::uint64_t length);
Result<long> sys_mlockall(Task& task, Flags flags);
Result<long> sys_munlockall(Task& task);
Result<long> sys_mincore(Task& task, std::uint64_t address, std::uint64_t length, UserAddr out);
Result<long> sys_membarrier(Task& task, std::uint32_t command, Flags flags, std::int32_t cpu);

// splice_calls.cpp
Result<long> sys_splice(Task& task, Fd in, UserAddr in_at, Fd out, UserAddr out_at,
                        std::uint64_t count, Flags flags);
Result<long> sys_tee(Task& task, Fd in, Fd out, std::uint64_t count, Flags flags);
Result<long> sys_vmsplice(Task& task, Fd fd, UserAddr vectors, std::uint64_t count, Flags flags);

// schedule_calls.cpp
Result<long> sys_sched_yield(Task&);
Result<long> sys_sched_getaffinity(Task& task, Pid tid, std::uint32_t bytes,
                                   UserOut<std::uint64_t> out);
Result<long> sys_sched_setaffinity(Task& task, Pid tid, std::uint32_t bytes, UserAddr in);
Result<long> sys_getpriority(Task& task, std::uint32_t which, Pid who);
Result<long> sys_setpriority(Task& task, std::uint32_t which, Pid who, std::int32_t nice);
Result<long> sys_ioprio_get(Task& task, std::uint32_t which, Pid who);
Result<long> sys_ioprio_set(Task& task, std::uint32_t which, Pid who, std::uint32_t value);
Result<long> sys_sched_getscheduler(Task& task, Pid tid);
Result<long> sys_sched_setscheduler(Task& task, Pid tid, std::uint32_t policy,
                                    UserIn<std::int32_t> in);
Result<long> sys_sched_getparam(Task& task, Pid tid, UserOut<std::int32_t> out);
Result<long> sys_sched_setparam(Task& task, Pid tid, UserIn<std::int32_t> in);
Result<long> sys_sched_rr_get_interval(Task& task, Pid tid, UserOut<abi::Timespec> out);
Result<long> sys_sched_get_priority_max(Task&, std::uint32_t policy);
Result<long> sys_sched_get_priority_min(Task& task, std::uint32_t policy);

// signal_calls.cpp
Result<long> sys_rt_sigaction(Task& task, std::int32_t number, UserIn<abi::SigAction> in,
                              UserOut<abi::SigAction> out, std::uint64_t set_bytes);
Result<long> sys_rt_sigprocmask(Task& task, std::uint32_t how, UserIn<std::uint64_t> in,
                                UserOut<std::uint64_t> out, std::uint64_t set_bytes);
Result<long> sys_rt_sigpending(Task& task, UserOut<std::uint64_t> out, std::uint64_t set_bytes);
Result<long> sys_pause(Task&);
Result<long> sys_rt_sigsuspend(Task&, UserIn<std::uint64_t> mask, std::uint64_t set_bytes);
Result<long> sys_rt_sigreturn(Task& task);
Result<long> sys_sigaltstack(Task& task, UserIn<abi::StackT> in, UserOut<abi::StackT> out);
Result<long> sys_kill(Task& task, Pid pid, std::int32_t number);
Result<long> sys_tkill(Task& task, Pid tid, std::int32_t number);
Result<long> sys_tgkill(Task& task, Pid group, Pid tid, std::int32_t number);
Result<long> sys_pidfd_send_signal(Task& task, Fd pidfd, std::int32_t number, UserAddr in,
                                   Flags flags);
Result<long> sys_rt_sigqueueinfo(Task& task, Pid pid, std::int32_t number, UserAddr in);
Result<long> sys_rt_tgsigqueueinfo(Task& task, Pid group, Pid tid, std::int32_t number,
                                   UserAddr in);
Result<long> sys_rt_sigtimedwait(Task& task, UserIn<std::uint64_t> in, UserAddr out,
                                 UserIn<abi::Timespec> timeout, std::uint64_t set_bytes);

// socket_calls.cpp
Result<long> sys_socket(Task& task, std::uint32_t family, Flags type, std::uint32_t protocol);
Result<long> sys_socketpair(Task& task, std::uint32_t family, Flags type, std::uint32_t protocol,
                            UserOut<std::int32_t> ends);
Result<long> sys_bind(Task& task, Fd fd, UserAddr name, std::uint32_t bytes);
Result<long> sys_listen(Task& task, Fd fd, std::int32_t backlog);
Result<long> sys_accept(Task& task, Fd fd, UserAddr name, UserAddr bytes);
Result<long> sys_accept4(Task& task, Fd fd, UserAddr name, UserAddr bytes, Flags flags);
Result<long> sys_connect(Task& task, Fd fd, UserAddr name, std::uint32_t bytes);
Result<long> sys_getsockname(Task& task, Fd fd, UserAddr name, UserAddr bytes);
Result<long> sys_getpeername(Task& task, Fd fd, UserAddr name, UserAddr bytes);
Result<long> sys_shutdown(Task& task, Fd fd, std::uint32_t how);
Result<long> sys_setsockopt(Task& task, Fd fd, std::int32_t level, std::uint32_t option,
                            UserAddr value, std::uint32_t bytes);
Result<long> sys_getsockopt(Task& task, Fd fd, std::int32_t level, std::uint32_t option,
                            UserAddr value, UserAddr bytes);

// message_calls.cpp
Result<long> sys_sendto(Task& task, Fd fd, UserAddr data, std::uint64_t size, Flags flags,
                        UserAddr name, std::uint32_t name_bytes);
Result<long> sys_recvfrom(Task& task, Fd fd, UserAddr data, std::uint64_t size, Flags flags,
                          UserAddr name, UserAddr name_bytes);
Result<long> sys_sendmsg(Task& task, Fd fd, UserAddr message, Flags flags);
Result<long> sys_recvmsg(Task& task, Fd fd, UserAddr message, Flags flags);
Result<long> sys_sendmmsg(Task& task, Fd fd, UserAddr messages, std::uint32_t count, Flags flags);
Result<long> sys_recvmmsg(Task& task, Fd fd, UserAddr messages, std::uint32_t count, Flags flags,
                          UserAddr timeout);

// stat_calls.cpp
Result<long> sys_stat(Task& task, UserPath path, UserOut<abi::Stat> out);
Result<long> sys_lstat(Task& task, UserPath path, UserOut<abi::Stat> out);
Result<long> sys_fstat(Task& task, Fd fd, UserOut<abi::Stat> out);
Result<long> sys_newfstatat(Task& task, DirFd at, UserPath path, UserOut<abi::Stat> out,
                            Flags flags);
Result<long> sys_statx(Task& task, DirFd at, UserPath path, Flags flags, std::uint32_t mask,
                       UserOut<abi::Statx> out);
Result<long> sys_statfs(Task& task, UserPath path, UserOut<abi::Statfs> out);
Result<long> sys_fstatfs(Task& task, Fd fd, UserOut<abi::Statfs> out);
Result<long> sys_faccessat2(Task& task, DirFd at, UserPath path, std::uint32_t mode, Flags flags);
Result<long> sys_faccessat(Task& task, DirFd at, UserPath path, std::uint32_t mode);
Result<long> sys_access(Task& task, UserPath path, std::uint32_t mode);

// system_calls.cpp
Result<long> sys_uname(Task& task, UserAddr out);
Result<long> sys_sethostname(Task& task, UserAddr in, std::uint64_t length);
Result<long> sys_setdomainname(Task& task, UserAddr in, std::uint64_t length);
Result<long> sys_sysinfo(Task&, UserOut<abi::SysInfo> out);
Result<long> sys_prlimit64(Task& task, Pid pid, std::uint32_t which, UserIn<abi::ResourceLimit> in,
                           UserOut<abi::ResourceLimit> out);
Result<long> sys_getrlimit(Task& task, std::uint32_t which, UserOut<abi::ResourceLimit> out);
Result<long> sys_setrlimit(Task& task, std::uint32_t which, UserIn<abi::ResourceLimit> in);
Result<long> sys_getcpu(Task&, UserOut<std::uint32_t> cpu, UserOut<std::uint32_t> node);
Result<long> sys_getrandom(Task&, UserAddr out, std::uint64_t bytes, Flags flags);

// power_calls.cpp
Result<long> sys_reboot(Task& task, std::uint32_t magic1, std::uint32_t magic2,
                        std::uint32_t operation, UserAddr argument);

// time_calls.cpp
Result<long> sys_restart_syscall(Task& task);
Result<long> sys_clock_gettime(Task& task, std::int32_t clock, UserOut<abi::Timespec> out);
Result<long> sys_clock_getres(Task& task, std::int32_t clock, UserOut<abi::Timespec> out);
Result<long> sys_clock_settime(Task& task, std::int32_t clock, UserIn<abi::Timespec> in);
Result<long> sys_settimeofday(Task& task, UserIn<abi::Timeval> in, UserAddr zone);
Result<long> sys_gettimeofday(Task&, UserOut<abi::Timeval> out, UserOut<std::int32_t> zone);
Result<long> sys_time(Task&, UserOut<std::int64_t> out);
Result<long> sys_nanosleep(Task& task, UserIn<abi::Timespec> in, UserOut<abi::Timespec> rest);
Result<long> sys_clock_nanosleep(Task& task, std::int32_t clock, Flags flags,
                                 UserIn<abi::Timespec> in, UserOut<abi::Timespec> rest);
Result<long> sys_times(Task& task, UserOut<abi::Tms> out);
Result<long> sys_getrusage(Task& task, std::int32_t who, UserOut<abi::ResourceUse> out);
Result<long> sys_alarm(Task& task, std::uint32_t seconds);
Result<long> sys_setitimer(Task& task, std::uint32_t which, UserIn<abi::Timeval> in,
                           UserOut<abi::Timeval> out);
Result<long> sys_getitimer(Task& task, std::uint32_t which, UserOut<abi::Timeval> out);

// timer_calls.cpp
Result<long> sys_timer_create(Task& task, std::int32_t clock, UserIn<abi::SigEvent> in,
                              UserOut<std::int32_t> out);
Result<long> sys_timer_settime(Task& task, std::int32_t id, Flags flags, UserIn<abi::ITimerSpec> in,
                               UserOut<abi::ITimerSpec> out);
Result<long> sys_timer_gettime(Task& task, std::int32_t id, UserOut<abi::ITimerSpec> out);
Result<long> sys_timer_getoverrun(Task& task, std::int32_t id);
Result<long> sys_timer_delete(Task& task, std::int32_t id);

// wait_calls.cpp
Result<long> sys_wait4(Task& task, Pid pid, UserOut<std::int32_t> status, Flags options,
                       UserOut<abi::ResourceUse> use);
Result<long> sys_waitid(Task& task, std::uint32_t type, Pid id, UserAddr info, Flags options,
                        UserOut<abi::ResourceUse> use);

// xattr_calls.cpp
Result<long> sys_setxattr(Task& task, UserPath path, UserAddr name, UserAddr value,
                          std::uint64_t bytes, Flags flags);
Result<long> sys_lsetxattr(Task& task, UserPath path, UserAddr name, UserAddr value,
                           std::uint64_t bytes, Flags flags);
Result<long> sys_fsetxattr(Task& task, Fd fd, UserAddr name, UserAddr value, std::uint64_t bytes,
                           Flags flags);
Result<long> sys_getxattr(Task& task, UserPath path, UserAddr name, UserAddr out,
                          std::uint64_t capacity);
Result<long> sys_lgetxattr(Task& task, UserPath path, UserAddr name, UserAddr out,
                           std::uint64_t capacity);
Result<long> sys_fgetxattr(Task& task, Fd fd, UserAddr name, UserAddr out, std::uint64_t capacity);
Result<long> sys_listxattr(Task& task, UserPath path, UserAddr out, std::uint64_t capacity);
Result<long> sys_llistxattr(Task& task, UserPath path, UserAddr out, std::uint64_t capacity);
Result<long> sys_flistxattr(Task& task, Fd fd, UserAddr out, std::uint64_t capacity);
Result<long> sys_removexattr(Task& task, UserPath path, UserAddr name);
Result<long> sys_lremovexattr(Task& task, UserPath path, UserAddr name);
Result<long> sys_fremovexattr(Task& task, Fd fd, UserAddr name);

// rseq.cpp
Result<long> sys_rseq(Task& task, UserAddr at, std::uint32_t bytes, Flags flags,
                      std::uint32_t signature);

// futex.cpp
Result<long> sys_futex(Task&, UserAddr at, Flags operation, std::uint32_t value,
                       std::uint64_t timeout_at, UserAddr, std::uint32_t third);

}  // namespace exo::posix
