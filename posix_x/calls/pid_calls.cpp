// pidfd_open(2), pidfd_getfd(2): processes by descriptor.
#include "posix_x/calls.h"
#include "posix_x/calls/files.h"
#include "posix_x/inspection.h"
#include "posix_x/pid_file.h"
#include "posix_x/process_table.h"

namespace exo::posix {

Result<long> sys_pidfd_open(Task& task, Pid pid, Flags flags) {
    if (!flags.only(abi::kONonBlock) || pid <= 0) return Errno::INVAL;
    RefPtr<Process> process;
    {
        auto table = process_table().lock();
        process = RefPtr<Process>(table->find(pid));
        if (!process) return table->find_task(pid) != nullptr ? Errno::INVAL : Errno::SRCH;
    }
    Ref<File> file = TRY(PidFile::create(*process, file_flags_of(flags.bits)));
    return install(task, std::move(file), abi::kOReadWrite, CloseOnExec::kYes);
}

Result<long> sys_pidfd_getfd(Task& task, Fd pidfd, Fd fd, Flags flags) {
    if (!flags.only(0)) return Errno::INVAL;
    const auto of = TRY(pid_file_of(task, pidfd));
    if (!may_inspect(task.process(), of->process(), InspectBy::kRealIds)) return Errno::PERM;
    const RefPtr<HandleTable> handles = of->process().pin_handles();
    if (!handles) return Errno::SRCH;
    Handle handle = TRY(handles->get(fd));
    auto reservation = TRY(task.process().handles->reserve(file_limit(task)));
    return static_cast<long>(reservation.commit(std::move(handle), CloseOnExec::kYes));
}

}  // namespace exo::posix
