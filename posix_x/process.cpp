#include "posix_x/process.h"

#include "posix_x/terminal.h"

namespace exo::posix {

Kinship::Kinship() = default;
Kinship::~Kinship() = default;

}  // namespace exo::posix
