#include "posix_x/terminal.h"

#include "kernel/mm/io_cursor.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kNsPerDecisecond = 100'000'000;

}  // namespace

void Terminal::put(std::span<const std::byte> bytes) {
    port_.write(bytes);
}

/// For predicates and poll(): what readers may expect now.
void Terminal::publish(State& state) {
    readable_.store(state.line.readable(), std::memory_order_relaxed);
    raw_bytes_.store(state.line.readable_bytes(), std::memory_order_relaxed);
}

void Terminal::receive() {
    for (int c = port_.read(); c >= 0; c = port_.read()) {
        Signal signal;
        Pid group;
        {
            auto state = state_.lock();
            signal = state->line.receive(static_cast<std::uint8_t>(c), *this);
            group = state->foreground;
            publish(*state);
        }
        if (signal != Signal::kNone && group != 0) signal_group(group, signal);
        readers_.wake_all();
    }
}

bool Terminal::is_ours(Task& task) {
    auto table = process_table().lock();
    return task.process().kin.terminal.get() == this;
}

Result<void> Terminal::check_foreground(Signal signal) {
    Task& task = this_task();
    if (!is_ours(task)) return {};
    const Pid foreground = state_.lock()->foreground;
    Pid group;
    bool orphaned;
    {
        auto table = process_table().lock();
        group = task.process().kin.group;
        if (foreground == 0 || group == foreground) return {};
        orphaned = table->group_is_orphaned(group);
    }
    if (!would_act(signal)) {
        if (signal == Signal::kTtou) return {};
        return Errno::IO;
    }
    if (orphaned) return Errno::IO;
    signal_group(group, signal);
    return Errno::RESTARTSYS;
}

/// Sleeps as VMIN and VTIME say (termios(3)). TIMEDOUT: what there is, is all.
Result<void> Terminal::wait_for_input(std::size_t wanted) {
    bool canonical;
    std::size_t least;
    std::uint64_t patience_ns;
    {
        auto state = state_.lock();
        canonical = state->line.canonical();
        least = std::min<std::size_t>(state->line.character(abi::kVmin), wanted);
        patience_ns = state->line.character(abi::kVtime) * kNsPerDecisecond;
    }
    const auto readable = [&] { return readable_.load(std::memory_order_relaxed); };
    if (canonical) return readers_.wait(readable);
    const auto bytes = [&] { return raw_bytes_.load(std::memory_order_relaxed); };
    if (least == 0) {
        if (patience_ns == 0) return {};
        return readers_.wait(readable, Deadline::in(patience_ns));
    }
    TRY(readers_.wait(readable));
    while (bytes() < least) {
        const std::size_t before = bytes();
        const Deadline deadline = patience_ns == 0 ? Deadline::never() : Deadline::in(patience_ns);
        TRY(readers_.wait([&] { return bytes() != before; }, deadline));
    }
    return {};
}

Result<std::size_t> Terminal::read(IoCursor& to, bool non_blocking) {
    TRY(check_foreground(Signal::kTtin));
    std::byte piece[256];
    for (;;) {
        if (!non_blocking) {
            const Result<void> waited = wait_for_input(to.remaining());
            const bool timed_out = !waited && waited.error() == Errno::TIMEDOUT;
            if (!waited && !timed_out && raw_bytes_.load(std::memory_order_relaxed) == 0)
                return waited.error();
        }
        std::size_t done = 0;
        bool found, more;
        do {
            std::size_t got;
            {
                auto state = state_.lock();
                found = state->line.readable();
                got = found ? state->line.read(
                                  std::span(piece).first(std::min(sizeof piece, to.remaining())))
                            : 0;
                more = !state->line.canonical() && state->line.readable();
                if (state->line.canonical() && got == sizeof piece)
                    more = piece[got - 1] != std::byte{'\n'} && state->line.readable();
                publish(*state);
            }
            const Result<std::size_t> put = to.put(piece, got);
            if (!put) return put;
            done += *put;
        } while (more && to.remaining() != 0);
        if (found || done != 0) return done;
        if (non_blocking) return Errno::AGAIN;
        auto state = state_.lock();
        if (!state->line.canonical() && state->line.character(abi::kVmin) == 0)
            return std::size_t{0};
    }
}

Result<std::size_t> Terminal::write(IoCursor& from) {
    const bool stops = (state_.lock()->line.settings().local & abi::kTostop) != 0;
    if (stops) TRY(check_foreground(Signal::kTtou));
    while (from.remaining() != 0) {
        std::byte piece[256];
        const Result<std::size_t> got = from.take(piece, sizeof piece);
        if (!got) {
            if (from.done() == 0) return got;
            break;
        }
        {
            auto state = state_.lock();
            state->line.send(std::span(piece).first(*got), *this);
        }
        if (this_thread().interrupted()) break;
        if (should_yield()) yield();
    }
    return from.done();
}

PollEvents Terminal::poll(PollTable* table) {
    if (table != nullptr) table->watch(readers_);
    const bool readable = readable_.load(std::memory_order_relaxed);
    return PollEvents::kOut | (readable ? PollEvents::kIn : PollEvents::kNone);
}

std::size_t Terminal::readable_bytes() {
    return state_.lock()->line.readable_bytes();
}

}  // namespace exo::posix
