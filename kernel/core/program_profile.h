// What the scheduler has learnt of a program's bursts (lib/sched/predictor.h): kept with the
// executable's inode, held by every thread that runs it.
#pragma once

#include "lib/base/ref.h"
#include "lib/sched/predictor.h"

namespace exo {

class ProgramProfile : public RefCounted {
  public:
    sched::BurstProfile bursts;
};

}  // namespace exo
