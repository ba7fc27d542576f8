#include "posix_x/inotify_users.h"

#include <new>
#include <utility>

namespace exo::posix {

constinit InotifyLimits inotify_limits;

/// Of a user who has an instance.
struct InotifyUser::Record {
    explicit Record(Uid of) : uid(of) {}
    const Uid uid;
    std::uint32_t instances = 0;  // guarded by the lock of all records
    Atomic<std::uint32_t> watches{0};
    Record* next = nullptr;

    /// Few: of users who have instances now.
    static Locked<Record*, SpinLock<LockRank::kProcessParts>> first;
};
constinit Locked<InotifyUser::Record*, SpinLock<LockRank::kProcessParts>>
    InotifyUser::Record::first{nullptr};

Result<InotifyUser> InotifyUser::begin(Uid uid) {
    auto* const fresh = new (std::nothrow) Record(uid);
    if (fresh == nullptr) return Errno::NOMEM;
    Record* record;
    bool may_have_more = false;
    {
        auto first = Record::first.lock();
        record = *first;
        while (record != nullptr && record->uid != uid) record = record->next;
        const std::uint32_t have = record == nullptr ? 0 : record->instances;
        may_have_more = have < inotify_limits.instances.load(std::memory_order_relaxed);
        if (may_have_more && record == nullptr) {
            record = fresh;
            fresh->next = std::exchange(*first, fresh);
        }
        if (may_have_more) ++record->instances;
    }
    if (record != fresh) delete fresh;
    if (!may_have_more) return Errno::MFILE;
    return InotifyUser(record);
}

InotifyUser::~InotifyUser() {
    if (record_ == nullptr) return;
    {
        auto first = Record::first.lock();
        if (--record_->instances != 0) return;
        Record** at = &*first;
        while (*at != record_) at = &(*at)->next;
        *at = record_->next;
    }
    delete record_;
}

// relaxed: a count that guards nothing else.
Result<void> InotifyUser::add_watch() {
    const std::uint32_t most = inotify_limits.watches.load(std::memory_order_relaxed);
    std::uint32_t have = record_->watches.load(std::memory_order_relaxed);
    do {
        if (have >= most) return Errno::NOSPC;
    } while (!record_->watches.compare_exchange_weak(have, have + 1, std::memory_order_relaxed));
    return {};
}

void InotifyUser::remove_watch() {
    record_->watches.fetch_sub(1, std::memory_order_relaxed);
}

}  // namespace exo::posix
