#include "posix_x/pseudo_terminal.h"

#include <algorithm>

#include "kernel/fs/devices.h"
#include "kernel/fs/path_walk.h"
#include "lib/base/format.h"
#include "posix_x/calls/files.h"
#include "posix_x/signals.h"

namespace exo::posix {

void PtyPort::write(std::span<const std::byte> bytes) {
    {
        auto ring = ring_.lock();
        // Writers asked for room(); what is cut is echo that nobody reads.
        bytes = bytes.first(std::min(bytes.size(), kCapacity - ring->count));
        for (const std::byte byte : bytes)
            ring->bytes[(ring->first + ring->count++) % kCapacity] = byte;
    }
    if (!bytes.empty()) readers_.wake_all();
}

void PtyPort::tell(std::uint8_t event) {
    {
        auto ring = ring_.lock();
        if (!ring->packet) return;
        // The later of two that contradict each other holds.
        if ((event & abi::kPktStop) != 0)
            ring->events &= static_cast<std::uint8_t>(~abi::kPktStart);
        if ((event & abi::kPktStart) != 0)
            ring->events &= static_cast<std::uint8_t>(~abi::kPktStop);
        if ((event & (abi::kPktNoStop | abi::kPktDoStop)) != 0)
            ring->events &= static_cast<std::uint8_t>(~(abi::kPktNoStop | abi::kPktDoStop));
        ring->events |= event;
    }
    readers_.wake_all();
}

void PtyPort::adjust(abi::Termios& settings) {
    settings.control = (settings.control & ~(abi::kCsize | abi::kParenb)) | abi::kCs8 | abi::kCread;
}

void PtyPort::set_closed(bool closed) {
    ring_.lock()->closed = closed;
    readers_.wake_all();
}

PtyPort::Ready PtyPort::ready() {
    auto ring = ring_.lock();
    return {ring->count, ring->events, ring->closed};
}

std::size_t PtyPort::take(std::span<std::byte> to) {
    auto ring = ring_.lock();
    const std::size_t bytes = std::min(to.size(), ring->count);
    for (std::size_t i = 0; i < bytes; ++i) to[i] = ring->bytes[(ring->first + i) % kCapacity];
    ring->first = (ring->first + bytes) % kCapacity;
    ring->count -= bytes;
    return bytes;
}

std::uint8_t PtyPort::take_events() {
    return std::exchange(ring_.lock()->events, std::uint8_t{0});
}

void PtyPort::discard() {
    ring_.lock()->count = 0;
}

void PtyPort::set_packet_mode(bool on) {
    auto ring = ring_.lock();
    if (on != ring->packet) ring->events = 0;
    ring->packet = on;
}

PtyMaster::PtyMaster(Ref<PtyPort> port, Ref<PtsInode> slave, Dentry& names, Inode& inode,
                     Dentry& by, FileFlags flags)
    : File(ObjectType::kDevice, flags),
      port_(std::move(port)),
      slave_(std::move(slave)),
      names_(names),
      inode_(inode),
      dentry_(by) {}

Result<Ref<File>> PtyMaster::open(Devpts& names, Dentry& at, Inode& inode, Dentry& by,
                                  FileFlags flags) {
    Ref<PtyPort> port = TRY(make_ref<PtyPort>());
    Ref<PtsInode> slave = TRY(names.add(port, *this_task().process().credentials()));
    abi::Termios settings = slave->terminal().settings();
    settings.control = abi::kB38400 | abi::kCs8 | abi::kCread;
    settings.input &= ~abi::kIutf8;
    slave->terminal().set_settings(settings);
    auto made = make_ref<PtyMaster>(std::move(port), slave, at, inode, by, flags);
    if (!made) {
        names.remove(*slave);
        return made.error();
    }
    return Ref<File>(std::move(*made));
}

void PtyMaster::hang_up() {
    if (std::exchange(closed_, true)) return;
    slave_->devpts().remove(*slave_);
    terminal().hang_up();
}

Result<void> PtyMaster::wait_readable() {
    const auto readable = [&] {
        const PtyPort::Ready now = port_->ready();
        return now.bytes != 0 || now.events != 0 || now.closed;
    };
    if (has(flags(), FileFlags::kNonBlocking))
        return readable() ? Result<void>() : Result<void>(Errno::AGAIN);
    return port_->readers().wait(readable);
}

Result<std::size_t> PtyMaster::read(IoCursor& to) {
    if (to.remaining() == 0) return std::size_t{0};
    for (;;) {
        TRY(wait_readable());
        if (port_->packet_mode()) {
            const std::uint8_t events = port_->take_events();
            if (events != 0) return to.put(&events, 1);
        }
        std::byte piece[512];
        const auto take = [&] {
            return port_->take(std::span(piece).first(std::min(to.remaining(), sizeof piece)));
        };
        std::size_t got = take();
        if (got == 0) {
            if (port_->ready().closed) return Errno::IO;
            continue;  // another reader was first
        }
        if (port_->packet_mode() && to.done() == 0) {
            const std::uint8_t data = 0;  // TIOCPKT_DATA
            TRY(to.put(&data, 1));
        }
        while (got != 0) {
            const std::size_t put = TRY(to.put(piece, got));
            if (put < got) break;
            got = take();
        }
        terminal().drained();
        return to.done();
    }
}

Result<std::size_t> PtyMaster::write(IoCursor& from) {
    while (from.remaining() != 0) {
        std::byte piece[256];
        const Result<std::size_t> got = from.take(piece, sizeof piece);
        if (!got) return from.done() != 0 ? Result<std::size_t>(from.done()) : got;
        const std::size_t done = terminal().receive(std::span(piece).first(*got));
        from.rewind(*got - done);
        if (done != 0) continue;
        const Result<void> waited =
            has(flags(), FileFlags::kNonBlocking)
                ? Errno::AGAIN
                : terminal().senders().wait([&] { return terminal().has_input_room(); });
        if (!waited) return from.done() != 0 ? Result<std::size_t>(from.done()) : waited.error();
    }
    return from.done();
}

PollEvents PtyMaster::poll(PollTable* table) {
    if (table != nullptr) {
        table->watch(port_->readers());
        table->watch(terminal().senders());
    }
    const PtyPort::Ready now = port_->ready();
    PollEvents events = PollEvents::kNone;
    if (now.bytes != 0) events = events | PollEvents::kIn;
    if (now.events != 0) events = events | PollEvents::kIn | PollEvents::kPri;
    if (now.closed) events = events | PollEvents::kHangup;
    if (terminal().has_input_room()) events = events | PollEvents::kOut;
    return events;
}

/// TIOCGPTPEER: the slave, without going by its name.
Result<long> PtyMaster::open_peer(std::uint32_t flags) {
    char name[12];
    const std::size_t length = format_to(std::span(name), "{}", slave_->number());
    const Ref<Dentry> by = TRY(names_->child({name, length}));
    Ref<File> file = TRY(slave_->open(*by, file_flags_of(flags), Rights::kRead | Rights::kWrite));
    Task& task = this_task();
    if ((flags & abi::kONoCtty) == 0) become_controlling_terminal(task, *file);
    return install(task, std::move(file), flags & abi::kOAccess, close_on_exec_of(Flags{flags}));
}

Result<long> PtyMaster::signal_foreground(std::uint64_t number) {
    if (number == 0 || number > abi::kSignals) return Errno::INVAL;
    if (const Pid group = terminal().foreground(); group != 0)
        signal_group(group, static_cast<Signal>(number));
    return 0;
}

Result<long> PtyMaster::ioctl(std::uint32_t request, std::uint64_t argument) {
    const UserAddr at{argument};
    const auto tell = [&](std::int32_t value) -> Result<long> {
        TRY(UserOut<std::int32_t>{at}.write(value));
        return 0;
    };
    switch (request) {
        case abi::kTiocGptn:
            return tell(static_cast<std::int32_t>(slave_->number()));
        case abi::kTiocSptlck:
            slave_->set_locked(TRY(UserIn<std::int32_t>{at}.read()) != 0);
            return 0;
        case abi::kTiocGptlck:
            return tell(slave_->locked() ? 1 : 0);
        case abi::kTiocGptpeer:
            return open_peer(static_cast<std::uint32_t>(argument));
        case abi::kTiocPkt:
            port_->set_packet_mode(TRY(UserIn<std::int32_t>{at}.read()) != 0);
            return 0;
        case abi::kTiocGpkt:
            return tell(port_->packet_mode() ? 1 : 0);
        case abi::kTiocSig:
            return signal_foreground(argument);
        case abi::kTiocGpgrp:
            return tell(terminal().foreground());
        case abi::kTiocGsid: {
            const Pid session = terminal().session();
            return session == 0 ? Result<long>(Errno::NOTTY) : tell(session);
        }
        case abi::kTcFlsh:
            if (argument > abi::kTcioFlush) return Errno::INVAL;
            if (argument != abi::kTcoFlush) {
                port_->discard();
                terminal().drained();
            }
            return 0;
        default:
            return terminal().ioctl(request, at);
    }
}

namespace {

/// Opening /dev/ptmx makes a slave in the devpts that holds it, or that is mounted on "pts" beside
/// it. NOENT, NODEV: there is none.
Result<Ref<File>> open_multiplexer(Inode& inode, Dentry& by, FileFlags flags, Rights) {
    RefPtr<Dentry> at = by.parent();
    if (!at) return Errno::NODEV;
    if (inode.file_system().type_name() != Devpts::kName) at = top_of_mounts(TRY(at->child("pts")));
    const RefPtr<Inode> root = at->inode();
    if (!root) return Errno::NOENT;
    if (root->file_system().type_name() != Devpts::kName) return Errno::NODEV;
    return PtyMaster::open(static_cast<Devpts&>(root->file_system()), *at, inode, by, flags);
}

}  // namespace

Result<void> start_pseudo_terminals() {
    TRY(register_devpts());
    return register_character_device(
        {.number = {kAuxMajor, 2}, .name = "ptmx", .mode = 0666, .open = open_multiplexer});
}

}  // namespace exo::posix
