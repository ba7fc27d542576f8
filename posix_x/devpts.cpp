#include "posix_x/devpts.h"

#include <algorithm>
#include <charconv>

#include "kernel/fs/devices.h"
#include "kernel/fs/inode_file.h"
#include "kernel/fs/mount_options.h"
#include "kernel/fs/mounts.h"

namespace exo::posix {

namespace {

// Numbers of inodes, as Linux has them: slaves begin behind.
constexpr std::uint64_t kRootNumber = 1, kPtmxNumber = 2, kFirstNumber = 3;
constexpr std::string_view kPtmx = "ptmx";

/// `text`, all of it, as a number. INVAL.
Result<std::uint32_t> parse(std::string_view text, int base) {
    std::uint32_t value = 0;
    const char* const end = text.data() + text.size();
    const auto [at, error] = std::from_chars(text.data(), end, value, base);
    if (error != std::errc() || at != end) return Errno::INVAL;
    return value;
}

class PtmxInode final : public DevptsInode {
  public:
    using DevptsInode::DevptsInode;
    PtmxInode(FileSystem& file_system, const InodeStat& stat) : DevptsInode(file_system, stat) {}
    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights access) override {
        return open_character_device(*this, by, flags, access);
    }
};

class Directory final : public DevptsInode {
  public:
    Directory(Devpts& file_system, const InodeStat& stat, Ref<Inode> ptmx)
        : DevptsInode(file_system, stat), ptmx_(std::move(ptmx)) {}

    Result<Ref<File>> open(Dentry& by, FileFlags flags, Rights) override {
        return InodeFile::open(*this, by, flags);
    }
    Result<Ref<Inode>> lookup(std::string_view name) override {
        if (name == kPtmx) return ptmx_;
        const bool canonical = name == "0" || (!name.empty() && name.front() != '0');
        const Result<std::uint32_t> number = parse(name, 10);
        if (!number || !canonical) return Errno::NOENT;
        RefPtr<PtsInode> slave = devpts().find(*number);
        if (!slave) return Errno::NOENT;
        return Ref<Inode>(slave.to_ref());
    }
    // An entry's offset is its number's, behind ptmx's.
    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        if (offset == kFirstEntry) {
            if (!sink.entry(kPtmx, kPtmxNumber, FileType::kCharacterDevice, offset + 1)) return {};
            ++offset;
        }
        for (; offset - kFirstEntry - 1 < Devpts::kMost; ++offset) {
            const auto number = static_cast<std::uint32_t>(offset - kFirstEntry - 1);
            if (!devpts().find(number)) continue;
            char text[12];
            const auto end = std::to_chars(text, text + sizeof text, number).ptr;
            if (!sink.entry({text, end}, kFirstNumber + number, FileType::kCharacterDevice,
                            offset + 1))
                break;
        }
        return {};
    }

  private:
    [[nodiscard]] Devpts& devpts() const { return static_cast<Devpts&>(file_system()); }
    const Ref<Inode> ptmx_;
};

InodeStat new_stat(std::uint64_t number, FileType type, Mode mode) {
    InodeStat stat;
    stat.number = number;
    stat.type = type;
    stat.mode = mode;
    stat.links = type == FileType::kDirectory ? 2 : 1;
    stat.accessed = stat.modified = stat.changed = now_timestamp();
    return stat;
}

/// One of the mount's options (filesystems/devpts). INVAL.
Result<void> parse_option(std::string_view option, Devpts::Options& options) {
    if (option == "newinstance") return {};  // each is
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos) return Errno::INVAL;
    const std::string_view key = option.substr(0, equals);
    const std::string_view value = option.substr(equals + 1);
    if (key == "uid") {
        options.uid = TRY(parse(value, 10));
        options.has_uid = true;
    } else if (key == "gid") {
        options.gid = TRY(parse(value, 10));
        options.has_gid = true;
    } else if (key == "mode") {
        options.mode = static_cast<Mode>(TRY(parse(value, 8)) & 07777);
    } else if (key == "ptmxmode") {
        options.ptmx_mode = static_cast<Mode>(TRY(parse(value, 8)) & 07777);
    } else if (key == "max") {
        options.most = std::min(TRY(parse(value, 10)), Devpts::kMost);
    } else {
        return Errno::INVAL;
    }
    return {};
}

Result<Ref<FileSystem>> create_devpts(std::string_view text) {
    Devpts::Options options;
    TRY(for_each_option(text, [&](auto option) { return parse_option(option, options); }));
    return Ref<FileSystem>(TRY(make_ref<Devpts>(options)));
}

}  // namespace

FileSystemStat Devpts::stat() {
    return {.magic = 0x1cd1, .block_size = kPageSize};  // DEVPTS_SUPER_MAGIC, statfs(2)
}

Result<Ref<Inode>> Devpts::create_root() {
    InodeStat ptmx = new_stat(kPtmxNumber, FileType::kCharacterDevice, options_.ptmx_mode);
    ptmx.device = {kAuxMajor, 2};
    ptmx.uid = options_.uid;
    ptmx.gid = options_.gid;
    Ref<Inode> multiplexer = TRY(make_ref<PtmxInode>(*this, ptmx));
    const InodeStat root = new_stat(kRootNumber, FileType::kDirectory, 0755);
    return Ref<Inode>(TRY(make_ref<Directory>(*this, root, std::move(multiplexer))));
}

Result<std::uint32_t> Devpts::take_number() {
    auto slots = slots_.lock();
    for (std::uint32_t number = 0; number < options_.most; ++number) {
        if ((*slots)[number].taken) continue;
        (*slots)[number].taken = true;
        return number;
    }
    return Errno::NOSPC;
}

void Devpts::release_number(std::uint32_t number) {
    (*slots_.lock())[number].taken = false;
}

Result<Ref<PtsInode>> Devpts::add(Ref<TerminalPort> port, const Credentials& owner) {
    const std::uint32_t number = TRY(take_number());
    InodeStat stat = new_stat(kFirstNumber + number, FileType::kCharacterDevice, options_.mode);
    stat.uid = options_.has_uid ? options_.uid : owner.fs_uid;
    stat.gid = options_.has_gid ? options_.gid : owner.fs_gid;
    stat.device = {kPtsMajor, number};
    auto terminal = make_ref<Terminal>(std::move(port), stat.device, abi::WindowSize{});
    if (!terminal) {
        release_number(number);
        return terminal.error();
    }
    auto slave = make_ref<PtsInode>(*this, stat, std::move(*terminal));
    if (!slave) {
        release_number(number);
        return slave.error();
    }
    (*slots_.lock())[number].named = RefPtr<PtsInode>(*slave);
    return slave;
}

void Devpts::remove(PtsInode& slave) {
    RefPtr<PtsInode> named;  // given back without the lock
    std::swap(named, (*slots_.lock())[slave.number()].named);
}

RefPtr<PtsInode> Devpts::find(std::uint32_t number) {
    if (number >= kMost) return {};
    return (*slots_.lock())[number].named;
}

Result<Ref<File>> PtsInode::open(Dentry& by, FileFlags flags, Rights) {
    if (locked()) return Errno::IO;
    return TerminalFile::open(*terminal_, *this, by, flags);
}

Result<void> register_devpts() {
    return register_file_system({Devpts::kName, create_devpts});
}

}  // namespace exo::posix
