// From the scan codes of a PC keyboard (set 1, as the i8042 translates) to what a terminal would
// send: characters of the US layout, control characters, and console_codes(4)'s sequences for the
// rest. Unsynchronised.
#pragma once

#include <cstdint>
#include <string_view>

namespace exo::screen {

class Keyboard {
  public:
    /// What the next byte from the keyboard types: mostly nothing or one character. Valid until the
    /// next call.
    std::string_view receive(std::uint8_t code);

    /// Whether Ctrl-Alt-Del, which types nothing, was pressed since this was last asked.
    bool take_three_keys() {
        const bool were = three_keys_;
        three_keys_ = false;
        return were;
    }

  private:
    std::string_view type(std::uint8_t key);
    std::string_view type_extended(std::uint8_t key);

    bool extended_ = false;  // the last byte was E0
    bool shift_left_ = false, shift_right_ = false, control_ = false, alt_ = false;
    bool caps_lock_ = false, three_keys_ = false;
    char text_[4] = {};
};

}  // namespace exo::screen
