// The other core of a two-core benchmark: a thread pinned there that runs one job at a time,
// handed over through memory so that starting a job makes no system call.
#pragma once

#include <atomic>
#include <functional>
#include <thread>

namespace exo::bench {

class Partner {
  public:
    /// Starts the thread, pinned to `cpu`.
    explicit Partner(int cpu);
    ~Partner();
    Partner(const Partner&) = delete;
    Partner& operator=(const Partner&) = delete;

    /// Hands `job` over and returns once the other core has begun it. One job at a time.
    void start(std::function<void()> job);

    /// Spins until the job has ended.
    void wait();

  private:
    enum State : int { kIdle, kHanded, kRunning, kStop };

    void serve(int cpu);

    std::function<void()> job_;
    std::atomic<int> state_{kIdle};
    std::thread thread_;
};

}  // namespace exo::bench
