// The display of Bochs and QEMU (-vga std, -device bochs-display): a linear framebuffer, its mode
// set by registers in memory (QEMU: docs/specs/standard-vga.rst).
#pragma once

#include <cstdint>

#include "lib/base/result.h"
#include "lib/screen/text_screen.h"

namespace exo {

/// Finds the first one, sets that mode with 32 bits a pixel and maps its memory. NODEV: there is
/// none; IO: it has other registers or too little memory; NOMEM. After start_pci().
Result<screen::Framebuffer> start_bochs_display(std::uint16_t width, std::uint16_t height);

}  // namespace exo
