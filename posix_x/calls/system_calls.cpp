// uname(2), sysinfo(2), limits, scheduling, random numbers, the log, power: the machine as a whole.
#include <algorithm>
#include <cstring>

#include "kernel/core/load_average.h"
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/mm/frames.h"
#include "posix_x/calls.h"
#include "posix_x/process_table.h"
#include "posix_x/start.h"
#include "posix_x/system_name.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

constexpr unsigned kSysResource = 24, kSysAdmin = 21, kSysBoot = 22;

Result<long> set_name(Task& task, UserAddr in, std::uint64_t length,
                      void (*set)(std::string_view name)) {
    if (!task.process().credentials()->capable(kSysAdmin)) return Errno::PERM;
    char text[kNodeNameBytes] = {};
    if (length >= sizeof text) return Errno::INVAL;
    TRY(read_user(text, in, length));
    set({text, length});
    return 0;
}

}  // namespace

Result<long> sys_uname(Task&, UserAddr out) {
    const abi::UtsName name = system_name();
    TRY(write_user(out, &name, sizeof name));
    return 0;
}

Result<long> sys_sethostname(Task& task, UserAddr in, std::uint64_t length) {
    return set_name(task, in, length, set_node_name);
}

Result<long> sys_setdomainname(Task& task, UserAddr in, std::uint64_t length) {
    return set_name(task, in, length, set_domain_name);
}

Result<long> sys_sysinfo(Task&, UserOut<abi::SysInfo> out) {
    const MemoryUse memory = memory_use();
    abi::SysInfo info = {};
    info.uptime_seconds = static_cast<std::int64_t>(arch::now_ns()) / kNsPerSecond;
    constexpr unsigned kSysInfoShift = 16;
    const auto loads = load_averages();
    for (std::size_t i = 0; i < loads.size(); ++i)
        info.loads[i] = loads[i] << (kSysInfoShift - kLoadShift);
    info.total_ram = memory.total_bytes;
    info.free_ram = memory.free_bytes;
    info.processes = static_cast<std::uint16_t>(process_table().lock()->count());
    info.unit = 1;
    TRY(out.write(info));
    return 0;
}

Result<long> sys_prlimit64(Task& task, Pid pid, std::uint32_t which, UserIn<abi::ResourceLimit> in,
                           UserOut<abi::ResourceLimit> out) {
    if (which >= abi::kLimits) return Errno::INVAL;
    const auto limit = static_cast<abi::Limit>(which);
    RefPtr<Process> target(&task.process());
    if (pid != 0 && pid != target->pid) {
        auto table = process_table().lock();
        Process* found = table->find(pid);
        if (found == nullptr) return Errno::SRCH;
        const auto who = task.process().credentials();
        if (found->credentials()->uid != who->uid && !who->capable(kSysResource))
            return Errno::PERM;
        target = RefPtr<Process>(found);
    }
    const abi::ResourceLimit before = target->limit(limit);
    if (!in.is_null()) {
        const abi::ResourceLimit next = TRY(in.read());
        if (next.current > next.maximum) return Errno::INVAL;
        if (next.maximum > before.maximum && !task.process().credentials()->capable(kSysResource))
            return Errno::PERM;
        if (limit == abi::Limit::kFiles && next.maximum > HandleTable::kMaxHandles)
            return Errno::PERM;
        target->set_limit(limit, next);
        if (const auto space = target->pin_memory().space) target->limit_space(*space);
    }
    if (!out.is_null()) TRY(out.write(before));
    return 0;
}
Result<long> sys_getrlimit(Task& task, std::uint32_t which, UserOut<abi::ResourceLimit> out) {
    if (which < abi::kLimits && out.is_null()) return Errno::FAULT;
    return sys_prlimit64(task, 0, which, {}, out);
}
Result<long> sys_setrlimit(Task& task, std::uint32_t which, UserIn<abi::ResourceLimit> in) {
    if (in.is_null()) return Errno::FAULT;
    return sys_prlimit64(task, 0, which, in, {});
}

Result<long> sys_sched_yield(Task&) {
    yield();
    return 0;
}

namespace {

/// The thread with that id, 0 for the running one; only whether it is there. SRCH.
Result<void> check_thread(Pid tid) {
    if (tid < 0) return Errno::INVAL;
    if (tid != 0 && process_table().lock()->find_task(tid) == nullptr) return Errno::SRCH;
    return {};
}

std::uint64_t all_cpus() {
    const std::uint32_t cpus = online_cpus();
    return cpus >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << cpus) - 1;
}

}  // namespace

