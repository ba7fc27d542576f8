// A process's handles: small numbers for objects with rights. A Linux descriptor is one of them.
// Shared by the threads of a process (or by CLONE_FILES); thread-safe.
#pragma once

#include <cstdint>

#include "kernel/core/spin_lock.h"
#include "kernel/object/object.h"
#include "kernel/object/rights.h"
#include "lib/base/vector.h"

namespace exo {

/// A place in the table; POSIX's file descriptor.
enum class Fd : std::int32_t {};

struct Handle {
    Ref<Object> object;
    Rights rights;
};

enum class CloseOnExec : std::uint8_t { kNo, kYes };

class HandleTable : public RefCounted {
  public:
    static constexpr std::uint32_t kMaxHandles = 1 << 20;

    static Result<Ref<HandleTable>> create();
    /// fork(2): the same objects under the same numbers.
    Result<Ref<HandleTable>> copy();

    class Reservation;
    /// The lowest free number from `least` on. MFILE: none below `limit`; NOMEM.
    Result<Reservation> reserve(std::uint32_t limit, Fd least = Fd{0});

    /// What `fd` names, if it grants `wanted`. BADF: nothing, or, as Linux says, not open for it.
    Result<Handle> get(Fd fd, Rights wanted = Rights::kNone);

    /// The same without a reference, for the only thread that has the table: what is lent stays
    /// until that thread closes its number. Others, who hold the table for a moment, only read.
    struct Lent {
        Object& object;
        Rights rights;
    };
    Result<Lent> lend(Fd fd, Rights wanted) NO_THREAD_SAFETY_ANALYSIS {
        const Slot* slot = state_.unlocked().find(static_cast<std::uint32_t>(fd));
        if (slot == nullptr || !includes(slot->rights, wanted)) return Errno::BADF;
        return Lent{*slot->object, slot->rights};
    }

    /// BADF. Calls on_last_close() outside the table's lock. May sleep.
    Result<void> close(Fd fd);
    /// dup3(2): puts `handle` at `at`, closing what was there. BADF: `at` is not below `limit`;
    /// BUSY: the number is reserved just now; NOMEM. May sleep.
    Result<void> replace(Fd at, Handle handle, CloseOnExec close_on_exec, std::uint32_t limit);

    Result<CloseOnExec> close_on_exec(Fd fd);
    Result<void> set_close_on_exec(Fd fd, CloseOnExec value);
    void close_for_exec();
    void close_all();

    /// Calls `visit(Fd, const Handle&)` for each, without the lock: for /proc/PID/fd and
    /// close_range(2). What is opened or closed meanwhile may be missed or seen.
    template <typename Visit>
    void for_each(Visit visit) {
        std::uint32_t number = 0;
        for (; next(number); ++number) {
            const Fd fd{static_cast<std::int32_t>(number)};
            const Result<Handle> handle = get(fd);
            if (handle) visit(fd, *handle);
        }
    }

    ~HandleTable() override;

  private:
    struct Slot {
        RefPtr<Object> object;
        Rights rights = Rights::kNone;
        CloseOnExec close_on_exec = CloseOnExec::kNo;
        bool reserved = false;
        [[nodiscard]] bool free() const { return !object && !reserved; }
    };
    struct State {
        Vector<Slot> slots;
        std::uint32_t lowest_free = 0;  // nothing below is free

        /// The slot if it names something, else nullptr.
        Slot* find(std::uint32_t number) {
            return number < slots.size() && slots[number].object ? &slots[number] : nullptr;
        }
    };
    using Lock = SpinLock<LockRank::kHandles>;

    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    HandleTable() = default;

    /// At least `slots` of them. NOMEM.
    Result<void> grow(std::uint32_t slots);
    /// Moves `number` on to the next that names something. False: none does.
    bool next(std::uint32_t& number);
    /// Takes what `number` names out of the table, if it is among those selected.
    enum class Select : std::uint8_t { kAny, kCloseOnExec };
    RefPtr<Object> take(std::uint32_t number, Select select);
    void close_each(Select select);
    void cancel(Fd fd);
    void fill(Fd fd, Handle handle, CloseOnExec close_on_exec);

    Locked<State, Lock> state_;
};

/// A number that is reserved and names nothing yet (style: validate-then-commit): commit() cannot
/// fail, and dropping it frees the number.
class [[nodiscard]] HandleTable::Reservation {
  public:
    Reservation(Reservation&& other) noexcept : table_(std::move(other.table_)), fd_(other.fd_) {}
    Reservation& operator=(Reservation&&) = delete;
    ~Reservation() {
        if (table_) table_->cancel(fd_);
    }

    [[nodiscard]] Fd fd() const { return fd_; }
    /// The number names `handle` from now on; once.
    Fd commit(Handle handle, CloseOnExec close_on_exec) {
        table_->fill(fd_, std::move(handle), close_on_exec);
        table_ = {};
        return fd_;
    }

  private:
    friend class HandleTable;
    Reservation(HandleTable& table, Fd fd) : table_(&table), fd_(fd) {}

    RefPtr<HandleTable> table_;
    Fd fd_;
};

}  // namespace exo
