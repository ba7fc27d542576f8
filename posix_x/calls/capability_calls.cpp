// capget(2), capset(2).
#include "posix_x/calls.h"
#include "posix_x/capabilities.h"
#include "posix_x/identity.h"
#include "posix_x/process_table.h"

namespace exo::posix {

namespace {

/// How many abi::CapabilityData a header's version has; tells the newest one where it is unknown.
/// INVAL, FAULT.
Result<std::size_t> parts_of(UserAddr header) {
    switch (TRY(UserIn<std::uint32_t>{header}.read())) {
        case abi::kCapabilityVersion1:
            return 1;
        case abi::kCapabilityVersion2:
        case abi::kCapabilityVersion3:
            return 2;
        default:
            TRY(UserOut<std::uint32_t>{header}.write(abi::kCapabilityVersion3));
            return Errno::INVAL;
    }
}

}  // namespace

// Without `data` an unknown version is no error: so a program asks for the newest one.
Result<long> sys_capget(Task& task, UserAddr header, UserOut<abi::CapabilityData> data) {
    const auto parts = parts_of(header);
    const bool asks_version = data.is_null() && (parts || parts.error() == Errno::INVAL);
    if (asks_version) return 0;
    const std::size_t count = TRY(parts);
    const auto pid = TRY(UserIn<abi::CapabilityHeader>{header}.read()).pid;
    if (pid < 0) return Errno::INVAL;
    const auto who = TRY(find_thread(task, pid))->process().credentials();
    const CapabilitySets& sets = who->capabilities;
    for (std::size_t i = 0; i < count; ++i) {
        const auto word = [i](std::uint64_t set) {
            return static_cast<std::uint32_t>(set >> 32 * i);
        };
        TRY(data.write(i, {word(sets.effective), word(sets.permitted), word(sets.inheritable)}));
    }
    return 0;
}

Result<long> sys_capset(Task& task, UserAddr header, UserIn<abi::CapabilityData> data) {
    const std::size_t count = TRY(parts_of(header));
    const auto pid = TRY(UserIn<abi::CapabilityHeader>{header}.read()).pid;
    if (pid != 0 && pid != task.tid) return Errno::PERM;
    CapabilitySets wanted = {0, 0, 0, 0, 0};
    for (std::size_t i = 0; i < count; ++i) {
        const auto part = TRY(data.read(i));
        wanted.effective |= std::uint64_t{part.effective} << 32 * i;
        wanted.permitted |= std::uint64_t{part.permitted} << 32 * i;
        wanted.inheritable |= std::uint64_t{part.inheritable} << 32 * i;
    }
    return change_credentials(task.process(), [&](Credentials& next) {
        return set_capabilities(next, wanted.permitted & CapabilitySets::kAll,
                                wanted.effective & CapabilitySets::kAll,
                                wanted.inheritable & CapabilitySets::kAll);
    });
}

}  // namespace exo::posix
