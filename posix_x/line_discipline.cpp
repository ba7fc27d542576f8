#include "posix_x/line_discipline.h"

#include <algorithm>
#include <utility>

namespace exo::posix {

using abi::Signal;

LineDiscipline::LineDiscipline() {
    settings_.input = abi::kIcrnl | abi::kIxon | abi::kIutf8;
    settings_.output = abi::kOpost | abi::kOnlcr;
    settings_.control = abi::kB115200 | abi::kCs8 | abi::kCread | abi::kHupcl | abi::kClocal;
    settings_.local = abi::kIsig | abi::kIcanon | abi::kEcho | abi::kEchoe | abi::kEchok |
                      abi::kEchoctl | abi::kEchoke | abi::kIexten;
    const std::uint8_t characters[] = {3,  28, 127, 21, 4,  0,  1,  0, 17,
                                       19, 26, 0,   18, 15, 23, 22, 0};
    std::ranges::copy(characters, settings_.characters);
}

void LineDiscipline::set_settings(const abi::Termios& settings) {
    const bool was_canonical = canonical();
    // Nobody could type the character that starts it again.
    if (input(abi::kIxon) && (settings.input & abi::kIxon) == 0) output_stopped_ = false;
    settings_ = settings;
    if (was_canonical == canonical()) return;
    print_erasing_ = literal_next_ = false;
    // An unfinished line counts as read up to here, so that nothing typed is lost.
    if (canonical() && count_ != 0 && lines_ == 0) {
        entries_[(first_ + count_ - 1) % kCapacity] |= kLineEnd;
        lines_ = 1;
    }
}

void LineDiscipline::discard_input() {
    first_ = count_ = lines_ = 0;
}

Signal LineDiscipline::signal_of(std::uint8_t c) const {
    if (!local(abi::kIsig)) return Signal::kNone;
    if (is(c, abi::kVintr)) return Signal::kInt;
    if (is(c, abi::kVquit)) return Signal::kQuit;
    if (is(c, abi::kVsusp)) return Signal::kTstp;
    return Signal::kNone;
}

std::size_t LineDiscipline::input_room() const {
    if (canonical())
        return lines_ == 0 ? kCapacity : kCapacity - 1 - std::min(count_, kCapacity - 1);
    return kCapacity - count_;
}

void LineDiscipline::store(std::uint16_t entry) {
    // A full buffer still takes what ends a line, or nobody could read it empty.
    const std::size_t room = (entry & ~0xff) != 0 || !canonical() ? kCapacity : kCapacity - 1;
    if (count_ >= room) return;
    entries_[(first_ + count_) % kCapacity] = entry;
    ++count_;
    if ((entry & (kLineEnd | kEndOfInput)) != 0) ++lines_;
}

/// Characters of the line that is being typed.
std::size_t LineDiscipline::unfinished() const {
    std::size_t length = 0;
    while (length < count_ && (at(count_ - 1 - length) & ~0xff) == 0) ++length;
    return length;
}

bool LineDiscipline::shown_as_control(std::uint16_t c) const {
    return (c < ' ' || c == 0x7f) && c != '\t' && local(abi::kEchoctl);
}

void LineDiscipline::echo_character(std::uint8_t c, TerminalOutput& echo) {
    if (!local(abi::kEcho) && !(c == '\n' && local(abi::kEchonl))) return;
    finish_print_erasing(echo);
    if (c != '\n' && shown_as_control(c)) {
        const char shown[2] = {'^', static_cast<char>(c ^ 0x40)};
        put(echo, shown, 2);
        return;
    }
    send(std::as_bytes(std::span(&c, 1)), echo);
}

/// The column behind the line that is being typed.
unsigned LineDiscipline::column_of_end() const {
    unsigned column = line_column_;
    for (std::size_t i = unfinished(); i != 0; --i) {
        const std::uint16_t c = at(count_ - i);
        if (c == '\t') {
            column = (column | 7) + 1;
        } else if (c < ' ' || c == 0x7f) {
            column += shown_as_control(c) ? 2 : 0;
        } else if (!input(abi::kIutf8) || (c & 0xc0) != 0x80) {
            ++column;
        }
    }
    return column;
}

/// Takes the last character, which is gone from the line, off the screen.
void LineDiscipline::show_erased(std::uint16_t erased, TerminalOutput& echo) {
    if (erased == '\t') {
        const unsigned end = column_of_end();
        for (unsigned column = (end | 7) + 1; column != end; --column) put(echo, "\b", 1);
    } else if (shown_as_control(erased)) {
        put(echo, "\b \b\b \b", 6);
    } else if ((erased >= ' ' && erased != 0x7f)) {
        put(echo, "\b \b", 3);
    }
}

void LineDiscipline::erase_one(TerminalOutput& echo) {
    if (unfinished() == 0) return;
    // The following bytes of a character in UTF-8 go with its first.
    std::uint16_t last;
    do {
        last = at(count_ - 1);
        --count_;
    } while (input(abi::kIutf8) && (last & 0xc0) == 0x80 && unfinished() != 0);
    if (!local(abi::kEcho)) return;
    if (local(abi::kEchoprt)) {
        if (!std::exchange(print_erasing_, true)) put(echo, "\\", 1);
        const char shown = static_cast<char>(last);
        put(echo, &shown, 1);
    } else if (local(abi::kEchoe)) {
        show_erased(last, echo);
    } else {
        echo_character(settings_.characters[abi::kVerase], echo);
    }
}

/// A printer's terminal shows what was erased between '\' and '/'.
void LineDiscipline::finish_print_erasing(TerminalOutput& echo) {
    if (std::exchange(print_erasing_, false)) put(echo, "/", 1);
}

void LineDiscipline::erase_word(TerminalOutput& echo) {
    const auto last_is_blank = [&] {
        const std::uint16_t c = at(count_ - 1);
        return c == ' ' || c == '\t';
    };
    while (unfinished() != 0 && last_is_blank()) erase_one(echo);
    while (unfinished() != 0 && !last_is_blank()) erase_one(echo);
}

void LineDiscipline::erase_line(TerminalOutput& echo) {
    if (local(abi::kEchok) && local(abi::kEchoke) && local(abi::kEchoe)) {
        while (unfinished() != 0) erase_one(echo);
        return;
    }
    count_ -= unfinished();
    if (!local(abi::kEcho)) return;
    echo_character(settings_.characters[abi::kVkill], echo);
    if (local(abi::kEchok)) echo_character('\n', echo);
}

/// Canonical mode. True: it was a character of editing, or ended the line.
bool LineDiscipline::edit(std::uint8_t c, TerminalOutput& echo) {
    if (is(c, abi::kVerase)) {
        erase_one(echo);
    } else if (is(c, abi::kVwerase) && local(abi::kIexten)) {
        erase_word(echo);
    } else if (is(c, abi::kVkill)) {
        erase_line(echo);
    } else if (is(c, abi::kVlnext) && local(abi::kIexten)) {
        literal_next_ = true;
    } else if (is(c, abi::kVreprint) && local(abi::kIexten)) {
        echo_character(c, echo);
        echo_character('\n', echo);
        line_column_ = column_;
        for (std::size_t i = unfinished(); i != 0; --i)
            echo_character(static_cast<std::uint8_t>(at(count_ - i)), echo);
    } else if (is(c, abi::kVeof)) {
        store(kEndOfInput);
    } else if (c == '\n' || is(c, abi::kVeol) || is(c, abi::kVeol2)) {
        echo_character(c, echo);
        store(static_cast<std::uint16_t>(c | kLineEnd));
    } else {
        return false;
    }
    return true;
}

/// True: it was a character that stops or starts output.
bool LineDiscipline::control_flow(std::uint8_t c) {
    if (!input(abi::kIxon)) return false;
    if (is(c, abi::kVstart)) {
        start_output();
        return true;
    }
    if (is(c, abi::kVstop)) {
        stop_output();
        return true;
    }
    if (input(abi::kIxany)) start_output();
    return false;
}

Signal LineDiscipline::receive(std::uint8_t c, TerminalOutput& echo) {
    if (unfinished() == 0) line_column_ = column_;
    if (std::exchange(literal_next_, false)) {
        echo_character(c, echo);
        store(c);
        return Signal::kNone;
    }
    if (input(abi::kIstrip)) c &= 0x7f;
    if (input(abi::kIuclc) && local(abi::kIexten) && c >= 'A' && c <= 'Z') c |= 0x20;
    if (control_flow(c)) return Signal::kNone;
    if (const Signal signal = signal_of(c); signal != Signal::kNone) {
        if (!local(abi::kNoflsh)) discard_input();
        if (input(abi::kIxon)) start_output();
        echo_character(c, echo);
        return signal;
    }
    if (c == '\r') {
        if (input(abi::kIgncr)) return Signal::kNone;
        if (input(abi::kIcrnl)) c = '\n';
    } else if (c == '\n' && input(abi::kInlcr)) {
        c = '\r';
    }
    if (canonical() && edit(c, echo)) return Signal::kNone;
    // What cannot be stored is not shown either.
    if (count_ < kCapacity - 1) echo_character(c, echo);
    if (c == 0xff && input(abi::kParmrk)) store(c);
    store(c);
    return Signal::kNone;
}

void LineDiscipline::put(TerminalOutput& out, const char* text, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) move_column(static_cast<std::uint8_t>(text[i]));
    out.put(std::as_bytes(std::span(text, bytes)));
}

