// What happens to characters between a terminal and its readers (termios(3)): editing of lines,
// echo, characters that are signals, newlines. Knows of no device and no process; unsynchronised.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "abi/linux/signal.h"
#include "abi/linux/terminal.h"

namespace exo::posix {

/// Where output and echo go.
class TerminalOutput {
  public:
    virtual void put(std::span<const std::byte> bytes) = 0;

  protected:
    ~TerminalOutput() = default;
};

class LineDiscipline {
  public:
    static constexpr std::size_t kCapacity = 4096;

    LineDiscipline();

    [[nodiscard]] const abi::Termios& settings() const { return settings_; }
    /// What was typed so far becomes readable when lines are given up, as on Linux.
    void set_settings(const abi::Termios& settings);

    /// A character from the terminal. The signal it stands for, or kNone.
    abi::Signal receive(std::uint8_t character, TerminalOutput& echo);
    /// Bytes for the terminal, with OPOST applied: each becomes at most kMostSent.
    void send(std::span<const std::byte> bytes, TerminalOutput& out);
    static constexpr std::size_t kMostSent = 8;

    /// How many characters it takes without losing one. While a line has no end yet, any number: a
    /// full buffer takes what ends it.
    [[nodiscard]] std::size_t input_room() const;

    /// Output is to wait (IXON, TCXONC). Echo goes on.
    [[nodiscard]] bool output_stopped() const { return output_stopped_; }
    void stop_output() { output_stopped_ = true; }
    void start_output() { output_stopped_ = false; }

    /// Whether a read would find something: a whole line or its end; at least a byte in raw mode.
    [[nodiscard]] bool readable() const { return lines_ != 0 || (!canonical() && count_ != 0); }
    /// Bytes that can be read now.
    [[nodiscard]] std::size_t readable_bytes() const;
    /// Takes up to `to.size()` bytes, in canonical mode at most to the end of a line. 0 with
    /// readable() before: the end of input was typed.
    std::size_t read(std::span<std::byte> to);
    void discard_input();

    [[nodiscard]] bool canonical() const { return (settings_.local & abi::kIcanon) != 0; }
    [[nodiscard]] std::uint8_t character(abi::TerminalCharacter index) const {
        return settings_.characters[index];
    }

  private:
    // A stored character, with what it is to the line.
    static constexpr std::uint16_t kLineEnd = 0x100;     // ends a line and belongs to it
    static constexpr std::uint16_t kEndOfInput = 0x200;  // ends a line and is not read

    [[nodiscard]] bool input(std::uint32_t flag) const { return (settings_.input & flag) != 0; }
    [[nodiscard]] bool output(std::uint32_t flag) const { return (settings_.output & flag) != 0; }
    [[nodiscard]] bool local(std::uint32_t flag) const { return (settings_.local & flag) != 0; }
    [[nodiscard]] bool is(std::uint8_t c, abi::TerminalCharacter index) const {
        return c == settings_.characters[index] && c != 0;
    }
    [[nodiscard]] abi::Signal signal_of(std::uint8_t c) const;
    [[nodiscard]] std::size_t unfinished() const;
    void store(std::uint16_t entry);
    bool control_flow(std::uint8_t c);
    bool edit(std::uint8_t c, TerminalOutput& echo);
    void erase_one(TerminalOutput& echo);
    void erase_word(TerminalOutput& echo);
    void erase_line(TerminalOutput& echo);
    void show_erased(std::uint16_t erased, TerminalOutput& echo);
    void finish_print_erasing(TerminalOutput& echo);
    [[nodiscard]] unsigned column_of_end() const;
    [[nodiscard]] bool shown_as_control(std::uint16_t c) const;
    void echo_character(std::uint8_t c, TerminalOutput& echo);
    void put(TerminalOutput& out, const char* text, std::size_t bytes);
    std::size_t process(std::uint8_t c, char (&to)[kMostSent]);
    [[nodiscard]] bool is_plain(std::uint8_t c) const;
    void move_column(std::uint8_t c);
    [[nodiscard]] std::uint16_t at(std::size_t index) const {
        return entries_[(first_ + index) % kCapacity];
    }

    abi::Termios settings_ = {};
    std::uint16_t entries_[kCapacity];
    std::size_t first_ = 0, count_ = 0;
    std::size_t lines_ = 0;  // complete ones in the buffer
    bool literal_next_ = false;
    bool output_stopped_ = false;
    bool print_erasing_ = false;             // between '\\' and '/' of ECHOPRT
    unsigned column_ = 0, line_column_ = 0;  // of the cursor; where the line being typed began
};

}  // namespace exo::posix
