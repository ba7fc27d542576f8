#include "posix_x/places.h"

namespace exo::posix {

Result<Ref<Places>> Places::copy() {
    const WalkStart start = walk_start();
    return make_ref<Places>(start.root, start.at, umask());
}

WalkStart Places::walk_start() {
    auto state = state_.lock();
    return {state->root, state->directory};
}

// What was there before is released when the parameter dies, after the lock: the last reference to
// a dentry may do more than a spin lock allows.
void Places::set_directory(Ref<Dentry> directory) {
    auto state = state_.lock();
    std::swap(state->directory, directory);
}

void Places::set_root(Ref<Dentry> root) {
    auto state = state_.lock();
    std::swap(state->root, root);
}

}  // namespace exo::posix
