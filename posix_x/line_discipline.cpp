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
    settings_ = settings;
    if (was_canonical == canonical()) return;
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

void LineDiscipline::put(TerminalOutput& out, const char* text, std::size_t bytes) {
    out.put(std::as_bytes(std::span(text, bytes)));
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

void LineDiscipline::echo_character(std::uint8_t c, TerminalOutput& echo) {
    if (!local(abi::kEcho) && !(c == '\n' && local(abi::kEchonl))) return;
    if (c == '\n') {
        send(std::as_bytes(std::span("\n", 1)), echo);
        return;
    }
    const bool control = c < ' ' || c == 0x7f;
    if (control && c != '\t' && local(abi::kEchoctl)) {
        const char shown[2] = {'^', static_cast<char>(c ^ 0x40)};
        put(echo, shown, 2);
        return;
    }
    const char plain = static_cast<char>(c);
    put(echo, &plain, 1);
}

void LineDiscipline::erase_one(TerminalOutput& echo) {
    if (unfinished() == 0) return;
    // The following bytes of a character in UTF-8 go with its first.
    std::uint16_t last;
    do {
        last = at(count_ - 1);
        --count_;
    } while ((settings_.input & abi::kIutf8) != 0 && (last & 0xc0) == 0x80 && unfinished() != 0);
    if (!local(abi::kEcho) || !local(abi::kEchoe)) return;
    const bool control = (last < ' ' || last == 0x7f) && last != '\t' && local(abi::kEchoctl);
    put(echo, "\b \b\b \b", control ? 6 : 3);
}

void LineDiscipline::erase_word(TerminalOutput& echo) {
    const auto last_is_blank = [&] {
        const std::uint16_t c = at(count_ - 1);
        return c == ' ' || c == '\t';
    };
    while (unfinished() != 0 && last_is_blank()) erase_one(echo);
    while (unfinished() != 0 && !last_is_blank()) erase_one(echo);
}

/// Canonical mode. True: it was a character of editing, or ended the line.
bool LineDiscipline::edit(std::uint8_t c, TerminalOutput& echo) {
    if (is(c, abi::kVerase)) {
        erase_one(echo);
    } else if (is(c, abi::kVwerase) && local(abi::kIexten)) {
        erase_word(echo);
    } else if (is(c, abi::kVkill)) {
        while (unfinished() != 0) erase_one(echo);
    } else if (is(c, abi::kVlnext) && local(abi::kIexten)) {
        literal_next_ = true;
    } else if (is(c, abi::kVreprint) && local(abi::kIexten)) {
        echo_character('\n', echo);
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

Signal LineDiscipline::receive(std::uint8_t c, TerminalOutput& echo) {
    const auto input = [&](std::uint32_t flag) { return (settings_.input & flag) != 0; };
    if (std::exchange(literal_next_, false)) {
        echo_character(c, echo);
        store(c);
        return Signal::kNone;
    }
    if (input(abi::kIstrip)) c &= 0x7f;
    if (c == '\r') {
        if (input(abi::kIgncr)) return Signal::kNone;
        if (input(abi::kIcrnl)) c = '\n';
    } else if (c == '\n' && input(abi::kInlcr)) {
        c = '\r';
    }
    if (const Signal signal = signal_of(c); signal != Signal::kNone) {
        if (!local(abi::kNoflsh)) discard_input();
        echo_character(c, echo);
        return signal;
    }
    if (canonical() && edit(c, echo)) return Signal::kNone;
    // What cannot be stored is not shown either.
    if (count_ < kCapacity - 1) echo_character(c, echo);
    store(c);
    return Signal::kNone;
}

void LineDiscipline::send(std::span<const std::byte> bytes, TerminalOutput& out) {
    if ((settings_.output & abi::kOpost) == 0) {
        out.put(bytes);
        return;
    }
    std::size_t begin = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        const bool newline = bytes[i] == std::byte{'\n'} && (settings_.output & abi::kOnlcr) != 0;
        const bool carriage = bytes[i] == std::byte{'\r'} && (settings_.output & abi::kOcrnl) != 0;
        if (!newline && !carriage) continue;
        out.put(bytes.subspan(begin, i - begin));
        put(out, newline ? "\r\n" : "\n", newline ? 2 : 1);
        begin = i + 1;
    }
    out.put(bytes.subspan(begin));
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
