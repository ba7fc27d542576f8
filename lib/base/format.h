// Formatting into a fixed buffer, for logs and panics: no allocation, no failure, no locale, text
// that does not fit is cut. A format is checked against its arguments when it is compiled.
//
//   {}  {:d}      integer, bool, char, string, pointer as it is
//   {:x} {:#x}    hexadecimal, with 0x
//   {:8} {:08x}   minimum width, padded with blanks (strings left, numbers right) or zeros
//   {{ }}         braces
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

namespace exo {

/// One argument, erased to what formatting needs to know.
class FormatArgument {
  public:
    enum class Kind : std::uint8_t { kUnsigned, kSigned, kCharacter, kBool, kString, kPointer };

    constexpr FormatArgument(bool value) : kind_(Kind::kBool), number_(value) {}
    constexpr FormatArgument(char value)
        : kind_(Kind::kCharacter), number_(static_cast<unsigned char>(value)) {}
    template <std::unsigned_integral T>
    constexpr FormatArgument(T value) : kind_(Kind::kUnsigned), number_(value) {}
    template <std::signed_integral T>
    constexpr FormatArgument(T value)
        : kind_(Kind::kSigned), number_(static_cast<std::uint64_t>(std::int64_t{value})) {}
    template <typename T>
        requires std::is_enum_v<T>
    constexpr FormatArgument(T value)
        : FormatArgument(static_cast<std::underlying_type_t<T>>(value)) {}
    constexpr FormatArgument(std::string_view value) : kind_(Kind::kString), text_(value) {}
    constexpr FormatArgument(const char* value) : FormatArgument(std::string_view(value)) {}
    FormatArgument(const void* value)
        : kind_(Kind::kPointer), number_(reinterpret_cast<std::uintptr_t>(value)) {}

    [[nodiscard]] Kind kind() const { return kind_; }
    [[nodiscard]] std::uint64_t number() const { return number_; }
    [[nodiscard]] std::string_view text() const { return text_; }

  private:
    Kind kind_;
    std::uint64_t number_ = 0;
    std::string_view text_;
};

namespace detail {

/// Not constexpr, so that reaching it while compiling is the error, with the reason in the message.
void malformed_format(const char* reason);

/// Number of fields of a format; not a constant expression (so: an error) if it is malformed.
consteval std::size_t count_fields(std::string_view format) {
    std::size_t fields = 0;
    for (std::size_t i = 0; i < format.size(); ++i) {
        const char c = format[i];
        const bool doubled = i + 1 < format.size() && format[i + 1] == c;
        if ((c == '{' || c == '}') && doubled) {
            ++i;
        } else if (c == '{') {
            ++i;
            if (format.at(i) == ':') ++i;
            while (format.at(i) != '}') {
                const char flag = format[i++];
                if ((flag < '0' || flag > '9') && flag != '#' && flag != 'x' && flag != 'd') {
                    malformed_format("a format field is {[:][#][0][width][x|d]}");
                }
            }
            ++fields;
        } else if (c == '}') {
            malformed_format("a single } in a format");
        }
    }
    return fields;
}

}  // namespace detail

/// A format for arguments of these types.
template <typename... Arguments>
struct CheckedFormat {
    template <typename T>
        requires std::convertible_to<const T&, std::string_view>
    consteval CheckedFormat(const T& format) : text(format) {
        if (detail::count_fields(text) != sizeof...(Arguments)) {
            detail::malformed_format("a format has as many fields as there are arguments");
        }
    }

    std::string_view text;
};

template <typename... Arguments>
using Format = CheckedFormat<std::type_identity_t<Arguments>...>;

/// Formats into `out`; returns the characters written, at most out.size(). Writes no NUL.
std::size_t format_arguments(std::span<char> out, std::string_view format,
                             std::span<const FormatArgument> arguments);

template <typename... Arguments>
std::size_t format_to(std::span<char> out, Format<Arguments...> format,
                      const Arguments&... arguments) {
    if constexpr (sizeof...(Arguments) == 0) {
        return format_arguments(out, format.text, {});
    } else {
        const FormatArgument erased[] = {FormatArgument(arguments)...};
        return format_arguments(out, format.text, erased);
    }
}

}  // namespace exo
