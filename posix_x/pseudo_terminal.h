// Pseudo-terminals (pty(7)): a terminal, the slave, whose port is a program that holds the master.
// What the slave sends lies in the port until the master reads it; what the master writes goes
// through the slave's line discipline at once.
//
// Lock order: the slave's state > the port's ring.
#pragma once

#include "posix_x/devpts.h"
#include "posix_x/terminal.h"

namespace exo::posix {

/// Between slave and master.
class PtyPort final : public TerminalPort {
  public:
    static constexpr std::size_t kCapacity = 8192;

    // For the slave.
    void write(std::span<const std::byte> bytes) override;
    std::size_t room() override { return kCapacity - ring_.lock()->count; }
    void tell(std::uint8_t event) override;
    void adjust(abi::Termios& settings) override;
    void closed() override { set_closed(true); }
    void opened() override { set_closed(false); }

    // For the master.
    struct Ready {
        std::size_t bytes;
        std::uint8_t events;  ///< of packet mode, 0 without it
        bool closed;          ///< nobody has the slave open who had it
    };
    [[nodiscard]] Ready ready();
    /// Up to `to.size()` bytes; how many.
    std::size_t take(std::span<std::byte> to);
    /// The events of packet mode, which are told once.
    std::uint8_t take_events();
    void discard();
    [[nodiscard]] bool packet_mode() { return ring_.lock()->packet; }
    void set_packet_mode(bool on);
    [[nodiscard]] WaitQueue& readers() { return readers_; }

  private:
    struct Ring {
        std::byte bytes[kCapacity];
        std::size_t first = 0, count = 0;
        std::uint8_t events = 0;
        bool packet = false, closed = false;
    };
    void set_closed(bool closed);

    Locked<Ring, SpinLock<LockRank::kDevice>> ring_;
    WaitQueue readers_;
};

/// The file that opening /dev/ptmx gives.
class PtyMaster final : public File {
  public:
    /// Makes a pair whose slave has a name in `at`, the root of a devpts. NOSPC: as many as may be;
    /// NOMEM.
    static Result<Ref<File>> open(Devpts& names, Dentry& at, Inode& inode, Dentry& by,
                                  FileFlags flags);

    Result<std::size_t> read(IoCursor& to) override;
    Result<std::size_t> write(IoCursor& from) override;
    Result<long> ioctl(std::uint32_t request, std::uint64_t argument) override;
    PollEvents poll(PollTable* table) override;
    Result<std::size_t> readable_bytes() override { return port_->ready().bytes; }
    [[nodiscard]] RefPtr<Inode> inode() const override { return inode_; }
    [[nodiscard]] RefPtr<Dentry> dentry() const override { return dentry_; }

    PtyMaster(Ref<PtyPort> port, Ref<PtsInode> slave, Dentry& names, Inode& inode, Dentry& by,
              FileFlags flags);
    ~PtyMaster() override { hang_up(); }

  private:
    void hang_up() override;
    [[nodiscard]] Terminal& terminal() const { return slave_->terminal(); }
    Result<void> wait_readable();
    Result<long> open_peer(std::uint32_t flags);
    Result<long> signal_foreground(std::uint64_t number);

    const Ref<PtyPort> port_;
    const Ref<PtsInode> slave_;
    const Ref<Dentry> names_;  // the root of its devpts
    const Ref<Inode> inode_;
    const Ref<Dentry> dentry_;
    bool closed_ = false;
};

/// Registers devpts and /dev/ptmx; once, at boot. NOMEM.
Result<void> start_pseudo_terminals();

}  // namespace exo::posix
