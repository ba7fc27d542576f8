// Character devices by number: what opening a device node opens. A device is registered once, at
// boot; devfs shows each under its name.
#pragma once

#include <string_view>

#include "kernel/fs/dentry.h"
#include "kernel/fs/file.h"
#include "kernel/object/rights.h"

namespace exo {

/// Opens the device that `inode` names; NXIO: no such minor.
using OpenDevice = Result<Ref<File>> (*)(Inode& inode, Dentry& by, FileFlags flags, Rights access);

struct CharacterDevice {
    DeviceNumber number;
    std::string_view name;  ///< below /dev, such as "null" or "pts/0"; lives for ever
    Mode mode;
    OpenDevice open;
};

/// EXIST: the number is taken; NOSPC: too many. A devfs created afterwards has a node for it.
Result<void> register_character_device(const CharacterDevice& device);
/// The registered devices by index, in order of registration. NODEV: no more.
Result<CharacterDevice> registered_device(std::size_t index);
/// For inodes of type kCharacterDevice. NXIO: nobody registered it.
Result<Ref<File>> open_character_device(Inode& inode, Dentry& by, FileFlags flags, Rights access);

/// What opening a FIFO does; set once by kernel/ipc.
using OpenFifo = Result<Ref<File>> (*)(Inode& inode, Dentry& by, FileFlags flags, Rights access);
void set_fifo_opener(OpenFifo open);

/// Opens an inode that is a device, FIFO or socket by its type, for file systems that store such.
Result<Ref<File>> open_special(Inode& inode, Dentry& by, FileFlags flags, Rights access);

/// A new devfs: a tmpfs with a node for each device that is registered by now. Takes tmpfs's
/// options.
Result<Ref<FileSystem>> create_devfs_from_options(std::string_view options);

/// Registers null, zero, full, random, urandom and kmsg.
Result<void> register_memory_devices();

}  // namespace exo
