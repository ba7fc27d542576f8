// Wild pointers and lengths in every call that takes one, from a table. Each case prints what the
// call gave (`saw CALL.ARGUMENT where=RESULT ...`), and tests/abi/run.py compares that with Linux:
// the table holds no expectation of its own. A child per line keeps effects apart.
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

/// Arguments that are known only when the test runs; all others stand for themselves.
enum Place : long {
    kFile = 0x5eed'0000,  ///< a descriptor of a file of 16 bytes, open for reading and writing
    kDirectory,           ///< a descriptor of the test's directory
    kReader,              ///< the end of a pipe with 16 bytes in it
    kWriter,
    kMemory,      ///< a page of zeros that may be read and written
    kName,        ///< the name of that file
    kDirName,     ///< of an empty directory
    kNewName,     ///< of nothing
    kLinkName,    ///< of a symbolic link
    kBroken,      ///< of an executable file that is no program
    kVector,      ///< one iovec of four good bytes
    kXattr,       ///< the name of an attribute that no file system knows
    kTimer,       ///< a descriptor of timerfd_create(2)
    kEpoll,       ///< of an epoll set that is empty
    kReadyEpoll,  ///< of one in which a descriptor is ready
    kInotify,     ///< an inotify instance without watches
    kSocket,      ///< one of a pair of datagrams, with 16 bytes to receive
    kEmptyWords,  ///< a NULL-terminated array without entries
    kPlaces,
};

enum Flag : unsigned {
    kOnlyFaults = 1,  ///< what could succeed is left out: it would last, or end the machine's peace
    kNotNull = 2,     ///< NULL is left out: it would wait for ever
    kOnlyPages = 8,   ///< only addresses of whole pages
    kOnlySign = 4,    ///< results differ from run to run: only whether it failed, and how
};

struct Call {
    const char* name;
    long number;
    unsigned pointers;  ///< bit i: argument i is one
    long arguments[6];
    unsigned flags = 0;
};

constexpr unsigned p(int a) {
    return 1u << a;
}
constexpr long kCwd = AT_FDCWD;
constexpr long kFutexWait = 0, kFutexWake = 1, kFutexCompareRequeue = 4, kFutexPrivate = 128;
constexpr long kStatxBasic = 0x7ff;
constexpr long kSet = 8;  // bytes of a signal set

