// Terminals: /dev/ttyS0 and so on, /dev/tty0 and tty1 on the screen, pseudo-terminals' slaves
// (pseudo_terminal.h), /dev/console, /dev/tty. What a terminal's port receives goes through the
// line discipline; readers and writers are programs. Job control (credentials(7), POSIX 11.1): the
// session a terminal belongs to and its foreground group.
//
// Lock order: a terminal's state (a mutex, rank kTerminal) > process table > signals; a port's own
// lock (kDevice) below the state.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/core/wait_queue.h"
#include "kernel/fs/file.h"
#include "posix_x/line_discipline.h"
#include "posix_x/task.h"

namespace exo::posix {

/// What a terminal's characters go to and come from. Calls but read() come under the state's lock.
class TerminalPort : public RefCounted {
  public:
    virtual void write(std::span<const std::byte> bytes) = 0;
    /// The next byte received, or -1: none. From the kernel thread.
    virtual int read() { return -1; }
    /// How much write() takes now without losing some of it.
    virtual std::size_t room() { return ~std::size_t{0}; }
    /// Something was done to the terminal that a master in packet mode is told (abi::kPkt*).
    virtual void tell(std::uint8_t) {}
    /// What of the settings is not to be had here.
    virtual void adjust(abi::Termios&) {}
    /// The last file that had it open is closed; the first was opened, perhaps again.
    virtual void closed() {}
    virtual void opened() {}
};

class Terminal final : public RefCounted, private TerminalOutput {
  public:
    Terminal(Ref<TerminalPort> port, DeviceNumber number, const abi::WindowSize& size)
        : port_(std::move(port)), number_(number) {
        state_.unlocked().size = size;
    }

    Result<std::size_t> read(IoCursor& to, bool non_blocking);
    Result<std::size_t> write(IoCursor& from, bool non_blocking);
    Result<long> ioctl(std::uint32_t request, UserAddr argument);
    PollEvents poll(PollTable* table);
    [[nodiscard]] std::size_t readable_bytes();
    /// tty_nr of proc(5).
    [[nodiscard]] DeviceNumber number() const { return number_; }

    /// A file was opened on it, or closed. IO: it is hung up.
    Result<void> open();
    void close();

    /// Makes it the controlling terminal of the running session leader, if neither has another.
    void adopt_if_free(Task& task);
    /// The session is over: hangs up its foreground group.
    void abandon(Pid session);
    /// What it is connected to is gone for good: its session is told and loses it, readers see the
    /// end, writers fail with IO.
    void hang_up();

    /// Takes in what the port has received. From the kernel thread.
    void receive();
    /// Takes in as many of `bytes` as there is room for; how many. May sleep.
    std::size_t receive(std::span<const std::byte> bytes);
    /// Where who sends to it waits for input_room(), and whether there is some.
    [[nodiscard]] WaitQueue& senders() { return senders_; }
    [[nodiscard]] bool has_input_room() const {
        return input_room_.load(std::memory_order_relaxed);
    }
    /// The port has room again.
    void drained() { writers_.wake_all(); }

    // For a master: without job control.
    [[nodiscard]] Pid foreground() { return state_.lock()->foreground; }
    [[nodiscard]] Pid session() { return state_.lock()->session; }
    [[nodiscard]] abi::Termios settings() { return state_.lock()->line.settings(); }
    void set_settings(const abi::Termios& settings);

  private:
    struct State {
        LineDiscipline line;
        abi::WindowSize size = {};
        Pid session = 0;  ///< 0: of none
        Pid foreground = 0;
        std::uint32_t files = 0;
        bool held = false;  ///< output is, by tcflow(3)
    };
    using LockedState = Locked<State, Mutex<LockRank::kTerminal>>;

    void put(std::span<const std::byte> bytes) override;
    void publish(State& state);
    Signal receive_one(State& state, std::uint8_t character);
    /// A group in the background that must not do this is stopped by `signal`: RESTARTSYS; IO where
    /// nobody could continue it.
    Result<void> check_foreground(Signal signal);
    Result<void> wait_for_input(std::size_t wanted);
    bool can_write();
    Result<std::size_t> write_some(IoCursor& from);
    Result<long> flush(std::uint64_t which);
    Result<long> control_flow(std::uint64_t action);
    Result<long> set_settings(std::uint32_t request, UserAddr argument);
    Result<long> set_controlling(Task& task);
    Result<long> set_foreground(Task& task, UserAddr argument);
    Result<long> set_size(UserAddr argument);
    Result<long> give_up(Task& task);
    Result<long> tell_ids(Task& task, std::uint32_t request, UserAddr argument);
    bool is_ours(Task& task);

    const Ref<TerminalPort> port_;
    const DeviceNumber number_;
    LockedState state_;
    WaitQueue readers_, writers_, senders_;
    // What predicates may look at without the mutex; written under it.
    Atomic<bool> readable_{false}, stopped_{false}, input_room_{true};
    Atomic<std::size_t> raw_bytes_{0};
    Atomic<bool> hung_up_{false};  // once, and for ever
};

/// An open file of a terminal.
class TerminalFile final : public File {
  public:
    /// IO: it is hung up; NOMEM.
    static Result<Ref<File>> open(Terminal& terminal, Inode& inode, Dentry& by, FileFlags flags);

    Result<std::size_t> read(IoCursor& to) override;
    Result<std::size_t> write(IoCursor& from) override;
    Result<long> ioctl(std::uint32_t request, std::uint64_t argument) override;
    PollEvents poll(PollTable* table) override;
    Result<std::size_t> readable_bytes() override { return terminal_->readable_bytes(); }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }
    [[nodiscard]] Terminal& terminal() const { return *terminal_; }

    TerminalFile(Terminal& terminal, Inode& inode, Dentry& by, FileFlags flags);
    ~TerminalFile() override { hang_up(); }

  private:
    void hang_up() override;

    const Ref<Terminal> terminal_;
    const Ref<Inode> inode_;
    const Ref<Dentry> dentry_;
    bool closed_ = true;  // not yet opened on the terminal, or by the last handle
};

/// Makes the terminals of the serial ports and the screen that are there and registers their
/// devices; once, at boot. NOMEM.
Result<void> start_terminals();

/// Major numbers of terminals (Linux's devices.txt).
inline constexpr std::uint32_t kTtyMajor = 4, kAuxMajor = 5, kPtsMajor = 136;

/// open(2) without O_NOCTTY by a session leader without a terminal.
void become_controlling_terminal(Task& task, File& file);

/// The process ends: a session leader's terminal is given up.
void leave_terminal(Process& process);

}  // namespace exo::posix
