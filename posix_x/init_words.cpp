#include "posix_x/init_words.h"

#include <algorithm>

#include "kernel/arch/boot_info.h"
#include "kernel/core/log.h"
#include "lib/base/boot_words.h"

namespace exo::posix {
namespace {

// What this kernel reads, and what only Linux reads: a line that was written for Linux gives init
// here what it gives it there. Names with a dot are parameters of parts of the kernel (exo.exit),
// known or not.
constexpr std::string_view kKnown[] = {
    "BOOT_IMAGE",  "acpi",          "clocksource", "console",  "debug",      "earlycon",
    "earlyprintk", "init",          "initrd",      "loglevel", "maxcpus",    "mem",
    "mitigations", "init_on_alloc", "nokaslr",     "nosmp",    "norandmaps", "nr_cpus",
    "panic",       "quiet",         "rdinit",      "reboot",   "ro",         "root",
    "rootflags",   "rootfstype",    "rootwait",    "rw",       "tsc",
};

bool is_known(const BootWord& word) {
    if (word.key.find('.') != std::string_view::npos) return true;
    return std::ranges::find(kKnown, word.key) != std::end(kKnown);
}

/// Calls `visit(word, rest)` for words before " -- " that are init's; what is behind it.
template <typename Visit>
Result<std::string_view> for_each_unknown(std::string_view line, Visit visit) {
    BootWords words(line);
    for (auto word = words.next(); word && !word->is("--"); word = words.next()) {
        if (!is_known(*word)) TRY(visit(*word, words.rest()));
    }
    return words.rest();
}

/// A word as it was, without the quotes around its value.
class Text {
  public:
    explicit Text(const BootWord& word) {
        add(word.key);
        if (!word.has_value) return;
        add("=");
        add(word.value);
    }
    [[nodiscard]] std::string_view view() const { return {text_, used_}; }

  private:
    void add(std::string_view piece) {
        const std::size_t bytes = std::min(piece.size(), sizeof text_ - used_);
        std::ranges::copy(piece.substr(0, bytes), text_ + used_);
        used_ += bytes;
    }

    char text_[arch::BootInfo::kMaxCommandLine];
    std::size_t used_ = 0;
};

/// Whether the unknown words of `line` give `key` a value.
bool has_variable(std::string_view line, std::string_view key) {
    bool found = false;
    static_cast<void>(
        for_each_unknown(line, [&](const BootWord& word, std::string_view) -> Result<void> {
            found = found || (word.has_value && word.key == key);
            return {};
        }));
    return found;
}

Result<void> append_environment(StringBlock& to, std::string_view line, std::uint64_t limit) {
    if (!has_variable(line, "HOME")) TRY(to.append("HOME=/", limit));
    if (!has_variable(line, "TERM")) TRY(to.append("TERM=linux", limit));
    TRY(for_each_unknown(line, [&](const BootWord& word, std::string_view rest) -> Result<void> {
        // Of several, the last holds.
        if (!word.has_value || has_variable(rest, word.key)) return {};
        return to.append(Text(word).view(), limit);
    }));
    return {};
}

}  // namespace

Result<void> append_init_words(ProgramStart& start, std::string_view line, std::uint64_t limit) {
    TRY(start.arguments.append(start.path, limit));
    BootWords behind(
        TRY(for_each_unknown(line, [&](const BootWord& word, std::string_view) -> Result<void> {
            if (word.has_value) return {};
            return start.arguments.append(word.key, limit);
        })));
    while (const auto word = behind.next()) {
        TRY(start.arguments.append(Text(*word).view(), limit));
    }
    return append_environment(start.environment, line, limit);
}

void log_unknown_words(std::string_view line) {
    char text[kLogLine];
    std::size_t used = 0;
    static_cast<void>(
        for_each_unknown(line, [&](const BootWord& word, std::string_view) -> Result<void> {
            used += format_to(std::span(text).subspan(used), " {}", Text(word).view());
            return {};
        }));
    if (used == 0) return;
    log_info("init", "unknown parameters, passed to init:{}", std::string_view(text, used));
}

}  // namespace exo::posix
