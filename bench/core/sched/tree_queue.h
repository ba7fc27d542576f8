// The peer: a run queue as CFS has it, an intrusive red-black tree in the order of virtual run time
// with its leftmost thread cached (boost::intrusive::rbtree, which has Linux's rb_root_cached's
// properties). Same entity size as SchedEntity, and the key and links in its first line too.
#pragma once

#include <boost/intrusive/rbtree.hpp>
#include <cstdint>

#include "lib/base/cpu.h"
#include "lib/sched/entity.h"

namespace exo::bench {

struct alignas(kCacheLine) TreeEntity
    : boost::intrusive::set_base_hook<boost::intrusive::link_mode<boost::intrusive::normal_link>,
                                      boost::intrusive::optimize_size<true>> {
    std::uint64_t vruntime_ns = 0;
    std::uint32_t weight = sched::kNiceZeroWeight;
    std::uint32_t slice_left_ns = 0;
    std::uint64_t sum_exec_ns = 0;
    char rest[sizeof(sched::SchedEntity) - kCacheLine] = {};

    bool operator<(const TreeEntity& other) const { return vruntime_ns < other.vruntime_ns; }
};
static_assert(sizeof(TreeEntity) == sizeof(sched::SchedEntity));

class TreeQueue {
  public:
    void enqueue(TreeEntity& entity);
    TreeEntity* pick_next();
    void account(std::uint64_t ran_ns);
    void put_prev();

  private:
    boost::intrusive::rbtree<TreeEntity> tree_;
    TreeEntity* current_ = nullptr;
    std::uint64_t min_vruntime_ns_ = 0;
};

}  // namespace exo::bench
