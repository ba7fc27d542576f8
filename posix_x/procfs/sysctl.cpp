// /proc/sys (sysctl(8)): the kernel's settings, each a file. A table of paths; directories are what
// lies between the slashes. What cannot be changed is not writable.
#include <algorithm>

#include "kernel/core/random.h"
#include "kernel/ipc/pipe.h"
#include "posix_x/inotify_users.h"
#include "posix_x/process_table.h"
#include "posix_x/procfs/proc_inode.h"
#include "posix_x/system_name.h"

namespace exo::posix {

namespace {

struct Setting {
    std::string_view path;
    Result<void> (*write_text)(Text& text);
    /// nullptr: it cannot be changed. `value` is without the newline at its end.
    Result<void> (*set)(std::string_view value);
};

Result<void> write_node_name(Text& text) {
    const abi::UtsName name = system_name();
    return text.print("{}\n", static_cast<const char*>(name.node));
}

Result<void> write_domain_name(Text& text) {
    const abi::UtsName name = system_name();
    return text.print("{}\n", static_cast<const char*>(name.domain));
}

template <void (*set)(std::string_view name)>
Result<void> set_name(std::string_view value) {
    if (value.size() >= kNodeNameBytes) value = value.substr(0, kNodeNameBytes - 1);
    set(value);
    return {};
}

template <const auto& kText>
Result<void> write_constant(Text& text) {
    return text.print("{}\n", static_cast<const char*>(kText));
}

template <std::uint64_t kValue>
Result<void> write_number(Text& text) {
    return text.print("{}\n", kValue);
}

template <Atomic<std::uint32_t> InotifyLimits::* kLimit>
Result<void> write_inotify_limit(Text& text) {
    return text.print("{}\n", (inotify_limits.*kLimit).load(std::memory_order_relaxed));
}

template <Atomic<std::uint32_t> InotifyLimits::* kLimit>
Result<void> set_inotify_limit(std::string_view value) {
    const std::int32_t number = parse_number(value);
    if (number < 0) return Errno::INVAL;
    (inotify_limits.*kLimit).store(static_cast<std::uint32_t>(number), std::memory_order_relaxed);
    return {};
}

/// RFC 9562, version 4.
struct Uuid {
    char text[37];
};
Uuid make_uuid() {
    std::byte random[16];
    fill_random(random, sizeof random);
    random[6] = (random[6] & std::byte{0x0f}) | std::byte{0x40};
    random[8] = (random[8] & std::byte{0x3f}) | std::byte{0x80};
    Uuid uuid{};
    std::size_t at = 0;
    for (std::size_t i = 0; i < sizeof random; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) uuid.text[at++] = '-';
        constexpr char kDigits[] = "0123456789abcdef";
        uuid.text[at++] = kDigits[static_cast<unsigned>(random[i]) >> 4];
        uuid.text[at++] = kDigits[static_cast<unsigned>(random[i]) & 15];
    }
    return uuid;
}

Result<void> write_uuid(Text& text) {
    const Uuid uuid = make_uuid();
    return text.print("{}\n", static_cast<const char*>(uuid.text));
}

/// One for each boot: made when somebody first asks.
Result<void> write_boot_id(Text& text) {
    static constinit Locked<Uuid, SpinLock<LockRank::kProcessParts>> boot_id;
    const Uuid fresh = make_uuid();
    Uuid uuid;
    {
        auto held = boot_id.lock();
        if (held->text[0] == '\0') *held = fresh;
        uuid = *held;
    }
    return text.print("{}\n", static_cast<const char*>(uuid.text));
}

// Sorted by path. What a program reads here is what the kernel does: addresses are not randomised,
// any amount of memory may be promised.
constexpr Setting kSettings[] = {
    {"fs/inotify/max_queued_events", write_inotify_limit<&InotifyLimits::events>,
     set_inotify_limit<&InotifyLimits::events>},
    {"fs/inotify/max_user_instances", write_inotify_limit<&InotifyLimits::instances>,
     set_inotify_limit<&InotifyLimits::instances>},
    {"fs/inotify/max_user_watches", write_inotify_limit<&InotifyLimits::watches>,
     set_inotify_limit<&InotifyLimits::watches>},
    {"fs/pipe-max-size", write_number<kPipeCapacity>, nullptr},
    {"kernel/cap_last_cap", write_number<abi::kCapLast>, nullptr},
    {"kernel/domainname", write_domain_name, set_name<set_domain_name>},
    {"kernel/hostname", write_node_name, set_name<set_node_name>},
    {"kernel/ngroups_max", write_number<65536>, nullptr},
    {"kernel/osrelease", write_constant<kRelease>, nullptr},
    {"kernel/ostype", write_constant<kSystemName>, nullptr},
    {"kernel/pid_max", write_number<ProcessTable::kMaxPid>, nullptr},
    {"kernel/random/boot_id", write_boot_id, nullptr},
    {"kernel/random/entropy_avail", write_number<256>, nullptr},
    {"kernel/random/poolsize", write_number<256>, nullptr},
    {"kernel/random/uuid", write_uuid, nullptr},
    {"kernel/randomize_va_space", write_number<0>, nullptr},
    {"kernel/version", write_constant<kVersion>, nullptr},
    {"vm/overcommit_memory", write_number<1>, nullptr},
};

/// An open setting: reads its text, takes a value as one write.
class SettingFile final : public TextFile {
  public:
    SettingFile(Text text, Inode& inode, Dentry& by, const Setting& setting)
        : TextFile(std::move(text), inode, by), setting_(setting) {}

