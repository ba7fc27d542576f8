// Mappings taken out of an address space under its lock, deleted after it: they may hold the last
// reference to a file.
#pragma once

#include "kernel/mm/address_space.h"
#include "lib/base/list.h"

namespace exo {

class AddressSpace::Doomed {
  public:
    Doomed() = default;
    ~Doomed() {
        while (Mapping* const mapping = mappings_.pop_front()) delete mapping;
    }
    Doomed(const Doomed&) = delete;
    Doomed& operator=(const Doomed&) = delete;

    void add(Mapping& mapping) { mappings_.push_back(mapping); }

  private:
    List<Mapping, &Mapping::doomed_link> mappings_;
};

}  // namespace exo
