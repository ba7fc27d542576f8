// All processes and threads by number, groups and sessions (credentials(7)). One lock for this and
// for all kinship (rank kProcessTable), since a change of kinship concerns several processes:
//   auto table = process_table().lock();   if (Process* process = table->find(pid)) ...
// A process in the table is referenced by it until it has been waited for.
#pragma once

#include "lib/base/box.h"
#include "posix_x/process.h"
#include "posix_x/task.h"

namespace exo::posix {

class ProcessTable {
  public:
    static constexpr Pid kMaxPid = 32768;

    /// A number that is no one's, thread's or group's; given back by release_id(), or by remove().
    /// AGAIN: all are taken; NOMEM. Counts on, so that a number is not reused soon.
    Result<Pid> reserve_id();
    void release_id(Pid id);

    void set_task(Pid id, Task* task);
    [[nodiscard]] Task* find_task(Pid id);
    /// Zombies too.
    [[nodiscard]] Process* find(Pid pid);

    /// Adds a process below `parent` (nullptr: the first), in `group` and `session`.
    void add(Process& process, Process* parent, Pid group, Pid session);
    /// Takes a zombie out; the caller gets the table's reference.
    Ref<Process> remove(Process& process);
    void set_group(Process& process, Pid group, Pid session);
    /// nullptr: none. The list of children is the caller's.
    static void set_parent(Process& process, Process* parent);

    [[nodiscard]] Process* first() { return all_.front(); }
    [[nodiscard]] Process* next(Process& process) { return all_.next(process); }
    [[nodiscard]] Process& init();
    [[nodiscard]] std::uint32_t count() const { return count_; }
    [[nodiscard]] Pid last_id() const { return last_id_; }

    /// Whether some process of the group is in `session`.
    [[nodiscard]] bool group_exists(Pid group, Pid session);
    /// No member's parent is in another group of the same session: nobody could continue it.
    [[nodiscard]] bool group_is_orphaned(Pid group, Process* without = nullptr);

  private:
    struct Slot {
        Task* task = nullptr;
        Process* process = nullptr;
        std::uint32_t members = 0;  ///< processes whose group or session has this number
        bool reserved = false;
        [[nodiscard]] bool free() const {
            return task == nullptr && process == nullptr && members == 0 && !reserved;
        }
    };
    static constexpr Pid kChunk = 512;
    struct Chunk {
        Slot slots[kChunk];
    };
    [[nodiscard]] Slot* slot(Pid id) const;
    Result<Slot*> make_slot(Pid id);

    Chunk* chunks_[kMaxPid / kChunk] = {};
    List<Process, &Process::all_link> all_;
    Process* init_ = nullptr;
    Pid last_id_ = 0;
    std::uint32_t count_ = 0;
};

using LockedProcessTable = Locked<ProcessTable, IrqSpinLock<LockRank::kProcessTable>>;

/// Once, at boot. NOMEM.
Result<void> create_process_table();
[[nodiscard]] LockedProcessTable& process_table();

/// The thread with that id, 0 for `self`, which is the running one. SRCH.
Result<Ref<Task>> find_thread(Task& self, Pid tid);

}  // namespace exo::posix