const Call kFileCalls[] = {
    {"read", SYS_read, p(1), {kFile, 0, 16}},
    {"read-pipe", SYS_read, p(1), {kReader, 0, 16}},
    {"write", SYS_write, p(1), {kFile, 0, 16}},
    {"write-pipe", SYS_write, p(1), {kWriter, 0, 16}},
    {"pread64", SYS_pread64, p(1), {kFile, 0, 16, 0}},
    {"pwrite64", SYS_pwrite64, p(1), {kFile, 0, 16, 0}},
    {"readv", SYS_readv, p(1), {kFile, 0, 1}},
    {"writev", SYS_writev, p(1), {kFile, 0, 1}},
    {"preadv", SYS_preadv, p(1), {kFile, 0, 1, 0, 0}},
    {"pwritev", SYS_pwritev, p(1), {kFile, 0, 1, 0, 0}},
    {"sendfile", SYS_sendfile, p(2), {kWriter, kFile, 0, 4}},
    {"copy_file_range", SYS_copy_file_range, p(1) | p(3), {kFile, 0, kFile, kMemory, 0, 0}},
    {"preadv2", SYS_preadv2, p(1), {kFile, 0, 1, 0, 0, 0}},
    {"pwritev2", SYS_pwritev2, p(1), {kFile, 0, 1, 0, 0, 0}},
    {"setxattr", SYS_setxattr, p(0) | p(1) | p(2), {kName, kXattr, kMemory, 4, 0}},
    {"lsetxattr", SYS_lsetxattr, p(0) | p(1) | p(2), {kName, kXattr, kMemory, 4, 0}},
    {"fsetxattr", SYS_fsetxattr, p(1) | p(2), {kFile, kXattr, kMemory, 4, 0}},
    {"getxattr", SYS_getxattr, p(0) | p(1), {kName, kXattr, kMemory, 4}},
    {"lgetxattr", SYS_lgetxattr, p(0) | p(1), {kName, kXattr, kMemory, 4}},
    {"fgetxattr", SYS_fgetxattr, p(1), {kFile, kXattr, kMemory, 4}},
    {"listxattr", SYS_listxattr, p(0) | p(1), {kName, kMemory, 64}},
    {"llistxattr", SYS_llistxattr, p(0) | p(1), {kName, kMemory, 64}},
    {"flistxattr", SYS_flistxattr, p(1), {kFile, kMemory, 64}},
    {"removexattr", SYS_removexattr, p(0) | p(1), {kName, kXattr}},
    {"lremovexattr", SYS_lremovexattr, p(0) | p(1), {kName, kXattr}},
    {"fremovexattr", SYS_fremovexattr, p(1), {kFile, kXattr}},
    {"open", SYS_open, p(0), {0, O_RDONLY}, kOnlySign},
    {"creat", SYS_creat, p(0), {0, 0644}, kOnlySign},
    {"openat", SYS_openat, p(1), {kCwd, 0, O_RDONLY}, kOnlySign},
    {"openat2", 437, p(1) | p(2), {kCwd, kName, kMemory, 24}, kOnlySign},
    {"stat", SYS_stat, p(0) | p(1), {kName, kMemory}},
    {"lstat", SYS_lstat, p(0) | p(1), {kName, kMemory}},
    {"fstat", SYS_fstat, p(1), {kFile, kMemory}},
    {"fstat-pipe", SYS_fstat, p(1), {kReader, kMemory}},
    {"newfstatat", SYS_newfstatat, p(1) | p(2), {kCwd, kName, kMemory, 0}},
    {"newfstatat-empty",
     SYS_newfstatat,
     p(1) | p(2),
     {kFile, kName, kMemory, AT_EMPTY_PATH},
     kNotNull},  // Linux takes NULL for "" since 6.11
    {"statx", SYS_statx, p(1) | p(4), {kCwd, kName, 0, kStatxBasic, kMemory}},
    {"statfs", SYS_statfs, p(0) | p(1), {kName, kMemory}},
    {"fstatfs", SYS_fstatfs, p(1), {kFile, kMemory}},
    {"access", SYS_access, p(0), {kName, F_OK}},
    {"faccessat", SYS_faccessat, p(1), {kCwd, kName, F_OK}},
    {"faccessat2", SYS_faccessat2, p(1), {kCwd, kName, F_OK, 0}},
    {"getdents64", SYS_getdents64, p(1), {kDirectory, kMemory, 1024}, kOnlySign},
    {"pipe", SYS_pipe, p(0), {kMemory}},
    {"pipe2", SYS_pipe2, p(0), {kMemory, 0}},
    {"poll", SYS_poll, p(0), {kMemory, 1, 0}},
    {"ppoll", SYS_ppoll, p(0) | p(3), {kMemory, 1, kMemory, 0, kSet}},
    {"ppoll-time", SYS_ppoll, p(2), {kMemory, 0, kMemory, 0, kSet}, kNotNull},
    {"select", SYS_select, p(1) | p(2) | p(3), {8, 0, 0, 0, kMemory}},
    {"select-time", SYS_select, p(4), {8, 0, 0, 0, kMemory}, kNotNull},
    {"pselect6", SYS_pselect6, p(1) | p(2) | p(3) | p(5), {8, 0, 0, 0, kMemory, 0}},
    {"pselect6-time", SYS_pselect6, p(4), {8, 0, 0, 0, kMemory, 0}, kNotNull},
    {"ioctl-fionread", SYS_ioctl, p(2), {kReader, FIONREAD, 0}},
    {"ioctl-fionbio", SYS_ioctl, p(2), {kReader, FIONBIO, 0}},
    {"ioctl-no-terminal", SYS_ioctl, p(2), {kReader, TCGETS, 0}},
};

