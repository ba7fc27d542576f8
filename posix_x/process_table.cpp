#include "posix_x/process_table.h"

namespace exo::posix {
namespace {

LockedProcessTable* the_table = nullptr;

}  // namespace

Result<void> create_process_table() {
    the_table = new (std::nothrow) LockedProcessTable;
    if (the_table == nullptr) return Errno::NOMEM;
    return {};
}

LockedProcessTable& process_table() {
    return *the_table;
}

ProcessTable::Slot* ProcessTable::slot(Pid id) const {
    if (id <= 0 || id >= kMaxPid) return nullptr;
    Chunk* chunk = chunks_[id / kChunk];
    return chunk == nullptr ? nullptr : &chunk->slots[id % kChunk];
}

Result<ProcessTable::Slot*> ProcessTable::make_slot(Pid id) {
    Chunk*& chunk = chunks_[id / kChunk];
    if (chunk == nullptr) chunk = new (std::nothrow) Chunk;
    if (chunk == nullptr) return Errno::NOMEM;
    return &chunk->slots[id % kChunk];
}

Result<Pid> ProcessTable::reserve_id() {
    constexpr Pid kFirstAfterWrap = 300;  // as Linux: low numbers stay with who began early
    for (Pid tried = 0; tried < kMaxPid; ++tried) {
        if (++last_id_ >= kMaxPid) last_id_ = kFirstAfterWrap;
        Slot* found = TRY(make_slot(last_id_));
        if (!found->free()) continue;
        found->reserved = true;
        return last_id_;
    }
    return Errno::AGAIN;
}

void ProcessTable::release_id(Pid id) {
    slot(id)->reserved = false;
}

void ProcessTable::set_task(Pid id, Task* task) {
    slot(id)->task = task;
}

Task* ProcessTable::find_task(Pid id) {
    Slot* found = slot(id);
    return found == nullptr ? nullptr : found->task;
}

Process* ProcessTable::find(Pid pid) {
    Slot* found = slot(pid);
    return found == nullptr ? nullptr : found->process;
}

Process& ProcessTable::init() {
    EXO_CHECK(init_ != nullptr, "there is no first process");
    return *init_;
}

void ProcessTable::add(Process& process, Process* parent, Pid group, Pid session) {
    process.ref();
    slot(process.pid)->process = &process;
    all_.push_back(process);
    ++count_;
    if (parent == nullptr) {
        init_ = &process;
    } else {
        set_parent(process, parent);
        parent->children.push_back(process);
    }
    set_group(process, group, session);
}

Ref<Process> ProcessTable::remove(Process& process) {
    set_group(process, 0, 0);
    slot(process.pid)->process = nullptr;
    release_id(process.pid);
    process.all_link.unlink();
    process.sibling_link.unlink();
    set_parent(process, nullptr);
    --count_;
    return Ref<Process>::adopt(process);
}

void ProcessTable::set_group(Process& process, Pid group, Pid session) {
    for (const Pid old : {process.kin.group, process.kin.session})
        if (old != 0) --slot(old)->members;
    for (const Pid now : {group, session})
        if (now != 0) ++slot(now)->members;
    process.kin.group = group;
    process.kin.session = session;
    process.identity.group.store(group, std::memory_order_relaxed);
}

void ProcessTable::set_parent(Process& process, Process* parent) {
    process.kin.parent = parent;
    process.identity.parent.store(parent == nullptr ? 0 : parent->pid, std::memory_order_relaxed);
}

bool ProcessTable::group_exists(Pid group, Pid session) {
    for (Process* each = first(); each != nullptr; each = next(*each))
        if (each->kin.group == group && each->kin.session == session) return true;
    return false;
}

bool ProcessTable::group_is_orphaned(Pid group, Process* without) {
    for (Process* each = first(); each != nullptr; each = next(*each)) {
        if (each->kin.group != group || each == without || each->kin.zombie) continue;
        const Process* parent = each->kin.parent;
        if (parent != nullptr && parent != init_ && parent->kin.group != group &&
            parent->kin.session == each->kin.session) {
            return false;
        }
    }
    return true;
}

Result<Ref<Task>> find_thread(Task& self, Pid tid) {
    if (tid == 0 || tid == self.tid) return Ref<Task>(self);
    auto table = process_table().lock();
    Task* found = table->find_task(tid);
    if (found == nullptr) return Errno::SRCH;
    return Ref<Task>(*found);
}

}  // namespace exo::posix
