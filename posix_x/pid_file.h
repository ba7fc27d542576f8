// pidfd_open(2): a descriptor that names a process, whatever becomes of its number; readable once
// the process has ended.
#pragma once

#include "kernel/fs/file.h"
#include "posix_x/process.h"

namespace exo::posix {

class PidFile final : public File {
  public:
    static Result<Ref<PidFile>> create(Process& process, FileFlags flags);

    [[nodiscard]] Process& process() const { return *process_; }
    PollEvents poll(PollTable* table) override;

    PidFile(Process& process, FileFlags flags)
        : File(ObjectType::kProcessFile, flags), process_(process) {}

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "[pidfd]"; }
    const Ref<Process> process_;
};

class Task;

/// The process that `fd` names. BADF: it names none.
Result<Ref<PidFile>> pid_file_of(Task& task, Fd fd);

}  // namespace exo::posix
