#include "posix_x/terminal.h"

#include "kernel/mm/io_cursor.h"
#include "posix_x/process_table.h"
#include "posix_x/signals.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kNsPerDecisecond = 100'000'000;

}  // namespace

void Terminal::put(std::span<const std::byte> bytes) {
    port_->write(bytes);
}

/// For predicates and poll(): what readers, writers and senders may expect now.
void Terminal::publish(State& state) {
    readable_.store(state.line.readable(), std::memory_order_relaxed);
    raw_bytes_.store(state.line.readable_bytes(), std::memory_order_relaxed);
    stopped_.store(state.held || state.line.output_stopped(), std::memory_order_relaxed);
    input_room_.store(state.line.input_room() != 0, std::memory_order_relaxed);
}

/// The signal that the character stands for.
Signal Terminal::receive_one(State& state, std::uint8_t character) {
    const bool stopped = state.line.output_stopped();
    const Signal signal = state.line.receive(character, *this);
    if (stopped != state.line.output_stopped())
        port_->tell(stopped ? abi::kPktStart : abi::kPktStop);
    if (signal != Signal::kNone && (state.line.settings().local & abi::kNoflsh) == 0)
        port_->tell(abi::kPktFlushRead | abi::kPktFlushWrite);
    return signal;
}

void Terminal::receive() {
    for (int c = port_->read(); c >= 0; c = port_->read()) {
        Signal signal;
        Pid group;
        {
            auto state = state_.lock();
            signal = receive_one(*state, static_cast<std::uint8_t>(c));
            group = state->foreground;
            publish(*state);
        }
        if (signal != Signal::kNone && group != 0) signal_group(group, signal);
        readers_.wake_all();
        writers_.wake_all();
    }
}

std::size_t Terminal::receive(std::span<const std::byte> bytes) {
    std::size_t done = 0;
    bool more = true;
    while (more) {
        Signal signal = Signal::kNone;
        Pid group;
        {
            auto state = state_.lock();
            const auto goes_on = [&] {
                return done < bytes.size() && state->line.input_room() != 0;
            };
            while (signal == Signal::kNone && goes_on())
                signal = receive_one(*state, static_cast<std::uint8_t>(bytes[done++]));
            more = goes_on();
            group = state->foreground;
            publish(*state);
        }
        if (signal != Signal::kNone && group != 0) signal_group(group, signal);
    }
    readers_.wake_all();
    writers_.wake_all();
    return done;
}

Result<void> Terminal::open() {
    auto state = state_.lock();
    if (hung_up_.load(std::memory_order_relaxed)) return Errno::IO;
    if (state->files++ == 0) port_->opened();
    return {};
}

void Terminal::close() {
    auto state = state_.lock();
    if (--state->files == 0) port_->closed();
}

void Terminal::hang_up() {
    Pid session, foreground;
    {
        auto state = state_.lock();
        hung_up_.store(true, std::memory_order_relaxed);
        state->line.discard_input();
        session = std::exchange(state->session, 0);
        foreground = std::exchange(state->foreground, 0);
        publish(*state);
    }
    readers_.wake_all();
    writers_.wake_all();
    if (session == 0) return;
    RefPtr<Process> leader;
    {
        auto table = process_table().lock();
        for (Process* each = table->first(); each != nullptr; each = table->next(*each)) {
            if (each->kin.terminal.get() != this) continue;
            each->kin.terminal = {};
            if (each->pid != session) continue;
            each->kin.hung_up_foreground = foreground;
            leader = RefPtr<Process>(each);
        }
    }
    if (!leader) return;
    send_signal(*leader, info_from_kernel(Signal::kHup));
    send_signal(*leader, info_from_kernel(Signal::kCont));
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
    const auto gone = [&] { return hung_up_.load(std::memory_order_relaxed); };
    const auto readable = [&] { return readable_.load(std::memory_order_relaxed) || gone(); };
    if (canonical) return readers_.wait(readable);
    const auto bytes = [&] { return raw_bytes_.load(std::memory_order_relaxed); };
    if (least == 0) {
        if (patience_ns == 0) return {};
        return readers_.wait(readable, Deadline::in(patience_ns));
    }
    TRY(readers_.wait(readable));
    while (bytes() < least && !gone()) {
        const std::size_t before = bytes();
        const Deadline deadline = patience_ns == 0 ? Deadline::never() : Deadline::in(patience_ns);
        TRY(readers_.wait([&] { return bytes() != before || gone(); }, deadline));
    }
    return {};
}

