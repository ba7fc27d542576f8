// Ends of children as something that poll(2) waits for, beside descriptors.
#pragma once

namespace init {

/// From now on. False: errno tells.
bool watch_children();

/// A descriptor that is readable once a child has ended, until cleared: before they are waited for.
int child_events();
void clear_child_events();

}  // namespace init
