// getuid(2), setuid(2) and their kin, groups, sessions: who a process is.
#include "abi/linux/capability.h"
#include "posix_x/calls.h"
#include "posix_x/capabilities.h"
#include "posix_x/identity.h"
#include "posix_x/process_table.h"
#include "posix_x/terminal.h"

namespace exo::posix {

Result<Ref<Credentials>> copy_credentials(const Credentials& from) {
    auto copy = TRY(make_ref<Credentials>());
    copy->uid = from.uid, copy->effective_uid = from.effective_uid;
    copy->saved_uid = from.saved_uid, copy->fs_uid = from.fs_uid;
    copy->gid = from.gid, copy->effective_gid = from.effective_gid;
    copy->saved_gid = from.saved_gid, copy->fs_gid = from.fs_gid;
    copy->capabilities = from.capabilities;
    copy->secure_bits = from.secure_bits;
    copy->no_new_privileges = from.no_new_privileges;
    for (const Gid group : from.groups) TRY(copy->groups.push_back(group));
    return copy;
}

namespace {

constexpr std::uint32_t kKeep = ~std::uint32_t{0};

/// Real, effective and saved id of a user or a group.
struct Ids {
    std::uint32_t real, effective, saved;
    [[nodiscard]] bool has(std::uint32_t id) const {
        return id == real || id == effective || id == saved;
    }
};

Ids users_of(const Credentials& who) {
    return {who.uid, who.effective_uid, who.saved_uid};
}
Ids groups_of(const Credentials& who) {
    return {who.gid, who.effective_gid, who.saved_gid};
}

Result<long> set_users(Task& task, const Ids& ids) {
    const auto now = task.process().credentials();
    return change_credentials(task.process(), [&](Credentials& next) {
        next.uid = ids.real;
        next.effective_uid = next.fs_uid = ids.effective;
        next.saved_uid = ids.saved;
        follow_users(*now, next);
    });
}

Result<long> set_groups(Task& task, const Ids& ids) {
    return change_credentials(task.process(), [&](Credentials& next) {
        next.gid = ids.real;
        next.effective_gid = next.fs_gid = ids.effective;
        next.saved_gid = ids.saved;
    });
}

/// setresuid(2): each is kept, or one of the old ones, or anything for who is privileged.
Result<Ids> choose_all(const Ids& old, bool privileged, std::uint32_t real, std::uint32_t effective,
                       std::uint32_t saved) {
    for (const std::uint32_t id : {real, effective, saved})
        if (id != kKeep && !privileged && !old.has(id)) return Errno::PERM;
    return Ids{real == kKeep ? old.real : real, effective == kKeep ? old.effective : effective,
               saved == kKeep ? old.saved : saved};
}

/// setuid(2): all three for who is privileged, else the effective one.
Result<Ids> choose_one(const Ids& old, bool privileged, std::uint32_t id) {
    if (id == kKeep) return Errno::INVAL;
    if (privileged) return Ids{id, id, id};
    if (id != old.real && id != old.saved) return Errno::PERM;
    return Ids{old.real, id, old.saved};
}

/// setreuid(2).
Result<Ids> choose_two(const Ids& old, bool privileged, std::uint32_t real,
                       std::uint32_t effective) {
    if (real != kKeep && !privileged && real != old.real && real != old.effective)
        return Errno::PERM;
    if (effective != kKeep && !privileged && !old.has(effective)) return Errno::PERM;
    Ids next = {real == kKeep ? old.real : real, effective == kKeep ? old.effective : effective,
                old.saved};
    if (real != kKeep || (effective != kKeep && effective != old.real)) next.saved = next.effective;
    return next;
}

bool may_set_users(Task& task) {
    return task.process().credentials()->capable(abi::kCapSetuid);
}
bool may_set_groups(Task& task) {
    return task.process().credentials()->capable(abi::kCapSetgid);
}

}  // namespace

Result<long> sys_getresuid(Task& task, UserOut<std::uint32_t> real,
                           UserOut<std::uint32_t> effective, UserOut<std::uint32_t> saved) {
    const Ids ids = users_of(*task.process().credentials());
    TRY(real.write(ids.real));
    TRY(effective.write(ids.effective));
    TRY(saved.write(ids.saved));
    return 0;
}
Result<long> sys_getresgid(Task& task, UserOut<std::uint32_t> real,
                           UserOut<std::uint32_t> effective, UserOut<std::uint32_t> saved) {
    const Ids ids = groups_of(*task.process().credentials());
    TRY(real.write(ids.real));
    TRY(effective.write(ids.effective));
    TRY(saved.write(ids.saved));
    return 0;
}

Result<long> sys_setuid(Task& task, std::uint32_t id) {
    const Ids old = users_of(*task.process().credentials());
    const Ids next = TRY(choose_one(old, may_set_users(task), id));
    return set_users(task, next);
}
Result<long> sys_setgid(Task& task, std::uint32_t id) {
    const Ids old = groups_of(*task.process().credentials());
    const Ids next = TRY(choose_one(old, may_set_groups(task), id));
    return set_groups(task, next);
}
Result<long> sys_setreuid(Task& task, std::uint32_t real, std::uint32_t effective) {
    const Ids old = users_of(*task.process().credentials());
    const Ids next = TRY(choose_two(old, may_set_users(task), real, effective));
    return set_users(task, next);
}
Result<long> sys_setregid(Task& task, std::uint32_t real, std::uint32_t effective) {
    const Ids old = groups_of(*task.process().credentials());
    const Ids next = TRY(choose_two(old, may_set_groups(task), real, effective));
    return set_groups(task, next);
}
Result<long> sys_setresuid(Task& task, std::uint32_t real, std::uint32_t effective,
                           std::uint32_t saved) {
    const Ids old = users_of(*task.process().credentials());
    const Ids next = TRY(choose_all(old, may_set_users(task), real, effective, saved));
    return set_users(task, next);
}
Result<long> sys_setresgid(Task& task, std::uint32_t real, std::uint32_t effective,
                           std::uint32_t saved) {
    const Ids old = groups_of(*task.process().credentials());
    const Ids next = TRY(choose_all(old, may_set_groups(task), real, effective, saved));
    return set_groups(task, next);
}

// setfsuid(2) tells the id before and never fails.
Result<long> sys_setfsuid(Task& task, std::uint32_t id) {
    const auto who = task.process().credentials();
    if (id != kKeep && (may_set_users(task) || users_of(*who).has(id) || id == who->fs_uid)) {
        TRY(change_credentials(task.process(), [&](Credentials& next) {
            next.fs_uid = id;
            follow_file_user(*who, next);
        }));
    }
    return who->fs_uid;
}
Result<long> sys_setfsgid(Task& task, std::uint32_t id) {
    const auto who = task.process().credentials();
    if (id != kKeep && (may_set_groups(task) || groups_of(*who).has(id) || id == who->fs_gid)) {
        TRY(change_credentials(task.process(), [id](Credentials& next) { next.fs_gid = id; }));
    }
    return who->fs_gid;
}

Result<long> sys_getgroups(Task& task, std::int32_t capacity, UserOut<std::uint32_t> out) {
    const auto who = task.process().credentials();
    const auto count = static_cast<std::int32_t>(who->groups.size());
    if (capacity < 0) return Errno::INVAL;
    if (capacity == 0) return count;
    if (capacity < count) return Errno::INVAL;
    for (std::size_t i = 0; i < who->groups.size(); ++i) TRY(out.write(i, who->groups[i]));
    return count;
}

Result<long> sys_setgroups(Task& task, std::int32_t count, UserIn<std::uint32_t> in) {
    constexpr std::int32_t kMost = 65536;
    if (!may_set_groups(task)) return Errno::PERM;
    if (count < 0 || count > kMost) return Errno::INVAL;
    return change_credentials(task.process(), [&](Credentials& next) -> Result<void> {
        next.groups.clear();
        for (std::int32_t i = 0; i < count; ++i) {
            const Gid group = TRY(in.read(static_cast<std::size_t>(i)));
            TRY(next.groups.push_back(group));
        }
        return {};
    });
}

namespace {

/// The process called `pid`, 0 for the caller's own; under the table's lock. SRCH.
Result<Process*> find(ProcessTable& table, Task& task, Pid pid) {
    if (pid == 0) return &task.process();
    Process* found = table.find(pid);
    if (found == nullptr) return Errno::SRCH;
    return found;
}

}  // namespace

Result<long> sys_getpgid(Task& task, Pid pid) {
    auto table = process_table().lock();
    return TRY(find(*table, task, pid))->kin.group;
}
Result<long> sys_getsid(Task& task, Pid pid) {
    auto table = process_table().lock();
    return TRY(find(*table, task, pid))->kin.session;
}

Result<long> sys_setpgid(Task& task, Pid pid, Pid group) {
    if (group < 0) return Errno::INVAL;
    Process& self = task.process();
    auto table = process_table().lock();
    Process* target = TRY(find(*table, task, pid));
    if (target != &self && target->kin.parent != &self) return Errno::SRCH;
    if (target != &self && target->kin.session != self.kin.session) return Errno::PERM;
    if (target != &self && target->kin.has_executed) return Errno::ACCES;
    if (target->kin.session == target->pid) return Errno::PERM;
    if (group == 0) group = target->pid;
    if (group != target->pid && !table->group_exists(group, self.kin.session)) return Errno::PERM;
    table->set_group(*target, group, target->kin.session);
    return 0;
}

Result<long> sys_setsid(Task& task) {
    Process& self = task.process();
    RefPtr<Terminal> left;
    auto table = process_table().lock();
    for (Process* each = table->first(); each != nullptr; each = table->next(*each))
        if (each->kin.group == self.pid) return Errno::PERM;
    table->set_group(self, self.pid, self.pid);
    std::swap(left, self.kin.terminal);
    self.kin.hung_up_foreground = 0;
    return self.pid;
}

}  // namespace exo::posix
