#include "lib/screen/keyboard.h"

namespace exo::screen {

namespace {

// By scan code, 0: no character.
constexpr char kPlain[] =
    "\0\x1b"
    "1234567890-=\x7f\tqwertyuiop[]\r\0asdfghjkl;'`\0\\zxcvbnm,./\0*\0 ";
constexpr char kShifted[] =
    "\0\x1b"
    "!@#$%^&*()_+\x7f\tQWERTYUIOP{}\r\0ASDFGHJKL:\"~\0|ZXCVBNM<>?\0*\0 ";
static_assert(sizeof kPlain == sizeof kShifted && sizeof kPlain == 0x3a + 1);

constexpr std::uint8_t kReleased = 0x80;
enum Key : std::uint8_t {
    kControl = 0x1d,
    kShiftLeft = 0x2a,
    kShiftRight = 0x36,
    kAlt = 0x38,
    kCapsLock = 0x3a,
    kDelete = 0x53,  // of the keypad; extended: its own
};

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string_view Keyboard::receive(std::uint8_t code) {
    if (code == 0xe0) {
        extended_ = true;
        return {};
    }
    const bool extended = extended_;
    extended_ = false;
    const bool pressed = (code & kReleased) == 0;
    const auto key = static_cast<std::uint8_t>(code & ~kReleased);
    switch (key) {
        case kControl:
            control_ = pressed;
            return {};
        case kAlt:
            alt_ = pressed;
            return {};
        case kShiftLeft:
            if (!extended) shift_left_ = pressed;  // extended: a keyboard's own pretence
            return {};
        case kShiftRight:
            if (!extended) shift_right_ = pressed;
            return {};
        case kCapsLock:
            if (pressed) caps_lock_ = !caps_lock_;
            return {};
        default:
            if (!pressed) return {};
            if (key == kDelete && control_ && alt_) {
                three_keys_ = true;
                return {};
            }
            return extended ? type_extended(key) : type(key);
    }
}

std::string_view Keyboard::type(std::uint8_t key) {
    if (key >= sizeof kPlain - 1) return {};
    const bool shift = shift_left_ || shift_right_;
    const bool upper = shift != (caps_lock_ && is_letter(kPlain[key]));
    char c = upper ? kShifted[key] : kPlain[key];
    if (c == '\0') return {};
    if (control_) {
        constexpr char kControlBits = 0x1f;
        if (c == ' ' || c == '@' || c == '2') {
            c = '\0';
        } else if (is_letter(c) || (c >= '[' && c <= '_')) {
            c = static_cast<char>(c & kControlBits);
        }
    }
    std::size_t used = 0;
    if (alt_) text_[used++] = '\x1b';
    text_[used++] = c;
    return {text_, used};
}

std::string_view Keyboard::type_extended(std::uint8_t key) {
    switch (key) {
        case 0x1c:
            return "\r";
        case 0x35:
            return "/";
        case 0x47:
            return "\x1b[1~";
        case 0x48:
            return "\x1b[A";
        case 0x49:
            return "\x1b[5~";
        case 0x4b:
            return "\x1b[D";
        case 0x4d:
            return "\x1b[C";
        case 0x4f:
            return "\x1b[4~";
        case 0x50:
            return "\x1b[B";
        case 0x51:
            return "\x1b[6~";
        case 0x52:
            return "\x1b[2~";
        case kDelete:
            return "\x1b[3~";
        default:
            return {};
    }
}

}  // namespace exo::screen
