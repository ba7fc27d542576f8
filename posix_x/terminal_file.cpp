#include "posix_x/terminal.h"

namespace exo::posix {

TerminalFile::TerminalFile(Terminal& terminal, Inode& inode, Dentry& by, FileFlags flags)
    : File(ObjectType::kDevice, flags), terminal_(terminal), inode_(inode), dentry_(by) {}

Result<Ref<File>> TerminalFile::open(Terminal& terminal, Inode& inode, Dentry& by,
                                     FileFlags flags) {
    Ref<TerminalFile> file = TRY(make_ref<TerminalFile>(terminal, inode, by, flags));
    TRY(terminal.open());
    file->closed_ = false;
    return Ref<File>(std::move(file));
}

void TerminalFile::hang_up() {
    if (!std::exchange(closed_, true)) terminal_->close();
}

Result<std::size_t> TerminalFile::read(IoCursor& to) {
    return terminal_->read(to, has(flags(), FileFlags::kNonBlocking));
}
Result<std::size_t> TerminalFile::write(IoCursor& from) {
    return terminal_->write(from, has(flags(), FileFlags::kNonBlocking));
}
Result<long> TerminalFile::ioctl(std::uint32_t request, std::uint64_t argument) {
    return terminal_->ioctl(request, UserAddr{argument});
}
PollEvents TerminalFile::poll(PollTable* table) {
    return terminal_->poll(table);
}

}  // namespace exo::posix
