// A scope guard for undoing (style: validate-then-commit): runs at the end of the scope unless it
// was disarmed.
#pragma once

#include <utility>

namespace exo {

template <typename Action>
class [[nodiscard]] Defer {
  public:
    explicit Defer(Action action) : action_(std::move(action)) {}
    ~Defer() {
        if (armed_) action_();
    }
    Defer(const Defer&) = delete;
    Defer& operator=(const Defer&) = delete;
    void disarm() { armed_ = false; }

  private:
    Action action_;
    bool armed_ = true;
};

}  // namespace exo
