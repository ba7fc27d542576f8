#include "bench/core/sched/tree_queue.h"

namespace exo::bench {

void TreeQueue::enqueue(TreeEntity& entity) {
    tree_.insert_equal(entity);
}

TreeEntity* TreeQueue::pick_next() {
    const auto leftmost = tree_.begin();
    if (leftmost == tree_.end()) return nullptr;
    current_ = &*leftmost;
    tree_.erase(leftmost);
    min_vruntime_ns_ = current_->vruntime_ns;
    return current_;
}

void TreeQueue::account(std::uint64_t ran_ns) {
    current_->sum_exec_ns += ran_ns;
    // Nice 0, the common case, needs no division in CFS either (calc_delta_fair()).
    current_->vruntime_ns += current_->weight == sched::kNiceZeroWeight
                                 ? ran_ns
                                 : ran_ns * sched::kNiceZeroWeight / current_->weight;
}

void TreeQueue::put_prev() {
    tree_.insert_equal(*current_);
    current_ = nullptr;
}

}  // namespace exo::bench