Result<std::size_t> Terminal::read(IoCursor& to, bool non_blocking) {
    if (hung_up_.load(std::memory_order_relaxed)) return std::size_t{0};
    TRY(check_foreground(Signal::kTtin));
    std::byte piece[256];
    for (;;) {
        if (!non_blocking) {
            const Result<void> waited = wait_for_input(to.remaining());
            const bool timed_out = !waited && waited.error() == Errno::TIMEDOUT;
            if (!waited && !timed_out && raw_bytes_.load(std::memory_order_relaxed) == 0)
                return waited.error();
            if (hung_up_.load(std::memory_order_relaxed)) return Errno::IO;
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
        if (found) senders_.wake_all();
        if (found || done != 0) return done;
        if (non_blocking) return Errno::AGAIN;
        auto state = state_.lock();
        if (!state->line.canonical() && state->line.character(abi::kVmin) == 0)
            return std::size_t{0};
    }
}

/// Whether write_some() would write something, or say why not.
bool Terminal::can_write() {
    if (hung_up_.load(std::memory_order_relaxed)) return true;
    return !stopped_.load(std::memory_order_relaxed) && port_->room() >= LineDiscipline::kMostSent;
}

/// As much as there is room for, at most a piece. 0: output is stopped or there is no room.
Result<std::size_t> Terminal::write_some(IoCursor& from) {
    std::byte piece[256];
    auto state = state_.lock();
    if (hung_up_.load(std::memory_order_relaxed)) return Errno::IO;
    if (state->held || state->line.output_stopped()) return std::size_t{0};
    const std::size_t room = port_->room() / LineDiscipline::kMostSent;
    if (room == 0) return std::size_t{0};
    const std::size_t got = TRY(from.take(piece, std::min(sizeof piece, room)));
    state->line.send(std::span(piece).first(got), *this);
    return got;
}

Result<std::size_t> Terminal::write(IoCursor& from, bool non_blocking) {
    if (hung_up_.load(std::memory_order_relaxed)) return Errno::IO;
    const bool stops = (state_.lock()->line.settings().local & abi::kTostop) != 0;
    if (stops) TRY(check_foreground(Signal::kTtou));
    while (from.remaining() != 0) {
        Result<std::size_t> wrote = write_some(from);
        if (wrote && *wrote == 0) {
            const Result<void> waited =
                non_blocking ? Errno::AGAIN : writers_.wait([&] { return can_write(); });
            if (!waited) wrote = waited.error();
        }
        if (!wrote) {
            if (from.done() == 0) return wrote;
            break;
        }
        if (this_thread().interrupted()) break;
        if (should_yield()) yield();
    }
    return from.done();
}

PollEvents Terminal::poll(PollTable* table) {
    if (table != nullptr) {
        table->watch(readers_);
        table->watch(writers_);
    }
    if (hung_up_.load(std::memory_order_relaxed))
        return PollEvents::kIn | PollEvents::kOut | PollEvents::kError | PollEvents::kHangup;
    const bool readable = readable_.load(std::memory_order_relaxed);
    return (can_write() ? PollEvents::kOut : PollEvents::kNone) |
           (readable ? PollEvents::kIn : PollEvents::kNone);
}

std::size_t Terminal::readable_bytes() {
    return state_.lock()->line.readable_bytes();
}

}  // namespace exo::posix
