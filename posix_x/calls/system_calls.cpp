// uname(2), sysinfo(2), limits, random numbers: the machine as a whole.
#include <algorithm>
#include <cstring>

#include "abi/linux/capability.h"
#include "kernel/core/load_average.h"
#include "kernel/core/log.h"
#include "kernel/core/random.h"
#include "kernel/mm/frames.h"
#include "posix_x/calls.h"
#include "posix_x/process_table.h"
#include "posix_x/system_name.h"
#include "posix_x/times.h"

namespace exo::posix {
namespace {

Result<long> set_name(Task& task, UserAddr in, std::uint64_t length,
                      void (*set)(std::string_view name)) {
    if (!task.process().credentials()->capable(abi::kCapSysAdmin)) return Errno::PERM;
    char text[kNodeNameBytes] = {};
    if (length >= sizeof text) return Errno::INVAL;
    TRY(read_user(text, in, length));
    set({text, length});
    return 0;
}

}  // namespace

Result<long> sys_uname(Task& task, UserAddr out) {
    abi::UtsName name = system_name();
    constexpr char kMachine32[] = "i686";
    const std::uint32_t personality = task.process().personality.load(std::memory_order_relaxed);
    if ((personality & ~abi::kPersonalityNoRandomize) == abi::kPersonalityLinux32)
        std::memcpy(name.machine, kMachine32, sizeof kMachine32);
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
        if (found->credentials()->uid != who->uid && !who->capable(abi::kCapSysResource))
            return Errno::PERM;
        target = RefPtr<Process>(found);
    }
    const abi::ResourceLimit before = target->limits.get(limit);
    if (!in.is_null()) {
        const abi::ResourceLimit next = TRY(in.read());
        if (next.current > next.maximum) return Errno::INVAL;
        if (next.maximum > before.maximum &&
            !task.process().credentials()->capable(abi::kCapSysResource))
            return Errno::PERM;
        if (limit == abi::Limit::kFiles && next.maximum > HandleTable::kMaxHandles)
            return Errno::PERM;
        target->limits.set(limit, next);
        if (const auto space = target->pin_memory().space) target->limit_space(*space);
        if (limit == abi::Limit::kCpu) target->limit_alarm.set_limit(next.current, next.maximum);
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

}  // namespace exo::posix