const Call kNameCalls[] = {
    {"getcwd", SYS_getcwd, p(0), {kMemory, 4096}, kOnlySign},
    {"chdir", SYS_chdir, p(0), {kDirName}},
    {"chroot", SYS_chroot, p(0), {kDirName}, kOnlyFaults},
    {"mkdir", SYS_mkdir, p(0), {kNewName, 0755}},
    {"mkdirat", SYS_mkdirat, p(1), {kCwd, kNewName, 0755}},
    {"rmdir", SYS_rmdir, p(0), {kDirName}},
    {"mknod", SYS_mknod, p(0), {kNewName, S_IFREG, 0}},
    {"mknodat", SYS_mknodat, p(1), {kCwd, kNewName, S_IFREG, 0}},
    {"unlink", SYS_unlink, p(0), {kName}},
    {"unlinkat", SYS_unlinkat, p(1), {kCwd, kName, 0}},
    {"rename", SYS_rename, p(0) | p(1), {kName, kNewName}},
    {"renameat", SYS_renameat, p(1) | p(3), {kCwd, kName, kCwd, kNewName}},
    {"renameat2", SYS_renameat2, p(1) | p(3), {kCwd, kName, kCwd, kNewName, 0}},
    {"link", SYS_link, p(0) | p(1), {kName, kNewName}},
    {"linkat", SYS_linkat, p(1) | p(3), {kCwd, kName, kCwd, kNewName, 0}},
    {"symlink", SYS_symlink, p(0) | p(1), {kName, kNewName}},
    {"symlinkat", SYS_symlinkat, p(0) | p(2), {kName, kCwd, kNewName}},
    {"readlink", SYS_readlink, p(0) | p(1), {kLinkName, kMemory, 16}},
    {"readlinkat", SYS_readlinkat, p(1) | p(2), {kCwd, kLinkName, kMemory, 16}},
    {"chmod", SYS_chmod, p(0), {kName, 0644}},
    {"fchmodat", SYS_fchmodat, p(1), {kCwd, kName, 0644}},
    {"chown", SYS_chown, p(0), {kName, 0, 0}},
    {"lchown", SYS_lchown, p(0), {kName, 0, 0}},
    {"fchownat", SYS_fchownat, p(1), {kCwd, kName, 0, 0, 0}},
    {"utime", SYS_utime, p(0) | p(1), {kName, kMemory}},
    {"utimes", SYS_utimes, p(0) | p(1), {kName, kMemory}},
    {"futimesat", SYS_futimesat, p(1) | p(2), {kCwd, kName, kMemory}},
    {"utimensat", SYS_utimensat, p(1) | p(2), {kCwd, kName, kMemory, 0}},
    {"inotify_add_watch", SYS_inotify_add_watch, p(1), {kInotify, kName, IN_OPEN}},
    {"truncate", SYS_truncate, p(0), {kName, 4}},
    {"mount", SYS_mount, p(1) | p(2), {0, kDirName, 0, 0, 0}, kOnlyFaults},
    {"umount2", SYS_umount2, p(0), {kDirName, 0}, kOnlyFaults},
};