    Result<std::size_t> write(IoCursor& from) override {
        char value[128];
        const std::size_t size = from.remaining();
        if (size > sizeof value) return Errno::INVAL;
        TRY(from.take(value, size));
        std::string_view text(value, size);
        while (!text.empty() && (text.back() == '\n' || text.back() == '\0')) text.remove_suffix(1);
        TRY(setting_.set(text));
        return size;
    }

  private:
    const Setting& setting_;
};

class SettingInode final : public ProcInode {
  public:
    SettingInode(FileSystem& file_system, std::size_t index)
        : ProcInode(file_system, FileType::kRegular, kSettings[index].set == nullptr ? 0444 : 0644,
                    number_of(0, kFirstSysEntry + index), {}),
          setting_(kSettings[index]) {}

    Result<Ref<File>> open(Dentry& by, FileFlags, Rights access) override {
        if (includes(access, Rights::kWrite) && setting_.set == nullptr) return Errno::ACCES;
        Text text;
        TRY(setting_.write_text(text));
        return Ref<File>(TRY(make_ref<SettingFile>(std::move(text), *this, by, setting_)));
    }

  private:
    const Setting& setting_;
};

/// The settings whose paths begin with `prefix`, which ends in '/' or is empty.
class SettingDirectory final : public ProcInode {
  public:
    SettingDirectory(FileSystem& file_system, std::string_view prefix, std::uint64_t number)
        : ProcInode(file_system, FileType::kDirectory, 0555, number, {}), prefix_(prefix) {}

    Result<Ref<Inode>> lookup(std::string_view name) override {
        for (std::size_t i = 0; i < std::size(kSettings); ++i) {
            if (!belongs(i) || component(i) != name) continue;
            if (is_setting(i)) return Ref<Inode>(TRY(make_ref<SettingInode>(file_system(), i)));
            const std::string_view below =
                kSettings[i].path.substr(0, prefix_.size() + name.size() + 1);
            return Ref<Inode>(TRY(make_ref<SettingDirectory>(file_system(), below, number(i))));
        }
        return Errno::NOENT;
    }

    Result<void> read_directory(std::uint64_t& offset, DirectorySink& sink) override {
        for (; offset - kFirstEntry < std::size(kSettings); ++offset) {
            const std::size_t i = offset - kFirstEntry;
            // Sorted: what has the component of the one before is in the same directory.
            if (!belongs(i) || (i > 0 && belongs(i - 1) && component(i) == component(i - 1)))
                continue;
            const FileType type = is_setting(i) ? FileType::kRegular : FileType::kDirectory;
            if (!sink.entry(component(i), number(i), type, offset + 1)) break;
        }
        return {};
    }

  private:
    [[nodiscard]] bool belongs(std::size_t i) const {
        return kSettings[i].path.starts_with(prefix_);
    }
    [[nodiscard]] std::string_view component(std::size_t i) const {
        const std::string_view rest = kSettings[i].path.substr(prefix_.size());
        return rest.substr(0, rest.find('/'));
    }
    [[nodiscard]] bool is_setting(std::size_t i) const {
        return prefix_.size() + component(i).size() == kSettings[i].path.size();
    }
    /// A directory has the number of its first setting, set apart by its depth.
    [[nodiscard]] std::uint64_t number(std::size_t i) const {
        const std::size_t depth =
            is_setting(i) ? 0 : 1 + static_cast<std::size_t>(std::ranges::count(prefix_, '/'));
        return number_of(0, kFirstSysEntry + depth * std::size(kSettings) + i);
    }

    const std::string_view prefix_;
};

}  // namespace

Result<Ref<Inode>> make_sysctl_root(FileSystem& file_system) {
    return Ref<Inode>(
        TRY(make_ref<SettingDirectory>(file_system, std::string_view(), number_of(0, kSysEntry))));
}

}  // namespace exo::posix
