// What /proc/PID/fdinfo/N says of an open file (proc(5)).
#include <bit>

#include "kernel/fs/mounts.h"
#include "posix_x/calls/files.h"
#include "posix_x/inotify_file.h"
#include "posix_x/procfs/proc_inode.h"

namespace exo::posix {

namespace {

/// The number of the mount that `dentry` is in; 0: none, or one that was taken away.
std::uint32_t mount_number(Dentry& dentry) {
    class Finder final : public MountVisitor {
      public:
        explicit Finder(const Dentry& root) : root_(root) {}
        bool mount(const MountInfo& info) override {
            if (&info.root != &root_) return true;
            found = info.id;
            return false;
        }
        std::uint32_t found = 0;

      private:
        const Dentry& root_;
    } finder(dentry.mount_root());
    for_each_mount(finder);
    return finder.found;
}

/// Octal digits of `value`, with a leading zero.
Result<void> write_octal(Text& text, std::uint32_t value) {
    TRY(text.append("0"));
    int shift = (31 - std::countl_zero(value | 1)) / 3 * 3;
    for (; shift >= 0; shift -= 3) TRY(text.print("{}", value >> shift & 7));
    return {};
}

Result<void> write_watches(InotifyFile& inotify, Text& text) {
    for (InotifyFile::WatchInfo each = inotify.next_watch(1); each.number != 0;
         each = inotify.next_watch(each.number + 1)) {
        // dev_t as the kernel has it, major number 0.
        TRY(text.print("inotify wd:{:x} ino:{:x} sdev:{:x} mask:{:x} ignored_mask:0\n", each.number,
                       each.inode->stat().number, each.inode->file_system().device_minor(),
                       each.mask));
        if (each.number == INT32_MAX) break;
    }
    return {};
}

}  // namespace

Result<void> write_descriptor(const OpenDescriptor& open, Text& text) {
    File& file = *open.file;
    const auto position = file.seek(0, Whence::kCurrent);
    std::uint32_t flags = open_flags_of(file.flags(), open.rights);
    if (open.close_on_exec == CloseOnExec::kYes) flags |= abi::kOCloseOnExec;
    const RefPtr<Dentry> dentry = file.dentry();
    TRY(text.print("pos:\t{}\nflags:\t", position.value_or(0)));
    TRY(write_octal(text, flags));
    TRY(text.print("\nmnt_id:\t{}\nino:\t{}\n", dentry ? mount_number(*dentry) : 0,
                   file.inode()->stat().number));
    if (file.type() == ObjectType::kInotify)
        TRY(write_watches(static_cast<InotifyFile&>(file), text));
    return {};
}

}  // namespace exo::posix