const Call kProcessCalls[] = {
    {"execve", SYS_execve, p(0) | p(1) | p(2), {kBroken, kEmptyWords, kEmptyWords}},
    {"execveat", SYS_execveat, p(1) | p(2) | p(3), {kCwd, kBroken, kEmptyWords, kEmptyWords, 0}},
    {"clone", SYS_clone, p(2), {SIGCHLD | CLONE_PARENT_SETTID, 0, 0, 0, 0}, kOnlySign},
    {"clone-child", SYS_clone, p(3), {SIGCHLD | CLONE_CHILD_SETTID, 0, 0, 0, 0}, kOnlySign},
    {"clone3", SYS_clone3, p(0), {0, 64}, kOnlySign},
    {"wait4", SYS_wait4, p(1) | p(3), {-1, kMemory, WNOHANG, kMemory}},
    {"waitid", SYS_waitid, p(2) | p(4), {P_ALL, 0, kMemory, WEXITED | WNOHANG, kMemory}},
    {"set_tid_address", SYS_set_tid_address, p(0), {0}, kOnlySign},
    {"set_robust_list", SYS_set_robust_list, p(0), {0, 24}},
    {"get_robust_list", SYS_get_robust_list, p(1) | p(2), {0, kMemory, kMemory}},
    {"prctl-set-name", SYS_prctl, p(1), {PR_SET_NAME, 0}},
    {"prctl-get-name", SYS_prctl, p(1), {PR_GET_NAME, 0}},
    {"arch_prctl", SYS_arch_prctl, p(1), {0x1003, 0}},
    {"getgroups", SYS_getgroups, p(1), {0, 0}, kOnlySign},
    {"setgroups", SYS_setgroups, p(1), {2, 0}},
    {"getresuid", SYS_getresuid, p(0) | p(1) | p(2), {kMemory, kMemory, kMemory}},
    {"getresgid", SYS_getresgid, p(0) | p(1) | p(2), {kMemory, kMemory, kMemory}},
    {"getrlimit", SYS_getrlimit, p(1), {RLIMIT_NOFILE, kMemory}},
    {"setrlimit", SYS_setrlimit, p(1), {RLIMIT_CORE, kMemory}},
    {"prlimit64", SYS_prlimit64, p(2) | p(3), {0, RLIMIT_CORE, 0, 0}},
    {"getrusage", SYS_getrusage, p(1), {0, kMemory}},
    {"times", SYS_times, p(0), {kMemory}, kOnlySign},
    {"uname", SYS_uname, p(0), {kMemory}},
    {"sysinfo", SYS_sysinfo, p(0), {kMemory}},
    {"sethostname", SYS_sethostname, p(0), {0, 16}, kOnlyFaults},
    {"setdomainname", SYS_setdomainname, p(0), {0, 16}, kOnlyFaults},
    {"getrandom", SYS_getrandom, p(0), {kMemory, 16, 0}},
    {"getcpu", SYS_getcpu, p(0) | p(1), {kMemory, kMemory, 0}},
    {"sched_getaffinity", SYS_sched_getaffinity, p(2), {0, 128, kMemory}, kOnlySign},
    {"sched_setaffinity", SYS_sched_setaffinity, p(2), {0, 8, kMemory}, kOnlyFaults},
    {"sched_getparam", SYS_sched_getparam, p(1), {0, kMemory}},
    {"sched_setscheduler", SYS_sched_setscheduler, p(2), {0, 0, kMemory}},
    {"futex-wait", SYS_futex, p(0), {0, kFutexWait, 1, kMemory, 0, 0}},
    {"futex-wait-private", SYS_futex, p(0), {0, kFutexWait | kFutexPrivate, 1, kMemory, 0, 0}},
    {"futex-wait-time", SYS_futex, p(3), {kMemory, kFutexWait, 0, kMemory, 0, 0}, kNotNull},
    {"futex-wake", SYS_futex, p(0), {0, kFutexWake, 1, 0, 0, 0}},
    {"futex-requeue", SYS_futex, p(0) | p(4), {kMemory, kFutexCompareRequeue, 0, 1, kMemory, 0}},
};

