// What is done when memory has run out: declared here, defined by the personality, which knows what
// can be ended.
#pragma once

#include <cstdint>

namespace exo {

/// Has somebody's memory given back, so that an allocation for a program is worth another try.
/// False: the caller is who must end, or there is nothing to be had; then the allocation failed.
/// May sleep; the caller holds no lock that an address space or memory object needs.
bool relieve_memory();

}  // namespace exo
