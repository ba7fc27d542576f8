// The text screen, if there is a display, and the keyboard beside it. Shown are the kernel's log,
// the panic and what programs write to tty0. Its lock is below the log's: anybody may write.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/result.h"

namespace exo {

struct ScreenSize {
    std::uint16_t columns = 0, rows = 0;
};

/// Starts the display and shows the log on it, what was logged so far included. After start_pci().
/// NODEV: no display that is known; IO, NOMEM.
Result<void> start_screen();
[[nodiscard]] bool screen_present();
[[nodiscard]] ScreenSize screen_size();
void screen_write(std::span<const std::byte> bytes);

}  // namespace exo
