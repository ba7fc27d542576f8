// Search: depth-first over all decisions of a program that is run again and again (stateless model
// checking). A decision is which thread takes the next step, or which of several results a step
// has. All results are tried; of the schedules, with Reduction::kSourceSets, one of each class that
// differs only in the order of steps that commute.
//
// Source: Abdulla, Aronis, Jonsson, Sagonas, "Optimal Dynamic Partial Order Reduction" (POPL 2014),
// algorithm 1 (source sets and sleep sets); Musuvathi, Qadeer, "Iterative Context Bounding" (PLDI
// 2007) for the bound on preemptions, which excludes the reduction.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/model/operation.h"

namespace exo::model {

enum class Reduction : std::uint8_t { kNone, kSourceSets };

class Search {
  public:
    using Pending = std::array<Footprint, kMaxThreads>;

    Search(Reduction reduction, std::optional<unsigned> preemption_bound)
        : reduction_(reduction), preemption_bound_(preemption_bound) {}

    /// Before each run of the program.
    void rewind();

    /// The thread of `enabled` (not empty) that takes the next step, given what each is about to
    /// do. Empty: every way on from here is explored elsewhere, end this run.
    std::optional<ThreadId> pick(ThreadSet enabled, const Pending& pending);

    /// One of 0 ... count-1, the result of the step being taken.
    unsigned choose(unsigned count);

    /// After a run: prepares the next one. False when all have been made.
    bool advance();

    /// The decisions of the current run, as accepted by replay().
    [[nodiscard]] std::string decisions() const;

    /// Restricts the search to the one run that takes `decisions`.
    void replay(const std::string& decisions);

    /// Whether the program took another way although the decisions were the same.
    [[nodiscard]] bool diverged() const { return diverged_; }

  private:
    struct Node {
        bool schedule = false;
        bool analysed = false;
        unsigned count = 0;   // of a result: out of how many
        unsigned chosen = 0;  // the thread or the result taken
        ThreadSet enabled = 0;
        ThreadSet backtrack = 0;  // threads to be tried here, tried ones included
        ThreadSet done = 0;       // tried, with all that follows
        ThreadSet sleep = 0;      // need not be tried: covered before this node was reached
        unsigned incumbent = kMaxThreads;  // who took the last step, if enabled to go on
        unsigned preemptions = 0;          // in the run before this step
        Pending pending{};
        // How many steps of each thread are ordered before this step, itself included.
        std::array<std::uint32_t, kMaxThreads> clock{};

        [[nodiscard]] const Footprint& footprint() const { return pending[chosen]; }
        [[nodiscard]] bool preempts() const {
            return incumbent != kMaxThreads && chosen != incumbent;
        }
    };

    [[nodiscard]] const Node* last_schedule() const;
    [[nodiscard]] ThreadSet sleep_after(const Node& previous, const Pending& pending) const;
    void extend(ThreadSet enabled, const Pending& pending);
    void analyse(std::size_t index);
    void reverse(std::size_t earlier, std::size_t later);
    [[nodiscard]] bool ordered(std::size_t earlier, std::size_t later) const;

    Reduction reduction_;
    std::optional<unsigned> preemption_bound_;
    std::vector<Node> nodes_;
    std::size_t position_ = 0;
    bool diverged_ = false;
    std::vector<unsigned> script_;
    bool scripted_ = false;
};

}  // namespace exo::model