/// Follows the cursor past a character that was sent.
void LineDiscipline::move_column(std::uint8_t c) {
    if (c == '\n') {
        if (output(abi::kOnlret)) column_ = 0;
    } else if (c == '\r') {
        column_ = 0;
    } else if (c == '\b') {
        if (column_ > 0) --column_;
    } else if (c == '\t') {
        column_ = (column_ | 7) + 1;
    } else if (c >= ' ' && c != 0x7f && !(input(abi::kIutf8) && (c & 0xc0) == 0x80)) {
        ++column_;
    }
}

/// Whether it is sent as it is.
bool LineDiscipline::is_plain(std::uint8_t c) const {
    if (c >= ' ') return !(output(abi::kOlcuc) && c >= 'a' && c <= 'z');
    return c != '\n' && c != '\r' && c != '\t';
}

/// What `c` is sent as, with OPOST; how many bytes.
std::size_t LineDiscipline::process(std::uint8_t c, char (&to)[kMostSent]) {
    static_assert(kMostSent >= 8);  // a tab's blanks
    to[0] = static_cast<char>(c);
    switch (c) {
        case '\n':
            if (!output(abi::kOnlcr)) return 1;
            to[0] = '\r';
            to[1] = '\n';
            return 2;
        case '\r':
            if (output(abi::kOnocr) && column_ == 0) return 0;
            if (output(abi::kOcrnl)) to[0] = '\n';
            return 1;
        case '\t':
            if ((settings_.output & abi::kTabDelay) != abi::kXtabs) return 1;
            std::fill_n(to, 8, ' ');
            return 8 - column_ % 8;
        default:
            if (output(abi::kOlcuc) && c >= 'a' && c <= 'z') to[0] = static_cast<char>(c & ~0x20);
            return 1;
    }
}

