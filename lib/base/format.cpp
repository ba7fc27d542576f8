#include "lib/base/format.h"

#include <algorithm>

namespace exo {

namespace {

struct Field {
    bool prefix = false;
    bool zero = false;
    bool hexadecimal = false;
    unsigned width = 0;
};

class Output {
  public:
    explicit Output(std::span<char> out) : out_(out) {}

    void put(char c) {
        if (used_ < out_.size()) out_[used_++] = c;
    }
    void put(std::string_view text) {
        for (const char c : text) put(c);
    }
    void pad(char c, std::size_t length, std::size_t width) {
        for (; length < width; ++length) put(c);
    }
    [[nodiscard]] std::size_t used() const { return used_; }

  private:
    std::span<char> out_;
    std::size_t used_ = 0;
};

// Past the '{', up to and over the '}'. The format was checked when it was compiled.
Field parse_field(std::string_view format, std::size_t& at) {
    Field field;
    for (; at < format.size() && format[at] != '}'; ++at) {
        const char c = format[at];
        if (c == '#') field.prefix = true;
        if (c == 'x') field.hexadecimal = true;
        if (c == '0' && field.width == 0) field.zero = true;
        if (c >= '0' && c <= '9') field.width = field.width * 10 + static_cast<unsigned>(c - '0');
    }
    ++at;
    return field;
}

void put_number(Output& out, std::uint64_t magnitude, bool negative, const Field& field) {
    char digits[20];
    const std::uint64_t base = field.hexadecimal ? 16 : 10;
    std::size_t first = sizeof digits;
    do {
        digits[--first] = "0123456789abcdef"[magnitude % base];
        magnitude /= base;
    } while (magnitude != 0);
    const std::string_view text(digits + first, sizeof digits - first);
    const std::string_view sign = negative ? "-" : "";
    const std::string_view prefix = field.prefix ? "0x" : "";
    const std::size_t length = sign.size() + prefix.size() + text.size();
    if (!field.zero) out.pad(' ', length, field.width);
    out.put(sign);
    out.put(prefix);
    if (field.zero) out.pad('0', length, field.width);
    out.put(text);
}

void put_text(Output& out, std::string_view text, const Field& field) {
    out.put(text);
    out.pad(' ', text.size(), field.width);
}

void put_argument(Output& out, const FormatArgument& argument, Field field) {
    using Kind = FormatArgument::Kind;
    const std::uint64_t number = argument.number();
    switch (argument.kind()) {
        case Kind::kUnsigned:
            return put_number(out, number, false, field);
        case Kind::kSigned: {
            const bool negative = static_cast<std::int64_t>(number) < 0;
            return put_number(out, negative ? 0 - number : number, negative, field);
        }
        case Kind::kPointer:
            field.prefix = field.hexadecimal = true;
            return put_number(out, number, false, field);
        case Kind::kCharacter: {
            const char c = static_cast<char>(number);
            return put_text(out, {&c, 1}, field);
        }
        case Kind::kBool:
            return put_text(out, number != 0 ? "true" : "false", field);
        case Kind::kString:
            return put_text(out, argument.text(), field);
    }
}

}  // namespace

std::size_t format_arguments(std::span<char> buffer, std::string_view format,
                             std::span<const FormatArgument> arguments) {
    Output out(buffer);
    std::size_t next = 0;
    for (std::size_t at = 0; at < format.size();) {
        const char c = format[at++];
        if (c == '{' && at < format.size() && format[at] != '{') {
            const Field field = parse_field(format, at);
            if (next < arguments.size()) put_argument(out, arguments[next++], field);
            continue;
        }
        if (c == '{' || c == '}') ++at;  // doubled
        out.put(c);
    }
    return out.used();
}

}  // namespace exo