const Call kSignalAndTimeCalls[] = {
    {"rt_sigaction", SYS_rt_sigaction, p(1) | p(2), {SIGUSR1, 0, 0, kSet}},
    {"rt_sigprocmask", SYS_rt_sigprocmask, p(1) | p(2), {SIG_BLOCK, 0, 0, kSet}},
    {"rt_sigpending", SYS_rt_sigpending, p(0), {kMemory, kSet}},
    {"rt_sigsuspend", SYS_rt_sigsuspend, p(0), {0, kSet}, kOnlyFaults},
    {"rt_sigtimedwait", SYS_rt_sigtimedwait, p(0) | p(1), {kMemory, kMemory, kMemory, kSet}},
    {"rt_sigtimedwait-time",
     SYS_rt_sigtimedwait,
     p(2),
     {kMemory, kMemory, kMemory, kSet},
     kNotNull},
    {"rt_sigqueueinfo", SYS_rt_sigqueueinfo, p(2), {1, 0, kMemory}, kOnlyFaults},
    {"rt_tgsigqueueinfo", SYS_rt_tgsigqueueinfo, p(3), {1, 1, 0, kMemory}, kOnlyFaults},
    {"sigaltstack", SYS_sigaltstack, p(0), {0, 0}, kOnlyFaults},
    {"sigaltstack-old", SYS_sigaltstack, p(1), {0, 0}},
    {"nanosleep", SYS_nanosleep, p(0) | p(1), {kMemory, kMemory}},
    {"clock_nanosleep", SYS_clock_nanosleep, p(2) | p(3), {CLOCK_MONOTONIC, 0, kMemory, kMemory}},
    {"clock_gettime", SYS_clock_gettime, p(1), {CLOCK_MONOTONIC, kMemory}},
    {"clock_getres", SYS_clock_getres, p(1), {CLOCK_MONOTONIC, kMemory}},
    {"clock_settime", SYS_clock_settime, p(1), {CLOCK_REALTIME, 0}, kOnlyFaults},
    {"gettimeofday", SYS_gettimeofday, p(0) | p(1), {kMemory, kMemory}},
    {"settimeofday", SYS_settimeofday, p(0), {0, 0}, kOnlyFaults},
    {"time", SYS_time, p(0), {0}, kOnlySign},
    {"timer_create", SYS_timer_create, p(1) | p(2), {CLOCK_MONOTONIC, 0, kMemory}},
    {"timerfd_gettime", SYS_timerfd_gettime, p(1), {kTimer, kMemory}},
    {"timerfd_settime", SYS_timerfd_settime, p(2) | p(3), {kTimer, 0, kMemory, kMemory}},
    {"signalfd", SYS_signalfd, p(1), {-1, kMemory, kSet}, kOnlySign},
    {"signalfd4", SYS_signalfd4, p(1), {-1, kMemory, kSet, 0}, kOnlySign},
    {"epoll_ctl", SYS_epoll_ctl, p(3), {kEpoll, 1, kReader, 0}},
    {"epoll_wait", SYS_epoll_wait, p(1), {kEpoll, kMemory, 4, 0}},
    {"epoll_wait-ready", SYS_epoll_wait, p(1), {kReadyEpoll, kMemory, 4, 0}},
    {"epoll_pwait", SYS_epoll_pwait, p(1) | p(4), {kEpoll, kMemory, 4, 0, 0, kSet}},
    {"epoll_pwait2", 441, p(1) | p(3) | p(4), {kEpoll, kMemory, 4, kMemory, 0, kSet}, kNotNull},
    {"getitimer", SYS_getitimer, p(1), {ITIMER_REAL, kMemory}},
    {"setitimer", SYS_setitimer, p(1) | p(2), {ITIMER_REAL, kMemory, kMemory}},
};

// Addresses that are not copied from or to, but managed.
const Call kMemoryCalls[] = {
    {"munmap", SYS_munmap, p(0), {0, 4096}},
    {"mprotect", SYS_mprotect, p(0), {0, 4096, PROT_READ}},
    {"madvise", SYS_madvise, p(0), {0, 4096, MADV_DONTNEED}},
    {"msync", SYS_msync, p(0), {0, 4096, MS_ASYNC}},
    {"mremap", SYS_mremap, p(0), {0, 4096, 4096, 0}, kOnlySign},
    {"mmap-hint", SYS_mmap, p(0), {0, 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0}, kOnlySign},
    {"mmap-fixed",
     SYS_mmap,
     p(0),
     {0, 4096, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0},
     kOnlySign | kNotNull | kOnlyPages},
};