void LineDiscipline::send(std::span<const std::byte> bytes, TerminalOutput& out) {
    if (!output(abi::kOpost)) {
        out.put(bytes);
        return;
    }
    while (!bytes.empty()) {
        std::size_t plain = 0;
        while (plain < bytes.size() && is_plain(static_cast<std::uint8_t>(bytes[plain])))
            move_column(static_cast<std::uint8_t>(bytes[plain++]));
        if (plain != 0) out.put(bytes.first(plain));
        bytes = bytes.subspan(plain);
        if (bytes.empty()) return;
        char special[kMostSent];
        const std::size_t sent = process(static_cast<std::uint8_t>(bytes.front()), special);
        if (sent != 0) put(out, special, sent);
        bytes = bytes.subspan(1);
    }
}

std::size_t LineDiscipline::readable_bytes() const {
    if (!canonical()) return count_;
    std::size_t bytes = 0;
    std::size_t lines = lines_;
    for (std::size_t i = 0; lines != 0; ++i) {
        if ((at(i) & kEndOfInput) == 0) ++bytes;
        if ((at(i) & ~0xff) != 0) --lines;
    }
    return bytes;
}

std::size_t LineDiscipline::read(std::span<std::byte> to) {
    std::size_t done = 0;
    while (count_ != 0 && (!canonical() || lines_ != 0)) {
        const std::uint16_t entry = at(0);
        // Who reads no lines gets a NUL for a typed end of input, as on Linux.
        const bool marker = (entry & kEndOfInput) != 0 && canonical();
        if (!marker && done == to.size()) break;
        first_ = (first_ + 1) % kCapacity;
        --count_;
        if ((entry & ~0xff) != 0) --lines_;
        if (!marker) to[done++] = static_cast<std::byte>(entry & 0xff);
        if ((marker || (entry & kLineEnd) != 0) && canonical()) break;
    }
    return done;
}

}  // namespace exo::posix
