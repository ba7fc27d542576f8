#include "lib/screen/text_screen.h"

#include <algorithm>

namespace exo::screen {

namespace {

constexpr std::uint32_t kPalette[16] = {
    0x000000, 0xaa0000, 0x00aa00, 0xaa5500, 0x0000aa, 0xaa00aa, 0x00aaaa, 0xaaaaaa,
    0x555555, 0xff5555, 0x55ff55, 0xffff55, 0x5555ff, 0xff55ff, 0x55ffff, 0xffffff,
};

constexpr std::uint8_t kEscape = 0x1b, kDelete = 0x7f;
constexpr std::uint32_t kTab = 8;
constexpr std::uint32_t kMostParameter = 9999;

}  // namespace

TextScreen::TextScreen(const Framebuffer& frame, const Font& font)
    : frame_(frame),
      font_(font),
      columns_(std::clamp(frame.width / Font::kWidth, 1u, kMaxColumns)),
      rows_(std::clamp(frame.height / font.height, 1u, kMaxRows)) {
    for (std::uint32_t y = 0; y < frame_.height; ++y) {
        for (std::uint32_t x = 0; x < frame_.width; ++x)
            frame_.pixels[std::size_t{y} * frame_.pitch + x] = kPalette[0];
    }
    draw(0, 0, true);
}

void TextScreen::write(std::span<const std::byte> bytes) {
    draw(column_, row_, false);
    for (const std::byte byte : bytes) put(static_cast<std::uint8_t>(byte));
    draw(column_, row_, cursor_shown_);
}

void TextScreen::put(std::uint8_t byte) {
    switch (state_) {
        case State::kText:
            return put_text(byte);
        case State::kEscape:
            return put_escape(byte);
        case State::kSequence:
            return put_sequence(byte);
    }
}

// A sequence that is not UTF-8 gives '?' and the byte that broke it is looked at anew.
void TextScreen::put_text(std::uint8_t byte) {
    if (code_bytes_ != 0) {
        if ((byte & 0xc0) == 0x80) {
            code_point_ = code_point_ << 6 | (byte & 0x3fu);
            if (--code_bytes_ == 0)
                put_character(static_cast<std::uint8_t>(
                    code_point_ >= 0xa0 && code_point_ <= 0xff ? code_point_ : '?'));
            return;
        }
        code_bytes_ = 0;
        put_character('?');
    }
    if (byte < 0x80) {
        if (byte >= ' ' && byte != kDelete) return put_character(byte);
        return put_control(byte);
    }
    code_bytes_ = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    code_point_ = byte & (0x3fu >> code_bytes_);
    if (code_bytes_ == 0) put_character('?');
}

void TextScreen::put_character(std::uint8_t character) {
    if (wraps_) {
        column_ = 0;
        line_feed();
    }
    set(column_, row_, {character, colours()});
    if (column_ + 1 == columns_) {
        wraps_ = true;
    } else {
        ++column_;
    }
}

void TextScreen::put_control(std::uint8_t byte) {
    switch (byte) {
        case '\n':
        case '\v':
        case '\f':
            return line_feed();
        case '\r':
            return move_to(0, row_);
        case '\b':
            return move_to(column_ == 0 ? 0 : column_ - 1, row_);
        case '\t':
            return move_to((column_ / kTab + 1) * kTab, row_);
        case kEscape:
            state_ = State::kEscape;
            return;
        default:
            return;
    }
}

void TextScreen::put_escape(std::uint8_t byte) {
    state_ = State::kText;
    switch (byte) {
        case '[':
            state_ = State::kSequence;
            parameters_ = {};
            parameter_count_ = 1;
            private_ = false;
            return;
        case '7':
            saved_column_ = column_;
            saved_row_ = row_;
            return;
        case '8':
            return move_to(saved_column_, saved_row_);
        case 'c':
            foreground_ = 7;
            background_ = 0;
            bold_ = reverse_ = false;
            cursor_shown_ = true;
            erase(0, columns_ * rows_);
            return move_to(0, 0);
        default:
            return;
    }
}

void TextScreen::put_sequence(std::uint8_t byte) {
    if (byte >= '0' && byte <= '9') {
        std::uint32_t& value = parameters_[parameter_count_ - 1];
        value = std::min(value * 10 + (byte - '0'), kMostParameter);
    } else if (byte == ';') {
        // What is too many overwrites the last.
        if (parameter_count_ < kMaxParameters) ++parameter_count_;
        parameters_[parameter_count_ - 1] = 0;
    } else if (byte == '?') {
        private_ = true;
    } else if (byte == kEscape) {
        state_ = State::kEscape;
    } else if (byte >= '@' && byte < kDelete) {
        state_ = State::kText;
        run_sequence(byte);
    } else if (byte < ' ') {
        put_control(byte);
    }
}

std::uint32_t TextScreen::parameter(std::size_t index, std::uint32_t otherwise) const {
    return parameters_[index] == 0 ? otherwise : parameters_[index];
}

void TextScreen::run_sequence(std::uint8_t command) {
    const std::uint32_t count = parameter(0, 1);
    const std::uint32_t at = row_ * columns_ + column_;
    const std::uint32_t line = row_ * columns_;
    switch (command) {
        case 'A':
            return move_to(column_, row_ - std::min(row_, count));
        case 'B':
            return move_to(column_, row_ + count);
        case 'C':
            return move_to(column_ + count, row_);
        case 'D':
            return move_to(column_ - std::min(column_, count), row_);
        case 'G':
            return move_to(count - 1, row_);
        case 'd':
            return move_to(column_, count - 1);
        case 'H':
        case 'f':
            return move_to(parameter(1, 1) - 1, count - 1);
        case 'J':
            if (parameters_[0] == 0) return erase(at, columns_ * rows_);
            if (parameters_[0] == 1) return erase(0, at + 1);
            return erase(0, columns_ * rows_);
        case 'K':
            if (parameters_[0] == 0) return erase(at, line + columns_);
            if (parameters_[0] == 1) return erase(line, at + 1);
            return erase(line, line + columns_);
        case 'm':
            return set_rendition();
        case 'h':
        case 'l':
            if (private_ && parameters_[0] == 25) cursor_shown_ = command == 'h';
            return;
        default:
            return;
    }
}

void TextScreen::set_rendition() {
    for (std::size_t i = 0; i < parameter_count_; ++i) {
        const std::uint32_t value = parameters_[i];
        if (value == 0) {
            foreground_ = 7;
            background_ = 0;
            bold_ = reverse_ = false;
        } else if (value == 1) {
            bold_ = true;
        } else if (value == 22) {
            bold_ = false;
        } else if (value == 7 || value == 27) {
            reverse_ = value == 7;
        } else if (value >= 30 && value <= 37) {
            foreground_ = static_cast<std::uint8_t>(value - 30);
        } else if (value == 39) {
            foreground_ = 7;
        } else if (value >= 40 && value <= 47) {
            background_ = static_cast<std::uint8_t>(value - 40);
        } else if (value == 49) {
            background_ = 0;
        }
    }
}

std::uint8_t TextScreen::colours() const {
    const auto front = static_cast<std::uint8_t>(foreground_ | (bold_ ? 8 : 0));
    const std::uint8_t low = reverse_ ? background_ : front;
    const std::uint8_t high = reverse_ ? front : background_;
    return static_cast<std::uint8_t>(low | high << 4);
}

void TextScreen::line_feed() {
    wraps_ = false;
    if (row_ + 1 < rows_) {
        ++row_;
        return;
    }
    for (std::uint32_t row = 0; row + 1 < rows_; ++row) {
        for (std::uint32_t column = 0; column < columns_; ++column)
            set(column, row, cell(column, row + 1));
    }
    erase((rows_ - 1) * columns_, rows_ * columns_);
}

/// Cells by number, from the upper left, line by line.
void TextScreen::erase(std::uint32_t first, std::uint32_t end) {
    const auto back = static_cast<std::uint8_t>(foreground_ | background_ << 4);
    for (std::uint32_t i = first; i < end; ++i) set(i % columns_, i / columns_, {' ', back});
}

void TextScreen::move_to(std::uint32_t column, std::uint32_t row) {
    column_ = std::min(column, columns_ - 1);
    row_ = std::min(row, rows_ - 1);
    wraps_ = false;
}

void TextScreen::set(std::uint32_t column, std::uint32_t row, Cell to) {
    Cell& now = cells_[row * kMaxColumns + column];
    if (now == to) return;
    now = to;
    draw(column, row, false);
}

void TextScreen::draw(std::uint32_t column, std::uint32_t row, bool cursor) {
    const Cell& what = cell(column, row);
    const std::uint32_t front = kPalette[what.colours & 0xf];
    const std::uint32_t back = kPalette[what.colours >> 4];
    const std::uint8_t* glyph = font_.glyphs + std::size_t{what.character} * font_.height;
    const std::uint32_t lines = std::min(font_.height, frame_.height - row * font_.height);
    const std::uint32_t underline = font_.height - 2;
    volatile std::uint32_t* at = frame_.pixels + std::size_t{row} * font_.height * frame_.pitch +
                                 std::size_t{column} * Font::kWidth;
    for (std::uint32_t y = 0; y < lines; ++y, at += frame_.pitch) {
        const std::uint8_t bits = cursor && y >= underline ? 0xff : glyph[y];
        for (std::uint32_t x = 0; x < Font::kWidth; ++x)
            at[x] = (bits >> (Font::kWidth - 1 - x) & 1) != 0 ? front : back;
    }
}

}  // namespace exo::screen
