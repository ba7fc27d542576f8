// Any sequence of what programs do to names, in a small tree where they meet often: each dentry
// that is found is found again by its own path, ".." leads up, and nothing is left in the end.
#include <algorithm>
#include <optional>
#include <string>

#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/names.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/host/cpu.h"

namespace {

using namespace exo;

class Input {
  public:
    explicit Input(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}
    [[nodiscard]] bool empty() const { return bytes_.empty(); }
    std::uint8_t byte() {
        if (bytes_.empty()) return 0;
        const std::uint8_t first = bytes_.front();
        bytes_ = bytes_.subspan(1);
        return first;
    }
    /// Some components of few names.
    std::string path() {
        static constexpr const char* kParts[] = {"a", "b",  "c",  "/",   "/",    "/",   "..", ".",
                                                 "/", "ab", "//", "/..", "/a/b", "l/c", "l",  "/."};
        std::string text;
        for (unsigned left = byte() % 10; left != 0; --left) text += kParts[byte() % 16];
        return text;
    }

  private:
    std::span<const std::uint8_t> bytes_;
};

/// Whether a walk along `path` ends at `there`, or memory ends before.
bool leads_to(const WalkStart& from, std::string_view path, const Dentry& there,
              const Credentials& who) {
    const auto found = walk(from, path, LastLink::kKeep, who);
    return found ? &**found == &there : found.error() == Errno::NOMEM;
}

/// What is known of every dentry that a walk found.
void check_found(const WalkStart& from, Dentry& found, const Credentials& who) {
    char text[kPathMax];
    const auto length = found.path(*from.root, text, sizeof text);
    if (!length) return;  // deeper than a path can say
    const std::string_view path(text, *length);
    EXO_CHECK(path.starts_with('/') && !path.ends_with("(deleted)"), "a walk found what is gone");
    EXO_CHECK(leads_to(from, path, found, who), "a dentry is not found by its own path");
    const RefPtr<Dentry> parent = found.parent();
    EXO_CHECK(!parent || found.is_below(*parent), "a dentry is not below its parent");
    const RefPtr<Inode> inode = found.inode();
    EXO_CHECK(inode && inode->stat().links != 0, "a name of a file without names");
    if (inode->type() != FileType::kDirectory || path.size() + 4 > sizeof text) return;
    const Dentry& up = parent ? *parent : found;
    EXO_CHECK(leads_to(from, std::string(path) + "/..", up, who), "'..' leads elsewhere");
}

void run_one(Input& input, WalkStart& from, const Credentials& who) {
    const std::uint8_t what = input.byte();
    const std::string path = input.path();
    switch (what % 8) {
        case 0:
            static_cast<void>(make_node(from, path, FileType::kDirectory, 0755, {}, who));
            break;
        case 1:
            static_cast<void>(make_symlink(from, path, input.path(), who));
            break;
        case 2: {
            OpenRequest request;
            request.create = (what & 8) != 0;
            request.exclusive = (what & 16) != 0;
            request.last = (what & 32) != 0 ? LastLink::kKeep : LastLink::kFollow;
            request.access = Rights::kRead | Rights::kWrite;
            static_cast<void>(open_path(from, path, request, who));
            break;
        }
        case 3:
        case 4: {
            constexpr RenameMode kModes[] = {RenameMode::kReplace, RenameMode::kNoReplace,
                                             RenameMode::kExchange, RenameMode::kReplace};
            static_cast<void>(
                rename_path(from, path, from, input.path(), kModes[what / 8 % 4], who));
            break;
        }
        case 5:
            static_cast<void>(
                remove_path(from, path, (what & 8) != 0 ? Remove::kDirectory : Remove::kFile, who));
            break;
        case 6: {
            const auto target = walk(from, path, LastLink::kKeep, who);
            if (target) static_cast<void>(make_link(**target, from, input.path(), who));
            break;
        }
        default: {
            const auto found = walk(from, path, LastLink::kFollow, who);
            // A process may go to any directory, also one that is removed later.
            if (found && (what & 8) != 0 && (*found)->inode()->type() == FileType::kDirectory) {
                from.at = *found;
            }
        }
    }
    const auto found = walk(from, path, LastLink::kKeep, who);
    if (found && !from.at->is_deleted()) check_found(from, **found, who);
}

void run(FileSystem& files, Input input) {
    const Credentials who;
    auto inode = files.create_root();
    auto root = Dentry::create_root(std::move(*inode));
    WalkStart from{*root, *root};
    std::optional<host::FailAllocations> failing;
    if (input.byte() % 4 == 0) failing.emplace(input.byte() * 4);
    while (!input.empty()) run_one(input, from, who);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const host::Cpu cpu;
    if (!DentryCache::start()) return 0;
    {
        const auto files = create_tmpfs({.max_bytes = 1 << 20, .max_inodes = 64});
        run(**files, Input({data, size}));
        DentryCache::get().drop_unused(**files);
    }
    EXO_CHECK(host::frames_in_use() == 0 && DentryCache::get().size() == 0, "something is left");
    return 0;
}
