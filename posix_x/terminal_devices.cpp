// Terminals as files, and the kernel thread that feeds them.
#include "kernel/arch/console.h"
#include "kernel/arch/ps2.h"
#include "kernel/core/interrupts.h"
#include "kernel/core/scheduler.h"
#include "kernel/drivers/screen.h"
#include "kernel/fs/devices.h"
#include "kernel/personality.h"
#include "lib/screen/keyboard.h"
#include "posix_x/power.h"
#include "posix_x/process_table.h"
#include "posix_x/pseudo_terminal.h"
#include "posix_x/signals.h"
#include "posix_x/terminal.h"

namespace exo::posix {
namespace {

constexpr std::uint32_t kFirstSerialMinor = 64;

/// A serial port.
class SerialPort final : public TerminalPort {
  public:
    explicit SerialPort(unsigned port) : port_(port) {}
    void write(std::span<const std::byte> bytes) override { arch::serial_write_raw(port_, bytes); }
    int read() override { return arch::serial_read(port_); }

  private:
    unsigned port_;
};

/// The screen and the keyboard.
class ScreenPort final : public TerminalPort {
  public:
    void write(std::span<const std::byte> bytes) override { screen_write(bytes); }
    int read() override {
        while (typed_.empty()) {
            const int code = arch::keyboard_read();
            if (code < 0) return -1;
            typed_ = keyboard_.receive(static_cast<std::uint8_t>(code));
            if (keyboard_.take_three_keys()) ctrl_alt_delete();
        }
        const auto c = static_cast<unsigned char>(typed_.front());
        typed_.remove_prefix(1);
        return c;
    }

