#include "lib/base/model/search.h"

#include <bit>
#include <cstdlib>

namespace exo::model {
namespace {

constexpr ThreadSet bit(unsigned thread) {
    return ThreadSet{1} << thread;
}

}  // namespace

void Search::rewind() {
    position_ = 0;
    diverged_ = false;
}

const Search::Node* Search::last_schedule() const {
    for (std::size_t i = nodes_.size(); i-- > 0;)
        if (nodes_[i].schedule) return &nodes_[i];
    return nullptr;
}

// Threads whose next step was explored before the step of `previous` and commutes with it: taking
// it now would repeat a class of runs.
ThreadSet Search::sleep_after(const Node& previous, const Pending& pending) const {
    const ThreadSet asleep = (previous.sleep | previous.done) & ~bit(previous.chosen);
    ThreadSet still = 0;
    for (unsigned i = 0; i < kMaxThreads; ++i) {
        if ((asleep & bit(i)) == 0) continue;
        const auto& step = previous.footprint();
        if (!conflict(step, pending[i]) &&
            !enables(step, static_cast<ThreadId>(previous.chosen), pending[i]))
            still |= bit(i);
    }
    return still;
}

std::optional<ThreadId> Search::pick(ThreadSet enabled, const Pending& pending) {
    if (position_ == nodes_.size()) {
        extend(enabled, pending);
        if (nodes_.back().chosen == kMaxThreads) {
            nodes_.pop_back();
            return std::nullopt;
        }
    }
    Node& node = nodes_[position_];
    if (!node.schedule || node.enabled != enabled) {
        diverged_ = true;
        return std::nullopt;
    }
    if (!node.analysed) {
        node.analysed = true;
        if (reduction_ == Reduction::kSourceSets && !scripted_) analyse(position_);
    }
    ++position_;
    return static_cast<ThreadId>(nodes_[position_ - 1].chosen);
}

void Search::extend(ThreadSet enabled, const Pending& pending) {
    Node node;
    node.schedule = true;
    node.enabled = enabled;
    node.pending = pending;
    node.chosen = kMaxThreads;
    ThreadSet eligible = enabled;
    if (const Node* previous = last_schedule()) {
        if ((enabled & bit(previous->chosen)) != 0) node.incumbent = previous->chosen;
        node.preemptions = previous->preemptions + (previous->preempts() ? 1 : 0);
        if (reduction_ == Reduction::kSourceSets) node.sleep = sleep_after(*previous, pending);
    }
    eligible &= ~node.sleep;
    if (preemption_bound_ && node.incumbent != kMaxThreads &&
        node.preemptions >= *preemption_bound_)
        eligible = bit(node.incumbent);
    if (scripted_) {
        if (position_ < script_.size() && (enabled & bit(script_[position_])) != 0)
            node.chosen = script_[position_];
    } else if (eligible != 0) {
        const bool stay = node.incumbent != kMaxThreads && (eligible & bit(node.incumbent)) != 0;
        node.chosen = stay ? node.incumbent : static_cast<unsigned>(std::countr_zero(eligible));
        node.backtrack = reduction_ == Reduction::kSourceSets ? bit(node.chosen) : eligible;
    }
    nodes_.push_back(node);
}

unsigned Search::choose(unsigned count) {
    if (position_ == nodes_.size()) {
        Node node;
        node.count = count;
        if (scripted_ && position_ < script_.size() && script_[position_] < count)
            node.chosen = script_[position_];
        nodes_.push_back(node);
    }
    if (nodes_[position_].schedule || nodes_[position_].count != count) {
        diverged_ = true;
        return 0;
    }
    return nodes_[position_++].chosen;
}

bool Search::advance() {
    if (scripted_) return false;
    for (; !nodes_.empty(); nodes_.pop_back()) {
        Node& node = nodes_.back();
        if (!node.schedule) {
            if (++node.chosen < node.count) return true;
            continue;
        }
        node.done |= bit(node.chosen);
        const ThreadSet left = node.backtrack & node.enabled & ~node.done & ~node.sleep;
        if (left == 0) continue;
        node.chosen = static_cast<unsigned>(std::countr_zero(left));
        node.analysed = false;
        return true;
    }
    return false;
}

bool Search::ordered(std::size_t earlier, std::size_t later) const {
    const unsigned thread = nodes_[earlier].chosen;
    return nodes_[later].clock[thread] >= nodes_[earlier].clock[thread];
}

// Computes what is ordered before step `index` and, for each earlier step that conflicts with it
// directly, sees to it that the two are tried the other way round.
void Search::analyse(std::size_t index) {
    Node& node = nodes_[index];
    const unsigned thread = node.chosen;
    node.clock = {};
    for (std::size_t i = index; i-- > 0;) {
        if (!nodes_[i].schedule || nodes_[i].chosen != thread) continue;
        node.clock = nodes_[i].clock;
        break;
    }
    ++node.clock[thread];
    // From the latest to the earliest: when one is reached that is not ordered yet, no step
    // between it and `index` orders the two.
    for (std::size_t i = index; i-- > 0;) {
        const Node& other = nodes_[i];
        if (!other.schedule || other.chosen == thread || ordered(i, index)) continue;
        const bool enabling =
            enables(other.footprint(), static_cast<ThreadId>(other.chosen), node.footprint());
        if (!enabling && !conflict(other.footprint(), node.footprint())) continue;
        if (!enabling) reverse(i, index);
        for (unsigned t = 0; t < kMaxThreads; ++t)
            if (other.clock[t] > node.clock[t]) node.clock[t] = other.clock[t];
    }
}

// The steps after `earlier` that are not ordered behind it, then `later`, are a run of their own
// from the state before `earlier`. Any of the threads it may begin with serves; one is added unless
// one is there.
void Search::reverse(std::size_t earlier, std::size_t later) {
    Node& node = nodes_[earlier];
    ThreadSet initials = 0;
    ThreadSet seen = 0;
    std::vector<std::size_t> run;
    for (std::size_t i = earlier + 1; i <= later; ++i) {
        if (!nodes_[i].schedule || (i != later && ordered(earlier, i))) continue;
        const ThreadSet thread = bit(nodes_[i].chosen);
        bool first = (seen & thread) == 0;
        for (const std::size_t before : run) first = first && !ordered(before, i);
        if (first) initials |= thread;
        seen |= thread;
        run.push_back(i);
    }
    if ((initials & (node.backtrack | node.sleep)) != 0) return;
    const ThreadSet possible = initials & node.enabled;
    // A thread that is enabled only later: whoever can enable it must be tried.
    node.backtrack |= possible != 0 ? possible & (~possible + 1) : node.enabled;
}

std::string Search::decisions() const {
    std::string text;
    for (std::size_t i = 0; i < position_; ++i) {
        if (i != 0) text += ',';
        text += std::to_string(nodes_[i].chosen);
    }
    return text;
}

void Search::replay(const std::string& decisions) {
    scripted_ = true;
    script_.clear();
    const char* at = decisions.c_str();
    while (*at != '\0') {
        char* end = nullptr;
        script_.push_back(static_cast<unsigned>(std::strtoul(at, &end, 10)));
        if (end == at) break;
        at = *end == ',' ? end + 1 : end;
    }
}

}  // namespace exo::model
