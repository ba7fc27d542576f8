// signalfd(2): signals that are read. Whoever reads takes its own: what is pending for the reading
// thread and its process.
#pragma once

#include "kernel/fs/file.h"
#include "posix_x/process.h"

namespace exo::posix {

class SignalFile final : public File {
  public:
    static Result<Ref<SignalFile>> create(std::uint64_t mask, FileFlags flags);

    void set_mask(std::uint64_t mask) { mask_.store(mask, std::memory_order_relaxed); }

    /// Whole records of 128 bytes, as many as there are signals and room. INVAL: room for none.
    Result<std::size_t> read(IoCursor& to) override;
    /// Of the running thread.
    PollEvents poll(PollTable* table) override;

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "[signalfd]"; }
    template <typename T, typename... Arguments>
    friend Result<Ref<T>> exo::make_ref(Arguments&&... arguments);
    SignalFile(std::uint64_t mask, FileFlags flags)
        : File(ObjectType::kSignals, flags), mask_(mask) {}

    [[nodiscard]] std::uint64_t mask() const { return mask_.load(std::memory_order_relaxed); }
    bool keep(Process& process);

    Atomic<std::uint64_t> mask_;
    // Processes in whose queue somebody was told to stand: they stay as long as this does.
    Locked<Vector<Ref<Process>>, Mutex<LockRank::kPipe>> watched_;
};

}  // namespace exo::posix
