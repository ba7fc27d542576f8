// The file system as a whole: limits, options, its root.
#include "kernel/fs/tmpfs.h"

#include <algorithm>

#include "kernel/arch/address.h"
#include "kernel/fs/mount_options.h"
#include "kernel/fs/tmpfs_inode.h"
#include "lib/base/format.h"

namespace exo {

bool TmpfsUse::charge(std::uint64_t amount) {
    // relaxed: a count of its own, which publishes nothing.
    std::uint64_t used = used_.load(std::memory_order_relaxed);
    const std::uint64_t most = limit();
    do {
        if (used > most || amount > most - used) return false;
    } while (!used_.compare_exchange_weak(used, used + amount, std::memory_order_relaxed));
    return true;
}

bool TmpfsUse::set_limit(std::uint64_t limit) {
    if (used() > limit) return false;
    limit_.store(limit, std::memory_order_relaxed);
    return true;
}

FileSystemStat Tmpfs::stat() {
    constexpr std::uint32_t kMagic = 0x01021994;  // TMPFS_MAGIC, statfs(2)
    const auto left = [](const TmpfsUse& use) {
        return use.limit() - std::min(use.used(), use.limit());
    };
    return {.magic = kMagic,
            .block_size = kPageSize,
            .blocks = pages.limit(),
            .free_blocks = left(pages),
            .inodes = inodes.limit(),
            .free_inodes = left(inodes)};
}

Result<Ref<Inode>> Tmpfs::create_root() {
    return TRY(TmpfsInode::create_inode(*this, FileType::kDirectory, root_mode_, 0, 0, {}));
}

namespace {

std::uint64_t default_limit() {
    return memory_use().total_bytes / 2 / kPageSize;
}

std::uint64_t pages_of(const TmpfsOptions& options) {
    if (options.max_bytes == 0) return default_limit();
    return options.max_bytes / kPageSize + (options.max_bytes % kPageSize != 0 ? 1 : 0);
}

}  // namespace

Result<Ref<FileSystem>> create_tmpfs(const TmpfsOptions& options) {
    const std::uint64_t inodes = options.max_inodes == 0 ? default_limit() : options.max_inodes;
    return TRY(make_ref<Tmpfs>(pages_of(options), inodes, options.root_mode, options.type));
}

std::size_t Tmpfs::show_options(std::span<char> to) {
    std::size_t used = 0;
    if (pages.limit() != default_limit())
        used += format_to(to.subspan(used), ",size={}k", pages.limit() * (kPageSize / 1024));
    if (inodes.limit() != default_limit())
        used += format_to(to.subspan(used), ",nr_inodes={}", inodes.limit());
    if (root_mode_ != TmpfsOptions{}.root_mode)
        used += format_to(to.subspan(used), ",mode={}{}{}", root_mode_ >> 6, root_mode_ >> 3 & 7,
                          root_mode_ & 7);
    return used + format_to(to.subspan(used), ",inode64");
}

namespace {

/// "64m" or "10%" (of RAM), as memparse and tmpfs(5) read it. INVAL.
Result<std::uint64_t> parse_amount(std::string_view text, std::uint64_t whole) {
    std::uint64_t value = 0;
    if (text.empty()) return Errno::INVAL;
    while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
        const auto digit = static_cast<std::uint64_t>(text.front() - '0');
        if (__builtin_mul_overflow(value, 10, &value)) return Errno::INVAL;
        if (__builtin_add_overflow(value, digit, &value)) return Errno::INVAL;
        text.remove_prefix(1);
    }
    if (text.empty()) return value;
    if (text.size() != 1) return Errno::INVAL;
    if (text == "%") {
        if (__builtin_mul_overflow(value, whole / 100, &value)) return Errno::INVAL;
        return value;
    }
    constexpr std::string_view kSuffixes = "kmgt";
    const std::size_t power = kSuffixes.find(static_cast<char>(text.front() | 0x20));
    if (power == std::string_view::npos) return Errno::INVAL;
    if (__builtin_mul_overflow(value, std::uint64_t{1} << 10 * (power + 1), &value)) {
        return Errno::INVAL;
    }
    return value;
}

Result<std::uint16_t> parse_mode(std::string_view text) {
    unsigned mode = 0;
    if (text.empty() || text.size() > 5) return Errno::INVAL;
    for (const char c : text) {
        if (c < '0' || c > '7') return Errno::INVAL;
        mode = mode * 8 + static_cast<unsigned>(c - '0');
    }
    return static_cast<std::uint16_t>(mode & 07777);
}

Result<void> parse_option(std::string_view option, TmpfsOptions& options) {
    if (option == "inode64") return {};  // they always are
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) return Errno::INVAL;
    const std::string_view key = option.substr(0, equals);
    const std::string_view value = option.substr(equals + 1);
    if (key == "size") {
        options.max_bytes = TRY(parse_amount(value, memory_use().total_bytes));
    } else if (key == "nr_blocks") {
        const std::uint64_t blocks = TRY(parse_amount(value, 0));
        if (__builtin_mul_overflow(blocks, kPageSize, &options.max_bytes)) return Errno::INVAL;
    } else if (key == "nr_inodes") {
        options.max_inodes = TRY(parse_amount(value, 0));
    } else if (key == "mode") {
        options.root_mode = TRY(parse_mode(value));
    } else {
        return Errno::INVAL;
    }
    return {};
}

Result<TmpfsOptions> parse_options(std::string_view text, TmpfsOptions options) {
    TRY(for_each_option(text, [&](auto option) { return parse_option(option, options); }));
    return options;
}

}  // namespace

Result<Ref<FileSystem>> create_tmpfs_from_options(std::string_view text) {
    return create_tmpfs_like({}, text);
}

Result<Ref<FileSystem>> create_tmpfs_like(TmpfsOptions defaults, std::string_view text) {
    return create_tmpfs(TRY(parse_options(text, defaults)));
}

// A mode is for the root that is made when it is mounted: here it says nothing, as on Linux.
Result<void> Tmpfs::reconfigure(std::string_view text) {
    const TmpfsOptions options = TRY(parse_options(text, {}));
    const std::uint64_t before = pages.limit();
    if (options.max_bytes != 0 && !pages.set_limit(pages_of(options))) return Errno::INVAL;
    if (options.max_inodes != 0 && !inodes.set_limit(options.max_inodes)) {
        static_cast<void>(pages.set_limit(before));
        return Errno::INVAL;
    }
    return {};
}

}  // namespace exo
