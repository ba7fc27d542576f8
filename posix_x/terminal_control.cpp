// ioctl_tty(2): settings, window size, who controls a terminal.
#include "posix_x/process_table.h"
#include "posix_x/signals.h"
#include "posix_x/terminal.h"

namespace exo::posix {

namespace {

/// ^S and ^Q stop and start output: what a master in packet mode may do by itself.
bool controls_flow(const abi::Termios& settings) {
    constexpr std::uint8_t kControlQ = 021, kControlS = 023;
    return (settings.input & abi::kIxon) != 0 && settings.characters[abi::kVstop] == kControlS &&
           settings.characters[abi::kVstart] == kControlQ;
}

}  // namespace

void Terminal::set_settings(const abi::Termios& settings) {
    abi::Termios to = settings;
    port_->adjust(to);
    {
        auto state = state_.lock();
        const bool controlled = controls_flow(state->line.settings());
        state->line.set_settings(to);
        if (controlled != controls_flow(to))
            port_->tell(controlled ? abi::kPktNoStop : abi::kPktDoStop);
        publish(*state);
    }
    readers_.wake_all();
    writers_.wake_all();
    senders_.wake_all();
}

Result<long> Terminal::set_settings(std::uint32_t request, UserAddr argument) {
    TRY(check_foreground(Signal::kTtou));
    const auto settings = TRY(UserIn<abi::Termios>{argument}.read());
    // Output is written at once, so that TCSETSW has nothing to wait for.
    if (request == abi::kTcSetsf) TRY(flush(abi::kTciFlush));
    set_settings(settings);
    return 0;
}

/// tcflush(3). What was written is the port's already.
Result<long> Terminal::flush(std::uint64_t which) {
    if (which > abi::kTcioFlush) return Errno::INVAL;
    {
        auto state = state_.lock();
        if (which != abi::kTcoFlush) {
            state->line.discard_input();
            port_->tell(abi::kPktFlushRead);
        }
        if (which != abi::kTciFlush) port_->tell(abi::kPktFlushWrite);
        publish(*state);
    }
    senders_.wake_all();
    return 0;
}

/// tcflow(3).
Result<long> Terminal::control_flow(std::uint64_t action) {
    auto state = state_.lock();
    switch (action) {
        case abi::kTcOoff:
        case abi::kTcOon:
            state->held = action == abi::kTcOoff;
            if (!state->held) state->line.start_output();
            port_->tell(state->held ? abi::kPktStop : abi::kPktStart);
            publish(*state);
            writers_.wake_all();
            return 0;
        case abi::kTcIoff:
        case abi::kTcIon: {
            const auto which = action == abi::kTcIoff ? abi::kVstop : abi::kVstart;
            const std::uint8_t character = state->line.character(which);
            if (character != 0) port_->write(std::as_bytes(std::span(&character, 1)));
            return 0;
        }
        default:
            return Errno::INVAL;
    }
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

/// TIOCNOTTY.
Result<long> Terminal::give_up(Task& task) {
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

/// TIOCGPGRP, TIOCGSID.
Result<long> Terminal::tell_ids(Task& task, std::uint32_t request, UserAddr argument) {
    if (!is_ours(task)) return Errno::NOTTY;
    TRY(UserOut<Pid>{argument}.write(request == abi::kTiocGpgrp ? foreground() : session()));
    return 0;
}

Result<long> Terminal::ioctl(std::uint32_t request, UserAddr argument) {
    Task& task = this_task();
    if (hung_up_.load(std::memory_order_relaxed))
        return request == abi::kTiocSpgrp ? Errno::NOTTY : Errno::IO;
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
            return flush(argument.value);
        case abi::kTcXonc:
            TRY(check_foreground(Signal::kTtou));
            return control_flow(argument.value);
        case abi::kTcSbrk:
        case abi::kTcSbrkp:
            TRY(check_foreground(Signal::kTtou));
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
        case abi::kTiocNotty:
            return give_up(task);
        case abi::kTiocGpgrp:
        case abi::kTiocGsid:
            return tell_ids(task, request, argument);
        case abi::kTiocSpgrp:
            return set_foreground(task, argument);
        case abi::kTiocGetd:
        case abi::kTiocOutq:
            TRY(UserOut<std::int32_t>{argument}.write(0));
            return 0;
        default:
            return Errno::NOTTY;
    }
}

}  // namespace exo::posix
