// The personality's start: device nodes, the root file system from the initrd, the first process.
#include "posix_x/start.h"

#include "kernel/arch/cpu.h"
#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/scheduler.h"
#include "kernel/fs/devices.h"
#include "kernel/fs/initrd.h"
#include "kernel/fs/mounts.h"
#include "kernel/fs/names.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/ipc/pipe.h"
#include "kernel/mm/heap.h"
#include "kernel/personality.h"
#include "posix_x/dispatch.h"
#include "posix_x/exec.h"
#include "posix_x/futex.h"
#include "posix_x/init_words.h"
#include "posix_x/out_of_memory.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/procfs.h"
#include "posix_x/sysfs/sysfs.h"
#include "posix_x/terminal.h"
#include "posix_x/vdso.h"

namespace exo::posix {
namespace {

constinit const arch::BootInfo* boot = nullptr;

Result<void> start_subsystems() {
    TRY(create_process_table());
    TRY(create_futex_table());
    TRY(start_out_of_memory());
    TRY(create_call_statistics());
    TRY(start_vdso());
    TRY(start_file_systems());
    set_fifo_opener(open_fifo);
    TRY(start_terminals());
    TRY(register_procfs());
    TRY(register_sysfs());
    const bool trace = boot_flag("exo.trace") || boot_option("exo.trace") == "1";
    trace_calls(trace);
    if (!trace) start_fast_calls();
    return {};
}

/// The root: a tmpfs with what the initrd holds.
Result<void> start_root() {
    TmpfsOptions options;
    options.root_mode = 0755;
    auto root = TRY(create_tmpfs(options));
    TRY(mount_root(*root, "rootfs"));
    const arch::MemoryRange initrd = boot->initrd;
    if (initrd.begin == initrd.end) {
        log(LogLevel::kError, "initrd", "there is none: the root file system is empty");
        return {};
    }
    const std::span archive(direct_pointer<const std::byte>(PhysAddr(initrd.begin)),
                            initrd.end - initrd.begin);
    // As on Linux, what could be unpacked is what there is; the log tells of the rest.
    static_cast<void>(unpack_initrd(archive, *root_dentry()));
    free_range(initrd);
    return {};
}

/// Linux gives an initrd without /dev/console one (usr/default_cpio_list): so that the first
/// program has its descriptors.
void ensure_console(const WalkStart& start, const Credentials& who) {
    // EXIST is what is wanted; anything else shows when the console is opened.
    static_cast<void>(make_node(start, "/dev", FileType::kDirectory, 0755, {}, who));
    static_cast<void>(
        make_node(start, "/dev/console", FileType::kCharacterDevice, 0600, {5, 1}, who));
}

ResourceLimits::All default_limits() {
    ResourceLimits::All limits;
    limits.fill({abi::kUnlimited, abi::kUnlimited});
    const auto set = [&](abi::Limit which, std::uint64_t current, std::uint64_t maximum) {
        limits[static_cast<std::size_t>(which)] = {current, maximum};
    };
    constexpr std::uint64_t kMiB = 1024 * 1024;
    set(abi::Limit::kStack, 8 * kMiB, abi::kUnlimited);
    set(abi::Limit::kCore, 0, abi::kUnlimited);
    set(abi::Limit::kProcesses, 16384, 16384);
    set(abi::Limit::kFiles, 1024, 4096);
    set(abi::Limit::kLocked, 8 * kMiB, 8 * kMiB);
    set(abi::Limit::kPendingSignals, 16384, 16384);
    set(abi::Limit::kMessageQueue, 819200, 819200);
    set(abi::Limit::kNice, 0, 0);
    set(abi::Limit::kRealTimePriority, 0, 0);
    return limits;
}

Result<Ref<Task>> create_init() {
    const auto root = root_dentry();
    auto who = TRY(make_ref<Credentials>());
    auto places = TRY(make_ref<Places>(root, root, Mode{022}));
    Pid pid;
    {
        auto table = process_table().lock();
        pid = TRY(table->reserve_id());
    }
    auto process = TRY(make_ref<Process>(pid, std::move(places), Ref<const Credentials>(*who)));
    process->limits.set_all(default_limits());
    process->handles = TRY(HandleTable::create());
    process->space = TRY(AddressSpace::create());
    process->start_ns = arch::now_ns();
    auto task = TRY(Task::create(process, "init"));
    task->tid = pid;
    auto table = process_table().lock();
    table->add(*process, nullptr, pid, pid);
    table->set_task(pid, task.get());
    auto state = process->signals.lock();
    state->first_thread = task.get();
    state->thread_count.store(1, std::memory_order_relaxed);
    return task;
}

Result<void> open_console(Task& task) {
    const WalkStart start = task.process().places().walk_start();
    const auto who = task.process().credentials();
    ensure_console(start, *who);
    OpenRequest request;
    request.access = Rights::kRead | Rights::kWrite;
    const auto console = TRY(open_path(start, "/dev/console", request, *who));
    HandleTable& handles = *task.process().handles;
    for (int i = 0; i < 3; ++i) {
        auto reservation = TRY(handles.reserve(HandleTable::kMaxHandles));
        reservation.commit({console, Rights::kAll}, CloseOnExec::kNo);
    }
    return {};
}

Result<void> execute_init(Task& task, std::string_view path) {
    const std::uint64_t limit = argument_limit(task.process());
    const auto who = task.process().credentials();
    auto file = TRY(walk(task.process().places().walk_start(), path, LastLink::kFollow, *who));
    ProgramStart start{.file = std::move(file), .path = path, .arguments = {}, .environment = {}};
    TRY(append_init_words(start, boot->command_line(), limit));
    return execute(task, start, task.user_frame());
}

/// Goes through the usual places. A program that is there and cannot be run is told of, and the
/// next one is tried, as Linux does.
Result<void> execute_usual_init(Task& task) {
    for (const std::string_view path :
         {"/init", "/sbin/init", "/etc/init", "/bin/init", "/bin/sh"}) {
        const Result<void> done = execute_init(task, path);
        if (done) return done;
        if (done.error() == Errno::NOENT) continue;
        log(LogLevel::kError, "init", "{} exists but cannot be run: {} (error -{})", path,
            errno_text(done.error()), done.error());
    }
    return Errno::NOENT;
}

/// Runs as the first process's thread, before it enters its program.
void begin_init(Task& task) {
    const Result<void> opened = open_console(task);
    if (!opened) log(LogLevel::kWarning, "init", "no console: {}", errno_text(opened.error()));
    log_unknown_words(boot->command_line());
    // LINUX-DIFF: the root stays the initrd's, so init= and rdinit= name the same.
    std::string_view wanted = boot_option("rdinit");
    if (wanted.empty()) wanted = boot_option("init");
    if (wanted.empty()) {
        if (!execute_usual_init(task)) panic("no working init found: try init= or another initrd");
    } else if (const Result<void> done = execute_init(task, wanted); !done) {
        panic_format("requested init {} failed: {} (error -{})", wanted, errno_text(done.error()),
                     done.error());
    }
    log_info("init", "running after {} us", arch::now_ns() / 1000);
}

}  // namespace

void end_system(WaitStatus status) {
    if (boot_option("exo.exit") == "1") {
        const std::int32_t signal = status.word & 0x7f;
        const auto code = static_cast<std::uint32_t>(signal != 0 ? 128 + signal : status.word >> 8);
        arch::exit_emulator(code);
    }
    panic_format("init ended with status {:#x}", static_cast<std::uint32_t>(status.word));
}

}  // namespace exo::posix

void exo::start_personality(const arch::BootInfo& boot_info) {
    using namespace exo::posix;
    boot = &boot_info;
    const Result<void> started = start_subsystems();
    if (!started) panic_format("cannot start: {}", errno_text(started.error()));
    const Result<void> root = start_root();
    if (!root) panic_format("no root file system: {}", errno_text(root.error()));
    const auto init = create_init();
    if (!init) panic_format("cannot make the first process: {}", errno_text(init.error()));
    (*init)->before_program = begin_init;
    start_thread(**init);
}
