// What travels beside the data of sendmsg(2) and recvmsg(2): cmsg(3), unix(7).
#pragma once

#include "abi/linux/socket.h"
#include "kernel/ipc/unix_socket.h"
#include "posix_x/arguments.h"
#include "posix_x/task.h"

namespace exo::posix {

/// Takes handles and credentials out of `bytes` of control messages into `message`. INVAL, BADF,
/// PERM, SRCH, NOBUFS (too long), TOOMANYREFS, FAULT, NOMEM.
Result<void> read_control(Task& task, UserAddr at, std::uint64_t bytes,
                          UnixSocket::Outgoing& message);

/// What was received, as control messages in the program's memory.
class ControlWriter {
  public:
    ControlWriter(UserAddr at, std::uint64_t bytes) : at_(at), left_(at.is_null() ? 0 : bytes) {}

    /// FAULT.
    Result<void> write_sender(const PeerIdentity& sender);
    /// Gives the handles numbers of the process, as many as there is room and are free.
    void write_handles(Task& task, const SentHandles& handles, CloseOnExec close_on_exec);

    [[nodiscard]] std::uint64_t written() const { return written_; }
    /// Something was left out (MSG_CTRUNC).
    [[nodiscard]] bool cut() const { return cut_; }

  private:
    void step(std::uint64_t bytes);

    UserAddr at_;
    std::uint64_t left_;
    std::uint64_t written_ = 0;
    bool cut_ = false;
};

}  // namespace exo::posix
