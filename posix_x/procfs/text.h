// A text that grows: what a file of /proc says when it is read.
#pragma once

#include <algorithm>
#include <string_view>

#include "lib/base/format.h"
#include "lib/base/vector.h"

namespace exo::posix {

class Text {
  public:
    /// NOMEM. At most kLine bytes of a format; append() takes any length.
    template <typename... Arguments>
    Result<void> print(Format<Arguments...> format, const Arguments&... arguments) {
        char line[kLine];
        return append({line, format_to(std::span(line), format, arguments...)});
    }

    Result<void> append(std::string_view text) {
        const std::size_t at = bytes_.size();
        if (bytes_.capacity() < at + text.size()) {
            TRY(bytes_.reserve(std::max(at + text.size(), 2 * bytes_.capacity())));
        }
        TRY(bytes_.resize(at + text.size()));
        std::ranges::copy(text, bytes_.begin() + at);
        return {};
    }

    /// Drops what is behind the first `size` bytes.
    void truncate(std::size_t size) {
        while (bytes_.size() > size) bytes_.pop_back();
    }

    [[nodiscard]] std::string_view view() const { return {bytes_.data(), bytes_.size()}; }

  private:
    static constexpr std::size_t kLine = 512;
    Vector<char> bytes_;
};

}  // namespace exo::posix
