// prctl(2).
#include "abi/linux/capability.h"
#include "kernel/arch/user_copy.h"
#include "posix_x/calls.h"
#include "posix_x/identity.h"
#include "posix_x/process_table.h"

namespace exo::posix {

namespace {

enum Operation : std::uint32_t {
    kSetDeathSignal = 1,
    kGetDeathSignal = 2,
    kGetDumpable = 3,
    kSetDumpable = 4,
    kGetKeepCaps = 7,
    kSetKeepCaps = 8,
    kSetName = 15,
    kGetName = 16,
    kReadBounding = 23,
    kDropBounding = 24,
    kGetSecureBits = 27,
    kSetSecureBits = 28,
    kSetChildSubreaper = 36,
    kGetChildSubreaper = 37,
    kSetNoNewPrivileges = 38,
    kGetNoNewPrivileges = 39,
    kAmbient = 47,
};

/// The arguments after the operation.
struct Arguments {
    std::uint64_t first, second, third, fourth;
};

bool is_capability(std::uint64_t number) {
    return number <= abi::kCapLast;
}

Result<void> set_secure_bits(Credentials& who, std::uint64_t wanted) {
    const std::uint32_t locked = who.secure_bits & abi::kSecureLocks;
    const bool changes_locked = ((who.secure_bits ^ wanted) & locked >> 1) != 0;
    const bool unlocks = (locked & ~wanted) != 0;
    const bool unknown = (wanted & ~std::uint64_t{abi::kSecureBits | abi::kSecureLocks}) != 0;
    if (changes_locked || unlocks || unknown || !who.capable(abi::kCapSetpcap)) return Errno::PERM;
    who.secure_bits = static_cast<std::uint32_t>(wanted);
    return {};
}

Result<void> keep_capabilities(Credentials& who, std::uint64_t keep) {
    if (keep > 1) return Errno::INVAL;
    if ((who.secure_bits & abi::kSecureKeepCaps << 1) != 0) return Errno::PERM;
    who.secure_bits &= ~abi::kSecureKeepCaps;
    if (keep == 1) who.secure_bits |= abi::kSecureKeepCaps;
    return {};
}

Result<void> drop_from_bounding(Credentials& who, std::uint64_t capability) {
    if (!who.capable(abi::kCapSetpcap)) return Errno::PERM;
    if (!is_capability(capability)) return Errno::INVAL;
    who.capabilities.bounding &= ~(std::uint64_t{1} << capability);
    return {};
}

Result<void> raise_ambient(Credentials& who, std::uint64_t capability) {
    CapabilitySets& sets = who.capabilities;
    const std::uint64_t bit = std::uint64_t{1} << capability;
    if ((sets.permitted & sets.inheritable & bit) == 0) return Errno::PERM;
    if ((who.secure_bits & abi::kSecureNoAmbientRaise) != 0) return Errno::PERM;
    sets.ambient |= bit;
    return {};
}

Result<long> control_ambient(Process& process, const Arguments& arguments) {
    const std::uint64_t capability = arguments.second;
    if (arguments.third != 0 || arguments.fourth != 0) return Errno::INVAL;
    if (arguments.first == abi::kAmbientClearAll) {
        if (capability != 0) return Errno::INVAL;
        return change_credentials(process, [](Credentials& who) { who.capabilities.ambient = 0; });
    }
    if (!is_capability(capability)) return Errno::INVAL;
    switch (arguments.first) {
        case abi::kAmbientIsSet:
            return static_cast<long>(process.credentials()->capabilities.ambient >> capability & 1);
        case abi::kAmbientRaise:
            return change_credentials(
                process, [&](Credentials& who) { return raise_ambient(who, capability); });
        case abi::kAmbientLower:
            return change_credentials(process, [&](Credentials& who) {
                who.capabilities.ambient &= ~(std::uint64_t{1} << capability);
            });
        default:
            return Errno::INVAL;
    }
}

/// What is about capabilities and privileges. INVAL for any other operation.
Result<long> control_privileges(Process& process, std::uint32_t operation,
                                const Arguments& arguments) {
    const std::uint64_t value = arguments.first;
    const auto who = process.credentials();
    switch (operation) {
        case kSetNoNewPrivileges:
            if (value != 1 || arguments.second != 0 || arguments.third != 0 ||
                arguments.fourth != 0)
                return Errno::INVAL;
            return change_credentials(process,
                                      [](Credentials& next) { next.no_new_privileges = true; });
        case kGetNoNewPrivileges:
            if (value != 0 || arguments.second != 0 || arguments.third != 0 ||
                arguments.fourth != 0)
                return Errno::INVAL;
            return who->no_new_privileges ? 1 : 0;
        case kGetKeepCaps:
            return (who->secure_bits & abi::kSecureKeepCaps) != 0 ? 1 : 0;
        case kSetKeepCaps:
            return change_credentials(
                process, [&](Credentials& next) { return keep_capabilities(next, value); });
        case kReadBounding:
            if (!is_capability(value)) return Errno::INVAL;
            return static_cast<long>(who->capabilities.bounding >> value & 1);
        case kDropBounding:
            return change_credentials(
                process, [&](Credentials& next) { return drop_from_bounding(next, value); });
        case kGetSecureBits:
            return who->secure_bits;
        case kSetSecureBits:
            return change_credentials(
                process, [&](Credentials& next) { return set_secure_bits(next, value); });
        case kAmbient:
            return control_ambient(process, arguments);
        default:
            return Errno::INVAL;
    }
}

/// What happens when a parent ends: to this process, and to what its descendants leave behind.
/// INVAL for any other operation.
Result<long> control_kinship(Task& task, std::uint32_t operation, std::uint64_t value) {
    Kinship& own = task.process().kin;
    switch (operation) {
        case kSetDeathSignal: {
            if (value > abi::kSignals) return Errno::INVAL;
            const auto held = process_table().lock();
            own.parent_death_signal = static_cast<Signal>(value);
            return 0;
        }
        case kSetChildSubreaper: {
            const auto held = process_table().lock();
            own.adopts_descendants = value != 0;
            return 0;
        }
        case kGetDeathSignal:
        case kGetChildSubreaper: {
            std::int32_t told;
            {
                const auto held = process_table().lock();
                told = operation == kGetDeathSignal
                           ? static_cast<std::int32_t>(own.parent_death_signal)
                           : static_cast<std::int32_t>(own.adopts_descendants);
            }
            TRY(UserOut<std::int32_t>{UserAddr{value}}.write(told));
            return 0;
        }
        default:
            return Errno::INVAL;
    }
}

}  // namespace

Result<long> sys_prctl(Task& task, std::uint32_t operation, std::uint64_t value,
                       std::uint64_t third, std::uint64_t fourth, std::uint64_t fifth) {
    switch (operation) {
        case kSetDeathSignal:
        case kGetDeathSignal:
        case kSetChildSubreaper:
        case kGetChildSubreaper:
            return control_kinship(task, operation, value);
        case kGetDumpable:
            return task.process().dumpable.load(std::memory_order_relaxed) ? 1 : 0;
        case kSetDumpable:
            if (value > 1) return Errno::INVAL;
            task.process().dumpable.store(value == 1, std::memory_order_relaxed);
            return 0;
        case kSetName: {
            char name[Thread::kNameBytes];
            const std::ptrdiff_t length = arch::copy_string_from_user(name, value, sizeof name);
            if (length < 0) return Errno::FAULT;
            task.set_name({name, static_cast<std::size_t>(length)});
            return 0;
        }
        case kGetName: {
            char name[Thread::kNameBytes] = {};
            task.name().copy(name, sizeof name - 1);
            TRY(write_user(UserAddr{value}, name, sizeof name));
            return 0;
        }
        default:
            return control_privileges(task.process(), operation, {value, third, fourth, fifth});
    }
}

}  // namespace exo::posix