// Which argument is a length; the memory it is of ends after a page.
constexpr long kNoWait = MSG_DONTWAIT, kNoWaitLook = MSG_DONTWAIT | MSG_PEEK;
const Call kSocketCalls[] = {
    {"socketpair", SYS_socketpair, p(3), {AF_UNIX, SOCK_STREAM, 0, 0}},
    {"bind", SYS_bind, p(1), {kSocket, 0, 16}},
    {"connect", SYS_connect, p(1), {kSocket, 0, 16}},
    {"getsockname", SYS_getsockname, p(1) | p(2), {kSocket, kMemory, kMemory}},
    {"getpeername", SYS_getpeername, p(1) | p(2), {kSocket, kMemory, kMemory}},
    {"setsockopt", SYS_setsockopt, p(3), {kSocket, SOL_SOCKET, SO_PASSCRED, 0, 4}},
    {"getsockopt", SYS_getsockopt, p(3) | p(4), {kSocket, SOL_SOCKET, SO_TYPE, kMemory, kMemory}},
    {"sendto", SYS_sendto, p(1) | p(4), {kSocket, kMemory, 4, kNoWait, 0, 16}},
    {"recvfrom",
     SYS_recvfrom,
     p(1) | p(4) | p(5),
     {kSocket, kMemory, 4, kNoWaitLook, kMemory, kMemory}},
    {"sendmsg", SYS_sendmsg, p(1), {kSocket, 0, kNoWait}},
    {"recvmsg", SYS_recvmsg, p(1), {kSocket, 0, kNoWaitLook}},
    {"sendmmsg", SYS_sendmmsg, p(1), {kSocket, 0, 1, kNoWait}},
    {"recvmmsg", SYS_recvmmsg, p(1) | p(4), {kSocket, kMemory, 1, kNoWaitLook, 0}},
};

const Call kLengthCalls[] = {
    {"read", SYS_read, p(2), {kFile, kMemory, 0}},
    {"write", SYS_write, p(2), {kWriter, kMemory, 0}},
    {"pread64", SYS_pread64, p(2) | p(3), {kFile, kMemory, 4, 0}},
    {"pwrite64-offset", SYS_pwrite64, p(3), {kFile, kMemory, 4, 0}},
    {"readv", SYS_readv, p(2), {kFile, kVector, 0}},
    {"writev", SYS_writev, p(2), {kFile, kVector, 0}},
    {"preadv", SYS_preadv, p(2) | p(3), {kFile, kVector, 1, 0, 0}},
    {"pwritev", SYS_pwritev, p(2) | p(3), {kFile, kVector, 1, 0, 0}},
    {"lseek", SYS_lseek, p(1), {kFile, 0, SEEK_SET}},
    {"lseek-end", SYS_lseek, p(1), {kFile, 0, SEEK_END}},
    {"ftruncate", SYS_ftruncate, p(1), {kFile, 0}},
    {"getdents64", SYS_getdents64, p(2), {kDirectory, kMemory, 0}, kOnlySign},
    {"getcwd", SYS_getcwd, p(1), {kMemory, 0}, kOnlySign},
    {"readlink", SYS_readlink, p(2), {kLinkName, kMemory, 0}},
    {"poll", SYS_poll, p(1), {kMemory, 0, 0}},
    {"select", SYS_select, p(0), {0, 0, 0, 0, kMemory}},
    {"sigprocmask", SYS_rt_sigprocmask, p(0) | p(3), {0, kMemory, 0, kSet}},
    {"sigaction", SYS_rt_sigaction, p(0) | p(3), {SIGUSR1, kMemory, 0, kSet}},
    {"getgroups", SYS_getgroups, p(0), {0, kMemory}, kOnlySign},
    {"setgroups", SYS_setgroups, p(0), {0, kMemory}},
    {"sched_getaffinity", SYS_sched_getaffinity, p(1), {0, 0, kMemory}, kOnlySign},
    {"clone3", SYS_clone3, p(1), {kMemory, 0}, kOnlySign},
    {"set_robust_list", SYS_set_robust_list, p(1), {kMemory, 0}},
    {"prlimit64", SYS_prlimit64, p(1), {0, 0, 0, kMemory}},
    {"getrusage", SYS_getrusage, p(0), {0, kMemory}},
    {"mmap",
     SYS_mmap,
     p(1),
     {0, 0, 0, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0},
     kOnlySign},
    {"mmap-offset", SYS_mmap, p(5), {0, 4096, PROT_READ, MAP_PRIVATE, kFile, 0}, kOnlySign},
    {"madvise", SYS_madvise, p(1), {kMemory, 0, MADV_NORMAL}},
    {"dup", SYS_dup, p(0), {0}, kOnlySign},
    {"dup2", SYS_dup2, p(1), {0, 0}},
    {"fcntl", SYS_fcntl, p(1) | p(2), {kFile, F_DUPFD, 0}},
    {"kill", SYS_kill, p(1), {0, 0}},
};

