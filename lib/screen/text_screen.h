// A text terminal on a linear framebuffer: characters in cells of a fixed font, scrolling, a
// cursor, and of the escape sequences of Linux's console (console_codes(4)) what editors and shells
// use. Reads no pixels, which is slow on real devices: what is shown is known from the cells.
// Unsynchronised.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace exo::screen {

/// 32 bits a pixel, 0x00RRGGBB.
struct Framebuffer {
    volatile std::uint32_t* pixels = nullptr;
    std::uint32_t width = 0, height = 0;
    std::uint32_t pitch = 0;  ///< pixels from one line to the next
};

/// Glyphs of the 256 characters of Latin-1, eight pixels wide, one byte a line, leftmost bit first.
struct Font {
    static constexpr std::uint32_t kWidth = 8, kGlyphs = 256;
    const std::uint8_t* glyphs = nullptr;  ///< kGlyphs * height bytes
    std::uint32_t height = 16;
};

struct Cell {
    std::uint8_t character = ' ';
    std::uint8_t colours = 0x07;  ///< foreground, background << 4: numbers of kPalette
    bool operator==(const Cell&) const = default;
};

class TextScreen {
  public:
    static constexpr std::uint32_t kMaxColumns = 160, kMaxRows = 64;

    /// Clears the screen. Of a larger framebuffer the upper left is used.
    TextScreen(const Framebuffer& frame, const Font& font);

    /// UTF-8; characters beyond Latin-1 are shown as '?'.
    void write(std::span<const std::byte> bytes);

    [[nodiscard]] std::uint32_t columns() const { return columns_; }
    [[nodiscard]] std::uint32_t rows() const { return rows_; }
    [[nodiscard]] const Cell& cell(std::uint32_t column, std::uint32_t row) const {
        return cells_[row * kMaxColumns + column];
    }
    [[nodiscard]] std::uint32_t cursor_column() const { return column_; }
    [[nodiscard]] std::uint32_t cursor_row() const { return row_; }

  private:
    enum class State : std::uint8_t { kText, kEscape, kSequence };
    static constexpr std::size_t kMaxParameters = 8;

    void put(std::uint8_t byte);
    void put_text(std::uint8_t byte);
    void put_character(std::uint8_t character);
    void put_control(std::uint8_t byte);
    void put_escape(std::uint8_t byte);
    void put_sequence(std::uint8_t byte);
    void run_sequence(std::uint8_t command);
    void set_rendition();
    void line_feed();
    void erase(std::uint32_t first, std::uint32_t end);
    void move_to(std::uint32_t column, std::uint32_t row);
    void set(std::uint32_t column, std::uint32_t row, Cell cell);
    void draw(std::uint32_t column, std::uint32_t row, bool cursor);
    [[nodiscard]] std::uint32_t parameter(std::size_t index, std::uint32_t otherwise) const;
    [[nodiscard]] std::uint8_t colours() const;

    Framebuffer frame_;
    Font font_;
    std::uint32_t columns_, rows_;
    std::uint32_t column_ = 0, row_ = 0;
    std::uint32_t saved_column_ = 0, saved_row_ = 0;
    bool wraps_ = false;  // the last column is filled: the next character begins a line
    bool cursor_shown_ = true;
    std::uint8_t foreground_ = 7, background_ = 0;
    bool bold_ = false, reverse_ = false;
    State state_ = State::kText;
    std::uint32_t code_point_ = 0;  // of a UTF-8 sequence
    unsigned code_bytes_ = 0;       // of it, still to come
    bool private_ = false;          // the sequence began with '?'
    std::array<std::uint32_t, kMaxParameters> parameters_ = {};
    std::size_t parameter_count_ = 0;
    std::array<Cell, std::size_t{kMaxColumns} * kMaxRows> cells_;
};

}  // namespace exo::screen
