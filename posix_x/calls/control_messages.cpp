#include "posix_x/calls/control_messages.h"

#include <algorithm>

#include "abi/linux/capability.h"
#include "posix_x/calls/files.h"
#include "posix_x/calls/sockets.h"
#include "posix_x/process_table.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kMostControl = 131072;  // net.core.optmem_max
constexpr Uid kOverflowId = 65534;

constexpr std::uint64_t aligned(std::uint64_t bytes) {
    return (bytes + 7) & ~std::uint64_t{7};
}

Result<void> read_handles(Task& task, UserAddr at, std::uint64_t count,
                          UnixSocket::Outgoing& message) {
    if (count == 0) return {};
    if (count > SentHandles::kMost) return Errno::INVAL;
    if (!message.handles) message.handles = TRY(SentHandles::create());
    for (std::size_t i = 0; i < count; ++i) {
        const auto number = TRY(UserIn<std::int32_t>{at}.read(i));
        const Handle handle = TRY(task.process().handles->get(Fd{number}, Rights::kTransfer));
        TRY(message.handles->add(handle));
    }
    return {};
}

/// A sender says who it is: one of its own identities, unless it may take any (unix(7)).
Result<void> read_sender(Task& task, UserAddr at, UnixSocket::Outgoing& message) {
    abi::Ucred said;
    TRY(read_user(&said, at, sizeof said));
    const auto who = task.process().credentials();
    const bool pid_ok = said.pid == static_cast<std::int32_t>(task.process().pid) ||
                        who->capable(abi::kCapSysAdmin);
    const bool uid_ok = said.uid == who->uid || said.uid == who->effective_uid ||
                        said.uid == who->saved_uid || who->capable(abi::kCapSetuid);
    const bool gid_ok = said.gid == who->gid || said.gid == who->effective_gid ||
                        said.gid == who->saved_gid || who->capable(abi::kCapSetgid);
    if (!pid_ok || !uid_ok || !gid_ok) return Errno::PERM;
    if (process_table().lock()->find(Pid{said.pid}) == nullptr) return Errno::SRCH;
    message.sender = PeerIdentity{said.pid, said.uid, said.gid};
    return {};
}

}  // namespace

Result<void> read_control(Task& task, UserAddr at, std::uint64_t bytes,
                          UnixSocket::Outgoing& message) {
    if (bytes > kMostControl) return Errno::NOBUFS;
    while (bytes >= sizeof(abi::CmsgHdr)) {
        const auto header = TRY(UserIn<abi::CmsgHdr>{at}.read());
        if (header.bytes < sizeof header || header.bytes > bytes) return Errno::INVAL;
        const UserAddr data = at + sizeof header;
        const std::uint64_t size = header.bytes - sizeof header;
        if (header.level == abi::kSolSocket) {
            if (header.type == abi::kScmRights) {
                TRY(read_handles(task, data, size / sizeof(std::int32_t), message));
            } else if (header.type == abi::kScmCredentials) {
                if (size != sizeof(abi::Ucred)) return Errno::INVAL;
                TRY(read_sender(task, data, message));
            } else {
                return Errno::INVAL;
            }
        }
        const std::uint64_t step = std::min(aligned(header.bytes), bytes);
        at = at + step;
        bytes -= step;
    }
    return {};
}

void ControlWriter::step(std::uint64_t bytes) {
    const std::uint64_t space = std::min(aligned(bytes), left_);
    at_ = at_ + space;
    left_ -= space;
    written_ += space;
}

Result<void> ControlWriter::write_sender(const PeerIdentity& sender) {
    struct Message {
        abi::CmsgHdr header;
        abi::Ucred credentials;
        std::uint32_t padding;
    };
    constexpr std::uint64_t kBytes = sizeof(abi::CmsgHdr) + sizeof(abi::Ucred);
    if (left_ < sizeof(abi::CmsgHdr)) {
        cut_ = true;
        return {};
    }
    const std::uint64_t bytes = std::min(kBytes, left_);
    if (bytes < kBytes) cut_ = true;
    const auto known = [](std::uint32_t id) { return id == ~0u ? kOverflowId : id; };
    const Message message{{bytes, abi::kSolSocket, abi::kScmCredentials},
                          {sender.process, known(sender.uid), known(sender.gid)},
                          0};
    TRY(write_user(at_, &message, bytes));
    step(bytes);
    return {};
}

void ControlWriter::write_handles(Task& task, const SentHandles& handles,
                                  CloseOnExec close_on_exec) {
    constexpr std::uint64_t kHeader = sizeof(abi::CmsgHdr);
    const std::span<const Handle> all = handles.all();
    const std::size_t room = left_ < kHeader ? 0 : (left_ - kHeader) / sizeof(std::int32_t);
    const std::size_t wanted = std::min(all.size(), room);
    std::size_t given = 0;
    for (; given < wanted; ++given) {
        auto reserved = task.process().handles->reserve(file_limit(task));
        if (!reserved) break;
        const auto number = static_cast<std::int32_t>(reserved->fd());
        if (!UserOut<std::int32_t>{at_ + kHeader}.write(given, number)) break;
        static_cast<void>(reserved->commit(all[given], close_on_exec));
    }
    if (given < all.size()) cut_ = true;
    if (given == 0) return;
    const std::uint64_t bytes = kHeader + given * sizeof(std::int32_t);
    const abi::CmsgHdr header{bytes, abi::kSolSocket, abi::kScmRights};
    // The numbers were written behind it: if this place is gone meanwhile, they are the program's
    // loss.
    static_cast<void>(write_user(at_, &header, sizeof header));
    step(bytes);
}

}  // namespace exo::posix
