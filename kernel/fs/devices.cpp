#include "kernel/fs/devices.h"

#include <array>

#include "kernel/core/spin_lock.h"

namespace exo {

namespace {

struct Registry {
    static constexpr std::size_t kMost = 64;
    std::array<CharacterDevice, kMost> devices = {};
    std::size_t count = 0;

    const CharacterDevice* find(DeviceNumber number) const {
        for (std::size_t i = 0; i < count; ++i) {
            const DeviceNumber& each = devices[i].number;
            if (each.major == number.major && each.minor == number.minor) return &devices[i];
        }
        return nullptr;
    }
};

constinit Locked<Registry, SpinLock<LockRank::kAttributes>> registry;
constinit Atomic<OpenFifo> fifo_opener{nullptr};

}  // namespace

Result<void> register_character_device(const CharacterDevice& device) {
    auto known = registry.lock();
    if (known->find(device.number) != nullptr) return Errno::EXIST;
    if (known->count == Registry::kMost) return Errno::NOSPC;
    known->devices[known->count++] = device;
    return {};
}

Result<CharacterDevice> registered_device(std::size_t index) {
    auto known = registry.lock();
    if (index >= known->count) return Errno::NODEV;
    return known->devices[index];
}

Result<Ref<File>> open_character_device(Inode& inode, Dentry& by, FileFlags flags, Rights access) {
    OpenDevice open = nullptr;
    {
        const DeviceNumber number = inode.stat().device;
        auto known = registry.lock();
        const CharacterDevice* device = known->find(number);
        if (device != nullptr) open = device->open;
    }
    if (open == nullptr) return Errno::NXIO;
    return open(inode, by, flags, access);
}

void set_fifo_opener(OpenFifo open) {
    fifo_opener.store(open, std::memory_order_release);
}

Result<Ref<File>> open_special(Inode& inode, Dentry& by, FileFlags flags, Rights access) {
    switch (inode.type()) {
        case FileType::kCharacterDevice:
            return open_character_device(inode, by, flags, access);
        case FileType::kFifo: {
            const OpenFifo open = fifo_opener.load(std::memory_order_acquire);
            if (open == nullptr) return Errno::NXIO;
            return open(inode, by, flags, access);
        }
        default:
            return Errno::NXIO;  // sockets; block devices, of which there are none
    }
}

}  // namespace exo