Result<long> sys_sched_getaffinity(Task&, Pid tid, std::uint32_t bytes,
                                   UserOut<std::uint64_t> out) {
    // In bits, and with 32 of them, as Linux has it: 2^31 bytes are none.
    if (bytes * 8 < online_cpus() || bytes % sizeof(std::uint64_t) != 0) return Errno::INVAL;
    TRY(check_thread(tid));
    TRY(out.write(all_cpus()));
    return sizeof(std::uint64_t);
}

Result<long> sys_sched_setaffinity(Task&, Pid tid, std::uint32_t bytes, UserAddr in) {
    std::uint64_t mask = 0;
    TRY(read_user(&mask, in, std::min<std::size_t>(bytes, sizeof mask)));
    TRY(check_thread(tid));
    if ((mask & all_cpus()) != all_cpus()) return Errno::INVAL;
    return 0;
}

Result<long> sys_sched_getscheduler(Task&, Pid tid) {
    TRY(check_thread(tid));
    return 0;
}
Result<long> sys_sched_setscheduler(Task&, Pid tid, std::uint32_t policy, UserIn<std::int32_t> in) {
    if (in.is_null()) return Errno::INVAL;
    TRY(check_thread(tid));
    const std::int32_t priority = TRY(in.read());
    if (policy != 0 || priority != 0) return Errno::INVAL;
    return 0;
}
Result<long> sys_sched_getparam(Task&, Pid tid, UserOut<std::int32_t> out) {
    if (out.is_null()) return Errno::INVAL;
    TRY(check_thread(tid));
    TRY(out.write(0));
    return 0;
}
Result<long> sys_sched_get_priority_max(Task&, std::uint32_t policy) {
    constexpr std::uint32_t kFifo = 1, kRoundRobin = 2, kLast = 6;
    if (policy > kLast || policy == 4) return Errno::INVAL;
    return policy == kFifo || policy == kRoundRobin ? 99 : 0;
}
Result<long> sys_sched_get_priority_min(Task& task, std::uint32_t policy) {
    return TRY(sys_sched_get_priority_max(task, policy)) == 0 ? 0 : 1;
}

Result<long> sys_getcpu(Task&, UserOut<std::uint32_t> cpu, UserOut<std::uint32_t> node) {
    if (!cpu.is_null()) TRY(cpu.write(this_cpu().id));
    if (!node.is_null()) TRY(node.write(0));
    return 0;
}

Result<long> sys_getrandom(Task&, UserAddr out, std::uint64_t bytes, Flags flags) {
    constexpr std::uint32_t kNonBlock = 1, kRandom = 2, kInsecure = 4;
    if (!flags.only(kNonBlock | kRandom | kInsecure)) return Errno::INVAL;
    if (flags.has(kRandom) && flags.has(kInsecure)) return Errno::INVAL;
    bytes = std::min(bytes, abi::kMaxTransfer);
    std::uint64_t done = 0;
    while (done < bytes) {
        std::byte piece[256];
        const std::size_t now = std::min<std::uint64_t>(bytes - done, sizeof piece);
        fill_random(piece, now);
        const std::size_t missing = arch::copy_to_user((out + done).value, piece, now);
        done += now - missing;
        if (missing != 0)
            return done == 0 ? Result<long>(Errno::FAULT) : Result<long>(static_cast<long>(done));
        if (should_yield()) yield();
        if (this_thread().interrupted()) break;
    }
    return static_cast<long>(done);
}

Result<long> sys_reboot(Task& task, std::uint32_t magic1, std::uint32_t magic2,
                        std::uint32_t operation, std::uint64_t) {
    constexpr std::uint32_t kMagic1 = 0xfee1dead, kRestart = 0x01234567, kHalt = 0xcdef0123;
    constexpr std::uint32_t kPowerOff = 0x4321fedc, kCadOn = 0x89abcdef, kCadOff = 0;
    if (!task.process().credentials()->capable(kSysBoot)) return Errno::PERM;
    const bool known2 =
        magic2 == 672274793 || magic2 == 85072278 || magic2 == 369367448 || magic2 == 537993216;
    if (magic1 != kMagic1 || !known2) return Errno::INVAL;
    if (operation == kCadOn || operation == kCadOff) return 0;
    if (operation != kRestart && operation != kHalt && operation != kPowerOff) return Errno::INVAL;
    end_system(WaitStatus::exited(0));
}

}  // namespace exo::posix
