// ioctl_tty(2): settings, window size, who controls a terminal.
#include "posix_x/process_table.h"
#include "posix_x/signals.h"
#include "posix_x/terminal.h"

namespace exo::posix {

Result<long> Terminal::set_settings(std::uint32_t request, UserAddr argument) {
    TRY(check_foreground(Signal::kTtou));
    const auto settings = TRY(UserIn<abi::Termios>{argument}.read());
    {
        auto state = state_.lock();
        // Output is written at once, so that TCSETSW has nothing to wait for.
        if (request == abi::kTcSetsf) state->line.discard_input();
        state->line.set_settings(settings);
        publish(*state);
    }
    readers_.wake_all();
    return 0;
}

Result<long> Terminal::set_controlling(Task& task) {
    Process& process = task.process();
    auto state = state_.lock();
    auto table = process_table().lock();
    if (process.kin.terminal.get() == this && state->session == process.kin.session) return 0;
    const bool leader = process.kin.session == process.pid;
    if (!leader || process.kin.terminal || state->session != 0) return Errno::PERM;
    process.kin.terminal = RefPtr<Terminal>(this);
    state->session = process.kin.session;
    state->foreground = process.kin.group;
    return 0;
}

void Terminal::adopt_if_free(Task& task) {
    // PERM: it is not to be had, and open(2) says nothing of it.
    static_cast<void>(set_controlling(task));
}

void Terminal::abandon(Pid session) {
    Pid foreground;
    {
        auto state = state_.lock();
        if (state->session != session) return;
        foreground = std::exchange(state->foreground, 0);
        state->session = 0;
    }
    {
        auto table = process_table().lock();
        for (Process* each = table->first(); each != nullptr; each = table->next(*each))
            if (each->kin.terminal.get() == this) each->kin.terminal = {};
    }
    if (foreground == 0) return;
    signal_group(foreground, Signal::kHup);
    signal_group(foreground, Signal::kCont);
}

Result<long> Terminal::set_foreground(Task& task, UserAddr argument) {
    if (!is_ours(task)) return Errno::NOTTY;
    TRY(check_foreground(Signal::kTtou));
    const auto group = TRY(UserIn<Pid>{argument}.read());
    if (group < 0) return Errno::INVAL;
    auto state = state_.lock();
    auto table = process_table().lock();
    if (!table->group_exists(group, task.process().kin.session)) return Errno::PERM;
    state->foreground = group;
    return 0;
}

Result<long> Terminal::set_size(UserAddr argument) {
    const auto size = TRY(UserIn<abi::WindowSize>{argument}.read());
    Pid group;
    {
        auto state = state_.lock();
        const bool same = size.rows == state->size.rows && size.columns == state->size.columns;
        state->size = size;
        if (same) return 0;
        group = state->foreground;
    }
    if (group != 0) signal_group(group, Signal::kWinch);
    return 0;
}

Result<long> Terminal::ioctl(std::uint32_t request, UserAddr argument) {
    constexpr std::uint64_t kFlushInput = 0, kFlushBoth = 2;
    Task& task = this_task();
    switch (request) {
        case abi::kTcGets: {
            const abi::Termios settings = state_.lock()->line.settings();
            TRY(UserOut<abi::Termios>{argument}.write(settings));
            return 0;
        }
        case abi::kTcSets:
        case abi::kTcSetsw:
        case abi::kTcSetsf:
            return set_settings(request, argument);
        case abi::kTcFlsh:
            TRY(check_foreground(Signal::kTtou));
            if (argument.value > kFlushBoth) return Errno::INVAL;
            if (argument.value == kFlushInput || argument.value == kFlushBoth) {
                auto state = state_.lock();
                state->line.discard_input();
                publish(*state);
            }
            return 0;
        case abi::kTcSbrk:
            return 0;
        case abi::kTiocGwinsz: {
            const abi::WindowSize size = state_.lock()->size;
            TRY(UserOut<abi::WindowSize>{argument}.write(size));
            return 0;
        }
        case abi::kTiocSwinsz:
            return set_size(argument);
        case abi::kTiocSctty:
            return set_controlling(task);
        case abi::kTiocNotty: {
            if (!is_ours(task)) return Errno::NOTTY;
            Process& process = task.process();
            if (process.kin.session == process.pid) {
                abandon(process.pid);
            } else {
                auto table = process_table().lock();
                process.kin.terminal = {};
            }
            return 0;
        }
        case abi::kTiocGpgrp:
        case abi::kTiocGsid: {
            if (!is_ours(task)) return Errno::NOTTY;
            const bool group = request == abi::kTiocGpgrp;
            const Pid id = group ? state_.lock()->foreground : state_.lock()->session;
            TRY(UserOut<Pid>{argument}.write(id));
            return 0;
        }
        case abi::kTiocSpgrp:
            return set_foreground(task, argument);
        case abi::kTiocOutq:
            TRY(UserOut<std::int32_t>{argument}.write(0));
            return 0;
        default:
            return Errno::NOTTY;
    }
}

}  // namespace exo::posix
