// The kernel's half of every address space: image, direct map, kernel mappings. Nothing is writable
// and executable, and the frames of the image's text are not writable through the direct map
// either.
#pragma once

#include <span>

#include "kernel/arch/boot_info.h"
#include "kernel/arch/page_table.h"

namespace exo {

/// Builds the kernel's tables and makes them this CPU's. Afterwards the boot tables, with their
/// identity map, are out of use. NOMEM.
Result<arch::PageTable> make_kernel_space(std::span<const arch::MemoryRange> usable,
                                          arch::TableFrames& frames);

/// The image's frames, boot part included.
[[nodiscard]] arch::MemoryRange kernel_image_frames();

}  // namespace exo
