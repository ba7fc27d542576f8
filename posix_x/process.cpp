#include "posix_x/process.h"

#include "posix_x/terminal.h"

namespace exo::posix {

Kinship::Kinship() = default;
Kinship::~Kinship() = default;

void Process::limit_space(AddressSpace& of) {
    of.set_limit(limits.soft(abi::Limit::kAddressSpace));
    of.set_data_limit(limits.soft(abi::Limit::kData));
    of.set_stack_limit(limits.soft(abi::Limit::kStack));
}

}  // namespace exo::posix