struct Fixture {
    long values[kPlaces - kFile];
    char* read_only;
    char* forbidden;  ///< PROT_NONE
    char* end;        ///< of a page, behind which nothing is
};

/// A page at a place of its own, with nothing around it, and far from the end of what can be
/// addressed: so that lengths end alike wherever a kernel puts mappings.
char* map_page(unsigned long where, int protection) {
    void* at = mmap(reinterpret_cast<void*>(where), 4096, protection,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (at == MAP_FAILED) abi::fail("wild.cpp", __LINE__, "mmap: %s", strerror(errno));
    return static_cast<char*>(at);
}

long as_long(long value) {
    return value;
}
long as_long(const void* at) {
    return reinterpret_cast<long>(at);
}

Fixture make_fixture() {
    for (int fd = 3; fd < 20; ++fd) close(fd);
    close(0);
    CHECK_EQ(open("/dev/null", O_RDWR), 0);
    Fixture made = {};
    const auto set = [&](Place place, auto value) { made.values[place - kFile] = as_long(value); };
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(write(ends[1], "0123456789abcdef", 16), 16);
    set(kReader, ends[0]);
    set(kWriter, ends[1]);
    set(kFile, abi::make_file("file", "0123456789abcdef"));
    set(kDirectory, open(".", O_RDONLY | O_DIRECTORY));
    mkdir("dir", 0755);
    (void)!symlink("file", "link");
    close(abi::make_file("broken", "no program"));
    CHECK_EQ(chmod("broken", 0755), 0);
    set(kMemory, map_page(0x2000'0000, PROT_READ | PROT_WRITE));
    set(kName, "file");
    set(kDirName, "dir");
    set(kNewName, "new");
    set(kLinkName, "link");
    set(kBroken, "broken");
    set(kTimer, timerfd_create(CLOCK_MONOTONIC, 0));
    set(kInotify, inotify_init1(IN_NONBLOCK));
    int pair[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair), 0);
    CHECK_EQ(write(pair[1], "sixteen letters.", 16), 16);
    set(kSocket, pair[0]);
    set(kEpoll, epoll_create1(0));
    const int ready = epoll_create1(0);
    set(kReadyEpoll, ready);
    epoll_event event = {};
    event.events = EPOLLIN;
    CHECK_EQ(epoll_ctl(ready, EPOLL_CTL_ADD, ends[0], &event), 0);
    set(kXattr, "bogus.name");
    static char bytes[4];
    static iovec vector = {bytes, sizeof bytes};
    set(kVector, &vector);
    static void* words[1] = {};
    set(kEmptyWords, words);
    made.read_only = map_page(0x2001'0000, PROT_READ);
    made.forbidden = map_page(0x2002'0000, PROT_NONE);
    made.end = map_page(0x2003'0000, PROT_READ | PROT_WRITE) + 4096;
    memset(made.end - 4096, 'x', 4096);
    return made;
}

struct Value {
    const char* name;
    long value;
};

/// One call; what it gave goes to the end of `line`.
size_t add_result(char* line, size_t used, size_t size, const Call& call, const long* a,
                  const char* name) {
    errno = 0;
    const long result = syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
    const int error = errno;
    const bool clones = call.number == SYS_clone || call.number == SYS_clone3;
    if (clones && result == 0) _exit(0);
    if (clones && result > 0) waitpid(static_cast<pid_t>(result), nullptr, 0);
    char text[32];
    if (result == -1 && error != 0) {
        snprintf(text, sizeof text, "-%d", error);
    } else if ((call.flags & kOnlySign) != 0) {
        snprintf(text, sizeof text, "fine");
    } else {
        snprintf(text, sizeof text, "%ld", result);
    }
    const int more = snprintf(line + used, size - used, " %s=%s", name, text);
    return used + static_cast<size_t>(more);
}

/// A line for one argument of one call, from a child of its own.
void show(const Call& call, int argument, const Value* values, size_t count) {
    char tree[] = "wild-XXXXXX";
    CHECK(mkdtemp(tree) != nullptr);
    const int status = abi::status_of([&] {
        CHECK_EQ(chdir(tree), 0);
        const Fixture fixture = make_fixture();
        char line[1024];
        auto used =
            static_cast<size_t>(snprintf(line, sizeof line, "saw %s.%d", call.name, argument));
        for (size_t i = 0; i < count; ++i) {
            long a[6];
            for (int k = 0; k < 6; ++k) {
                const long given = call.arguments[k];
                a[k] = given >= kFile && given < kPlaces ? fixture.values[given - kFile] : given;
            }
            a[argument] = values[i].value;
            if (values[i].value == -4) a[argument] = reinterpret_cast<long>(fixture.end - 4);
            if (values[i].value == -5) a[argument] = reinterpret_cast<long>(fixture.read_only);
            if (values[i].value == -6) a[argument] = reinterpret_cast<long>(fixture.forbidden);
            lseek(static_cast<int>(fixture.values[0]), 0, SEEK_SET);
            alarm(10);
            used = add_result(line, used, sizeof line, call, a, values[i].name);
        }
        printf("%s\n", line);
        fflush(stdout);
    });
    if (status != 0) printf("saw %s.%d ended with %#x\n", call.name, argument, status);
}

template <size_t kCount>
void show_pointers(const Call (&calls)[kCount]) {
    constexpr Value kWild[] = {
        {"null", 0},
        {"low", 0x1000},
        {"kernel", static_cast<long>(0xffff800000000000)},
        {"kernel-text", static_cast<long>(0xffffffff80000000)},
        {"non-canonical", 0x0100000000000000},
        {"above-user", 0x7ffffffff000},
        {"all-ones", -1},
        {"forbidden", -6},
        {"crossing", -4},
        {"read-only", -5},
    };
    for (const Call& call : calls) {
        for (int argument = 0; argument < 6; ++argument) {
            if ((call.pointers & p(argument)) == 0) continue;
            Value values[sizeof kWild / sizeof kWild[0]];
            size_t count = 0;
            for (const Value& value : kWild) {
                if (value.value == 0 && (call.flags & (kNotNull | kOnlyFaults)) != 0) continue;
                const bool whole = value.value != -1 && value.value != -4;
                if (!whole && (call.flags & kOnlyPages) != 0) continue;
                if (value.value == -5 && (call.flags & kOnlyFaults) != 0) continue;
                values[count++] = value;
            }
            show(call, argument, values, count);
        }
    }
}

}  // namespace

ABI_TEST(wild_pointers_to_calls_of_files) {
    show_pointers(kFileCalls);
}

ABI_TEST(wild_pointers_to_calls_of_names) {
    show_pointers(kNameCalls);
}

ABI_TEST(wild_pointers_to_calls_of_processes) {
    show_pointers(kProcessCalls);
}

ABI_TEST(wild_pointers_to_calls_of_signals_and_time) {
    show_pointers(kSignalAndTimeCalls);
}

ABI_TEST(wild_pointers_to_calls_of_sockets) {
    show_pointers(kSocketCalls);
}

ABI_TEST(wild_addresses_of_mappings) {
    show_pointers(kMemoryCalls);
}

ABI_TEST(wild_lengths_and_numbers) {
    constexpr Value kHuge[] = {
        {"2^31-1", 0x7fffffff},
        {"2^31", 0x80000000},
        {"2^32-1", 0xffffffff},
        {"2^47", 1L << 47},
        {"2^63-4096", INT64_MAX - 4095},
        {"2^63-1", INT64_MAX},
        {"2^63", INT64_MIN},
        {"2^64-1", -1},
    };
    for (const Call& call : kLengthCalls) {
        for (int argument = 0; argument < 6; ++argument) {
            if ((call.pointers & p(argument)) == 0) continue;
            show(call, argument, kHuge, sizeof kHuge / sizeof kHuge[0]);
        }
    }
}
