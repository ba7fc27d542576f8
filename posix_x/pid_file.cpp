#include "posix_x/pid_file.h"

#include "posix_x/calls/files.h"

namespace exo::posix {

Result<Ref<PidFile>> PidFile::create(Process& process, FileFlags flags) {
    return make_ref<PidFile>(process, flags);
}

PollEvents PidFile::poll(PollTable* table) {
    if (table != nullptr) table->watch(process_->ended, process_);
    return process_->has_ended.load(std::memory_order_acquire) ? PollEvents::kIn
                                                               : PollEvents::kNone;
}

Result<Ref<PidFile>> pid_file_of(Task& task, Fd fd) {
    return TRY(file_as<PidFile>(task, fd, ObjectType::kProcessFile, Errno::BADF)).keep();
}

}  // namespace exo::posix
