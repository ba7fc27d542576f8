// Terminals: /dev/ttyS0 and so on, /dev/tty0 and tty1 on the screen, /dev/console, /dev/tty. A
// kernel thread takes what their ports receive through the line discipline; readers and writers are
// programs. Job control (credentials(7), POSIX 11.1): the session a terminal belongs to and its
// foreground group.
//
// Lock order: a terminal's state (a mutex, rank kTerminal) > process table > signals.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/wait_queue.h"
#include "kernel/fs/file.h"
#include "posix_x/line_discipline.h"
#include "posix_x/task.h"

namespace exo::posix {

/// What a terminal's characters go to and come from.
class TerminalPort {
  public:
    virtual void write(std::span<const std::byte> bytes) = 0;
    /// The next byte received, or -1: none. From the kernel thread.
    virtual int read() = 0;

  protected:
    ~TerminalPort() = default;
};

class Terminal final : public RefCounted, private TerminalOutput {
  public:
    Terminal(TerminalPort& port, DeviceNumber device, const abi::WindowSize& size)
        : port_(port), device_(device) {
        state_.unlocked().size = size;
    }

    Result<std::size_t> read(IoCursor& to, bool non_blocking);
    Result<std::size_t> write(IoCursor& from);
    Result<long> ioctl(std::uint32_t request, UserAddr argument);
    PollEvents poll(PollTable* table);
    [[nodiscard]] std::size_t readable_bytes();

    [[nodiscard]] DeviceNumber device() const { return device_; }
    /// The foreground group; 0: none.
    [[nodiscard]] Pid foreground() { return state_.lock()->foreground; }

    /// Makes it the controlling terminal of the running session leader, if neither has another.
    void adopt_if_free(Task& task);
    /// The session is over: hangs up its foreground group.
    void abandon(Pid session);

    /// Takes in what the port has received. From the kernel thread.
    void receive();

  private:
    struct State {
        LineDiscipline line;
        abi::WindowSize size = {};
        Pid session = 0;  ///< 0: of none
        Pid foreground = 0;
    };
    using LockedState = Locked<State, Mutex<LockRank::kTerminal>>;

    void put(std::span<const std::byte> bytes) override;
    void publish(State& state);
    /// A group in the background that must not do this is stopped by `signal`: RESTARTSYS; IO where
    /// nobody could continue it.
    Result<void> check_foreground(Signal signal);
    Result<void> wait_for_input(std::size_t wanted);
    Result<long> set_settings(std::uint32_t request, UserAddr argument);
    Result<long> set_controlling(Task& task);
    Result<long> set_foreground(Task& task, UserAddr argument);
    Result<long> set_size(UserAddr argument);
    bool is_ours(Task& task);

    TerminalPort& port_;
    const DeviceNumber device_;
    LockedState state_;
    WaitQueue readers_;
    // What a reader's predicate may look at without the mutex; written under it.
    Atomic<bool> readable_{false};
    Atomic<std::size_t> raw_bytes_{0};
};

/// Makes the terminals of the serial ports and the screen that are there and registers their
/// devices; once, at boot. NOMEM.
Result<void> start_terminals();

/// open(2) without O_NOCTTY by a session leader without a terminal.
void become_controlling_terminal(Task& task, File& file);

/// The process ends: a session leader's terminal is given up.
void leave_terminal(Process& process);

}  // namespace exo::posix
