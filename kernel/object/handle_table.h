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

    /// A number that is reserved and names nothing yet (style: validate-then-commit): commit()
    /// cannot fail, and dropping it frees the number.
    class Reservation;
    /// The lowest free number from `least` on. MFILE: none below `limit`; NOMEM.
    Result<Reservation> reserve(std::uint32_t limit, Fd least = Fd{0});

    /// What `fd` names. BADF: nothing.
    Result<Handle> get(Fd fd);
    /// The same if it grants `wanted`, else BADF, as Linux says of a descriptor not open for it.
    Result<Handle> get(Fd fd, Rights wanted);

    /// BADF. Calls on_last_close() outside the table's lock. May sleep.
    Result<void> close(Fd fd);
    /// dup3(2): puts `handle` at `at`, closing what was there. BADF: `at` is not below `limit`.
    Result<void> replace(Fd at, Handle handle, CloseOnExec close_on_exec, std::uint32_t limit);

    Result<CloseOnExec> close_on_exec(Fd fd);
    Result<void> set_close_on_exec(Fd fd, CloseOnExec value);
    void close_for_exec();
    void close_all();

    /// Calls `visit(Fd, const Handle&)` for each, on a copy: for /proc/PID/fd and close_range(2).
    template <typename Visit>
    void for_each(Visit visit);
};

}  // namespace exo
