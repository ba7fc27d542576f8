// /proc (proc(5)): what the kernel and its processes say of themselves. A file's text is made when
// it is opened. Names are tables: one entry a file, with what makes its text.
#pragma once

#include "kernel/fs/file_system.h"
#include "posix_x/process.h"
#include "posix_x/procfs/text.h"

namespace exo::posix {

/// A file of /proc itself, or of /proc/exo: what no other kernel tells.
struct SystemEntry {
    std::string_view name;
    Result<void> (*write_text)(Text& text);
};
[[nodiscard]] std::span<const SystemEntry> system_entries();
[[nodiscard]] std::span<const SystemEntry> exo_entries();

/// Whether a file shows what only who may inspect the process sees; all symlinks do.
enum class Inspects : std::uint8_t { kNo, kYes };

/// A file or symlink of /proc/PID: one of the two is set.
struct ProcessEntry {
    std::string_view name;
    std::uint16_t mode;
    Result<void> (*write_text)(Process& process, Text& text);
    /// NOENT: leads nowhere. Needs the process's own files.
    Result<Ref<Dentry>> (*target)(Process& process);
    /// Of a file that can be written: takes what was written, without white space around it. INVAL.
    Result<void> (*set)(Process& process, std::string_view text) = nullptr;
    Inspects inspects = Inspects::kNo;
};
[[nodiscard]] std::span<const ProcessEntry> process_entries();

/// The text of /proc/mounts and, as there is one namespace, of /proc/PID/mounts.
enum class MountFormat : std::uint8_t { kMounts, kMountInfo };
Result<void> write_mounts(Text& text, MountFormat format);

/// Registers "proc" for mount(2). NOMEM.
Result<void> register_procfs();

/// The process whose directory of /proc `file` is open on; empty: it is something else.
[[nodiscard]] RefPtr<Process> process_of_directory(const File& file);

}  // namespace exo::posix
