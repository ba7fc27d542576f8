#include "posix_x/process.h"

#include "posix_x/terminal.h"

namespace exo::posix {

Kinship::Kinship() = default;
Kinship::~Kinship() = default;

void Process::limit_space(AddressSpace& of) {
    of.set_limit(limit(abi::Limit::kAddressSpace).current);
    of.set_data_limit(limit(abi::Limit::kData).current);
    of.set_stack_limit(limit(abi::Limit::kStack).current);
}

}  // namespace exo::posix
