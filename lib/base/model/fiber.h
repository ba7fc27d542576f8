// Fiber: a stack of its own that runs a function in steps, all in one OS thread (x86-64 hosts,
// tests only). resume() enters it, suspend() leaves it. A fiber that is restarted before its
// function returned is abandoned: nothing on its stack is destroyed.
#pragma once

#include <cstddef>

namespace exo::model {

class Fiber {
  public:
    using Entry = void (*)(void* argument);

    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    /// Makes the next resume() call entry(argument) on an empty stack. `entry` must not return:
    /// its last act is a suspend() that nobody resumes.
    void restart(Entry entry, void* argument);

    /// Runs the fiber until it suspends. Not from within a fiber.
    void resume();

    /// Gives control back to the one that resumed this fiber. Only from within it.
    void suspend();

  private:
    static void start();

    void* stack_;
    void* stack_pointer_ = nullptr;
    void* resumer_ = nullptr;
    Entry entry_ = nullptr;
    void* argument_ = nullptr;
    // AddressSanitizer's view of the two stacks.
    [[maybe_unused]] void* resumer_fake_stack_ = nullptr;
    [[maybe_unused]] void* fiber_fake_stack_ = nullptr;
    [[maybe_unused]] const void* resumer_stack_ = nullptr;
    [[maybe_unused]] std::size_t resumer_stack_size_ = 0;
};

}  // namespace exo::model
