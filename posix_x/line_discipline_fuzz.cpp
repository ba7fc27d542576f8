// A terminal's line under any order of typing, reading and change of settings: what can be read is
// what was said to be, and the buffer never holds more than it has.
#include "posix_x/line_discipline.h"

#include <array>

#include "lib/base/panic.h"

namespace {

using exo::posix::LineDiscipline;

class Nowhere final : public exo::posix::TerminalOutput {
  public:
    void put(std::span<const std::byte> bytes) override {
        for (const std::byte byte : bytes) sum_ += static_cast<unsigned>(byte);
    }

  private:
    volatile unsigned sum_ = 0;
};

void read_some(LineDiscipline& line, std::size_t most) {
    std::array<std::byte, LineDiscipline::kCapacity> to;
    const bool readable = line.readable();
    const std::size_t before = line.readable_bytes();
    EXO_CHECK(before <= LineDiscipline::kCapacity, "more is readable than fits");
    const std::size_t got = line.read(std::span(to).first(most));
    EXO_CHECK(got <= most && got <= before, "more was read than there was");
    EXO_CHECK(readable || got == 0, "something was read of nothing");
    // Who reads what is readable gets on: bytes, or the end of input.
    EXO_CHECK(!readable || most == 0 || got != 0 || line.readable_bytes() == before, "lost bytes");
    EXO_CHECK(line.readable_bytes() <= before - got, "a byte is read twice");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    LineDiscipline line;
    Nowhere out;
    for (std::size_t at = 0; at + 1 < size; at += 2) {
        const std::uint8_t argument = data[at + 1];
        exo::abi::Termios settings = line.settings();
        switch (data[at] % 8) {
            case 0:
                read_some(line, argument);
                break;
            case 1:
                read_some(line, LineDiscipline::kCapacity);
                break;
            case 2:
                settings.local ^= 1u << argument % 16;
                line.set_settings(settings);
                break;
            case 3:
                settings.input ^= 1u << argument % 16;
                line.set_settings(settings);
                break;
            case 4:
                settings.characters[argument % sizeof settings.characters] = data[at] / 8;
                line.set_settings(settings);
                break;
            case 5:
                for (unsigned i = 0; i < 600; ++i) static_cast<void>(line.receive(argument, out));
                break;
            default:
                static_cast<void>(line.receive(argument, out));
        }
    }
    for (std::size_t reads = 0; line.readable(); ++reads) {
        EXO_CHECK(reads < LineDiscipline::kCapacity, "reading does not end");
        read_some(line, LineDiscipline::kCapacity);
    }
    return 0;
}
