// The words of a kernel's command line, split as Linux does (lib/cmdline.c, next_arg): blanks
// separate, double quotes keep blanks together and are taken off around a word or a value.
#pragma once

#include <cstddef>
#include <optional>
#include <string_view>

namespace exo {

struct BootWord {
    std::string_view key;    ///< up to the first '='
    std::string_view value;  ///< behind it
    bool has_value = false;  ///< there was a '='
    [[nodiscard]] bool is(std::string_view word) const { return !has_value && key == word; }
};

class BootWords {
  public:
    /// Views of `line` are what next() gives.
    explicit BootWords(std::string_view line) : rest_(line) {}

    /// The next word, or nothing at the end.
    std::optional<BootWord> next() {
        while (!rest_.empty() && is_blank(rest_.front())) rest_.remove_prefix(1);
        if (rest_.empty()) return std::nullopt;
        const bool quoted = rest_.front() == '"';
        if (quoted) rest_.remove_prefix(1);
        bool in_quotes = quoted;
        std::size_t equals = 0;  // at the very beginning it is part of the key, as in Linux
        std::size_t end = 0;
        for (; end < rest_.size() && (in_quotes || !is_blank(rest_[end])); ++end) {
            if (rest_[end] == '=' && equals == 0) equals = end;
            if (rest_[end] == '"') in_quotes = !in_quotes;
        }
        std::string_view word = rest_.substr(0, end);
        rest_.remove_prefix(end);
        if (equals == 0) return BootWord{quoted ? without_quote(word) : word, {}, false};
        std::string_view value = word.substr(equals + 1);
        if (value.starts_with('"')) {
            value = without_quote(value.substr(1));
        } else if (quoted) {
            value = without_quote(value);
        }
        return BootWord{word.substr(0, equals), value, true};
    }

    /// What next() has not given yet.
    [[nodiscard]] std::string_view rest() const { return rest_; }

  private:
    static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
    static std::string_view without_quote(std::string_view text) {
        if (text.ends_with('"')) text.remove_suffix(1);
        return text;
    }

    std::string_view rest_;
};

}  // namespace exo
