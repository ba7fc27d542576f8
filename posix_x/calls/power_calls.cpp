// reboot(2): the ends of the machine.
#include <string_view>

#include "abi/linux/capability.h"
#include "kernel/arch/user_copy.h"
#include "kernel/core/log.h"
#include "kernel/drivers/power.h"
#include "posix_x/calls.h"
#include "posix_x/power.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {

namespace {

enum class Operation : std::uint32_t {
    kRestart = 0x01234567,
    kRestartWith = 0xa1b2c3d4,
    kHalt = 0xcdef0123,
    kPowerOff = 0x4321fedc,
    kCadOn = 0x89abcdef,
    kCadOff = 0,
};

bool is_magic(std::uint32_t magic1, std::uint32_t magic2) {
    if (magic1 != 0xfee1dead) return false;
    return magic2 == 672274793 || magic2 == 85072278 || magic2 == 369367448 || magic2 == 537993216;
}

// relaxed: it stands alone.
constinit Atomic<bool> restarts_on_keys{true};

/// Tells the log what the restart is for; there is no firmware that would be told.
Result<void> log_command(UserAddr command) {
    char text[256];
    const std::ptrdiff_t length = arch::copy_string_from_user(text, command.value, sizeof text - 1);
    if (length < 0) return Errno::FAULT;
    log(LogLevel::kEmergency, "reboot", "Restarting system with command '{}'",
        std::string_view(text, static_cast<std::size_t>(length)));
    return {};
}

}  // namespace

void ctrl_alt_delete() {
    if (restarts_on_keys.load(std::memory_order_relaxed)) restart();
    auto table = process_table().lock();
    send_signal_number(table->init(), Signal::kInt);
}

// Permission comes before the magic numbers, and nothing is synced.
Result<long> sys_reboot(Task& task, std::uint32_t magic1, std::uint32_t magic2,
                        std::uint32_t operation, UserAddr argument) {
    if (!task.process().credentials()->capable(abi::kCapSysBoot)) return Errno::PERM;
    if (!is_magic(magic1, magic2)) return Errno::INVAL;
    switch (static_cast<Operation>(operation)) {
        case Operation::kCadOn:
        case Operation::kCadOff:
            restarts_on_keys.store(static_cast<Operation>(operation) == Operation::kCadOn,
                                   std::memory_order_relaxed);
            return 0;
        case Operation::kRestartWith:
            TRY(log_command(argument));
            restart();
        case Operation::kRestart:
            restart();
        case Operation::kHalt:
            halt();
        case Operation::kPowerOff:
            power_off();
    }
    return Errno::INVAL;  // kexec and hibernation are not configured
}

}  // namespace exo::posix
