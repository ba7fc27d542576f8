#include "lib/compress/gzip.h"

#include "lib/base/box.h"
#include "lib/compress/crc32.h"
#include "lib/compress/inflate.h"

namespace exo::compress {

namespace {

constexpr std::size_t kFixedHeader = 10;
constexpr std::size_t kTrailer = 8;

enum Flag : std::uint8_t { kHeaderCrc = 2, kExtra = 4, kName = 8, kComment = 16, kReserved = 0xe0 };

class CheckingSink final : public ByteSink {
  public:
    explicit CheckingSink(ByteSink& sink) : sink_(sink) {}
    Result<void> write(std::span<const std::byte> bytes) override {
        crc_.add(bytes);
        size_ += static_cast<std::uint32_t>(bytes.size());
        return sink_.write(bytes);
    }
    [[nodiscard]] std::uint32_t crc() const { return crc_.value(); }
    [[nodiscard]] std::uint32_t size() const { return size_; }  // modulo 2^32, as in the trailer

  private:
    ByteSink& sink_;
    Crc32 crc_;
    std::uint32_t size_ = 0;
};

std::uint32_t load32(std::span<const std::byte> at) {
    std::uint32_t value;
    std::memcpy(&value, at.data(), sizeof(value));
    return value;
}

/// Length of a string with its NUL at `at`. INVAL: it does not end.
Result<std::size_t> string_at(std::span<const std::byte> input, std::size_t at) {
    for (std::size_t i = at; i < input.size(); ++i) {
        if (input[i] == std::byte{0}) return i + 1 - at;
    }
    return Errno::INVAL;
}

Result<std::size_t> header_length(std::span<const std::byte> input) {
    if (!is_gzip(input) || input.size() < kFixedHeader) return Errno::INVAL;
    const auto flags = static_cast<std::uint8_t>(input[3]);
    if (input[2] != std::byte{8} || (flags & kReserved) != 0) return Errno::INVAL;
    std::size_t at = kFixedHeader;
    if ((flags & kExtra) != 0) {
        if (input.size() - at < 2) return Errno::INVAL;
        at += 2 +
              (static_cast<std::size_t>(input[at]) | static_cast<std::size_t>(input[at + 1]) << 8);
        if (at > input.size()) return Errno::INVAL;
    }
    if ((flags & kName) != 0) at += TRY(string_at(input, at));
    if ((flags & kComment) != 0) at += TRY(string_at(input, at));
    if ((flags & kHeaderCrc) != 0) at += 2;
    if (at > input.size()) return Errno::INVAL;
    return at;
}

}  // namespace

bool is_gzip(std::span<const std::byte> input) {
    return input.size() >= 2 && input[0] == std::byte{0x1f} && input[1] == std::byte{0x8b};
}

Result<std::size_t> gunzip(std::span<const std::byte> input, ByteSink& sink) {
    std::size_t at = TRY(header_length(input));
    CheckingSink checking(sink);
    Window window(checking);
    TRY(window.start(kInflateWindow));
    const Result<Box<Inflater>> inflater = Box<Inflater>::create(input.subspan(at), window);
    if (!inflater) return inflater.error();
    const Result<std::size_t> used = (*inflater)->run();
    TRY(window.flush());
    at += TRY(used);
    if (input.size() - at < kTrailer) return Errno::INVAL;
    if (load32(input.subspan(at)) != checking.crc()) return Errno::INVAL;
    if (load32(input.subspan(at + 4)) != checking.size()) return Errno::INVAL;
    return at + kTrailer;
}

}  // namespace exo::compress
