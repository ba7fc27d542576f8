#include "posix_x/system_name.h"

#include <cstring>

#include "kernel/core/spin_lock.h"

namespace exo::posix {
namespace {

struct Names {
    char node[kNodeNameBytes] = "exo";
    char domain[kNodeNameBytes] = "(none)";
};
constinit Locked<Names, IrqSpinLock<LockRank::kProcessParts>> names;

void set(char (&to)[kNodeNameBytes], std::string_view name) {
    std::memset(to, 0, sizeof to);
    name.copy(to, sizeof to - 1);
}

}  // namespace

abi::UtsName system_name() {
    abi::UtsName name = {"", "", "", "", "x86_64", ""};
    std::memcpy(name.system, kSystemName, sizeof kSystemName);
    std::memcpy(name.release, kRelease, sizeof kRelease);
    std::memcpy(name.version, kVersion, sizeof kVersion);
    auto own = names.lock();
    std::memcpy(name.node, own->node, sizeof own->node);
    std::memcpy(name.domain, own->domain, sizeof own->domain);
    return name;
}

void set_node_name(std::string_view name) {
    set(names.lock()->node, name);
}

void set_domain_name(std::string_view name) {
    set(names.lock()->domain, name);
}

}  // namespace exo::posix