  private:
    screen::Keyboard keyboard_;
    std::string_view typed_;
};

constexpr std::size_t kScreen = arch::kSerialPorts;  // behind the serial ones
constinit Terminal* terminals[kScreen + 1] = {};
constinit Terminal* console = nullptr;
constinit WaitQueue* received = nullptr;
constinit Atomic<bool> has_received{false};

Result<Ref<File>> open_terminal(Terminal* terminal, Inode& inode, Dentry& by, FileFlags flags) {
    if (terminal == nullptr) return Errno::NXIO;
    return TerminalFile::open(*terminal, inode, by, flags);
}

Result<Ref<File>> open_serial(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    const std::uint32_t port = inode.stat().device.minor - kFirstSerialMinor;
    if (port >= arch::kSerialPorts) return Errno::NXIO;
    return open_terminal(terminals[port], inode, by, flags);
}

Result<Ref<File>> open_console(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    return open_terminal(console, inode, by, flags);
}

Result<Ref<File>> open_screen(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    return open_terminal(terminals[kScreen], inode, by, flags);
}

/// /dev/tty is the terminal of who opens it (tty(4)).
Result<Ref<File>> open_own(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    RefPtr<Terminal> own;
    {
        auto table = process_table().lock();
        own = this_task().process().kin.terminal;
    }
    return open_terminal(own.get(), inode, by, flags);
}

void on_interrupt(std::uint8_t) {
    has_received.store(true, std::memory_order_release);
    received->wake_all();
}

void run_receiver(void*) {
    for (;;) {
        // Nothing interrupts a kernel thread, and there is no deadline.
        static_cast<void>(
            received->wait([] { return has_received.exchange(false, std::memory_order_acquire); },
                           Deadline::never(), Interruptible::kNo));
        for (Terminal* each : terminals)
            if (each != nullptr) each->receive();
    }
}

constexpr std::string_view kSerialNames[arch::kSerialPorts] = {"ttyS0", "ttyS1", "ttyS2", "ttyS3"};

Result<void> start_port(unsigned port) {
    if (!arch::serial_present(port)) return {};
    constexpr abi::WindowSize kUnknown = {};  // until somebody says (TIOCSWINSZ)
    const DeviceNumber number = {kTtyMajor, kFirstSerialMinor + port};
    Ref<SerialPort> line = TRY(make_ref<SerialPort>(port));
    terminals[port] = &TRY(make_ref<Terminal>(std::move(line), number, kUnknown)).release();
    TRY(register_character_device(
        {.number = number, .name = kSerialNames[port], .mode = 0620, .open = open_serial}));
    TRY(connect_isa_interrupt(arch::serial_interrupt(port), on_interrupt));
    arch::serial_enable_input(port);
    return {};
}

/// tty0 is the terminal in front, and there is only tty1.
Result<void> start_screen_terminal() {
    if (!screen_present()) return {};
    const ScreenSize size = screen_size();
    const abi::WindowSize window = {size.rows, size.columns, 0, 0};
    Ref<ScreenPort> port = TRY(make_ref<ScreenPort>());
    terminals[kScreen] =
        &TRY(make_ref<Terminal>(std::move(port), DeviceNumber{kTtyMajor, 1}, window)).release();
    constexpr std::string_view kNames[] = {"tty0", "tty1"};
    for (std::uint32_t minor = 0; minor < std::size(kNames); ++minor) {
        TRY(register_character_device({.number = {kTtyMajor, minor},
                                       .name = kNames[minor],
                                       .mode = 0620,
                                       .open = open_screen}));
    }
    if (!arch::keyboard_init()) return {};
    return connect_isa_interrupt(arch::kKeyboardInterrupt, on_interrupt);
}

/// What the last `console=` that names a terminal says, else the first serial port.
Terminal* choose_console() {
    const std::string_view wanted = boot_option("console");
    const std::string_view name = wanted.substr(0, wanted.find(','));  // its speed may follow
    if ((name == "tty0" || name == "tty1") && terminals[kScreen] != nullptr)
        return terminals[kScreen];
    for (unsigned port = 0; port < arch::kSerialPorts; ++port)
        if (name == kSerialNames[port] && terminals[port] != nullptr) return terminals[port];
    return terminals[0] != nullptr ? terminals[0] : terminals[kScreen];
}

}  // namespace

Result<void> start_terminals() {
    received = new (std::nothrow) WaitQueue;
    if (received == nullptr) return Errno::NOMEM;
    TRY(register_character_device(
        {.number = {kAuxMajor, 0}, .name = "tty", .mode = 0666, .open = open_own}));
    TRY(register_character_device(
        {.number = {kAuxMajor, 1}, .name = "console", .mode = 0600, .open = open_console}));
    for (unsigned port = 0; port < arch::kSerialPorts; ++port) TRY(start_port(port));
    TRY(start_screen_terminal());
    TRY(start_pseudo_terminals());
    console = choose_console();
    const auto receiver = TRY(Thread::create_kernel("serial", run_receiver, nullptr));
    start_thread(*receiver);
    return {};
}

void become_controlling_terminal(Task& task, File& file) {
    const RefPtr<Inode> inode = file.inode();
    if (inode->type() != FileType::kCharacterDevice) return;
    // Neither /dev/console nor /dev/tty nor a master become one, as on Linux.
    const std::uint32_t major = inode->stat().device.major;
    if (has(file.flags(), FileFlags::kPathOnly)) return;
    if (major != kTtyMajor && major != kPtsMajor) return;
    static_cast<TerminalFile&>(file).terminal().adopt_if_free(task);
}

void leave_terminal(Process& process) {
    RefPtr<Terminal> terminal;  // given back without the lock
    Pid hung_up;
    {
        auto table = process_table().lock();
        std::swap(terminal, process.kin.terminal);
        if (process.kin.session != process.pid) return;
        hung_up = std::exchange(process.kin.hung_up_foreground, 0);
        if (hung_up != 0 && !table->group_exists(hung_up, process.pid)) hung_up = 0;
    }
    if (terminal) terminal->abandon(process.pid);
    if (hung_up == 0) return;
    signal_group(hung_up, Signal::kHup);
    signal_group(hung_up, Signal::kCont);
}

}  // namespace exo::posix
