// What a file says that cannot do it.
#include "kernel/fs/file.h"

#include "kernel/fs/dentry.h"
#include "kernel/mm/memory_object.h"

namespace exo {

Result<std::uint64_t> position_from(std::uint64_t base, std::int64_t offset) {
    std::uint64_t position;
    if (__builtin_add_overflow(base, offset, &position)) return Errno::INVAL;
    if (position > kMaxFileOffset) return Errno::INVAL;
    return position;
}

Result<std::size_t> File::read(IoCursor&) {
    return Errno::INVAL;
}
Result<std::size_t> File::write(IoCursor&) {
    return Errno::INVAL;
}
Result<std::size_t> File::read_at(IoCursor&, std::uint64_t) {
    return Errno::SPIPE;
}
Result<std::size_t> File::write_at(IoCursor&, std::uint64_t) {
    return Errno::SPIPE;
}
Result<std::uint64_t> File::seek(std::int64_t, Whence) {
    return Errno::SPIPE;
}
Result<long> File::ioctl(std::uint32_t, std::uint64_t) {
    return Errno::NOTTY;
}
PollEvents File::poll(PollTable*) {
    return PollEvents::kIn | PollEvents::kOut;
}
Result<void> File::read_directory(DirectorySink&) {
    return Errno::NOTDIR;
}
Result<Ref<MemoryObject>> File::memory_object() {
    return Errno::NODEV;
}
Result<void> File::sync() {
    return Errno::INVAL;
}
Result<std::size_t> File::readable_bytes() {
    return Errno::NOTTY;
}

}  // namespace exo
