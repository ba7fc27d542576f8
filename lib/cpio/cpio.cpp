#include "lib/cpio/cpio.h"

#include <algorithm>
#include <cstring>

namespace exo::cpio {

namespace {

constexpr std::string_view kMagic = "070701";
constexpr std::string_view kMagicWithCheck = "070702";  // its checksum is not looked at
constexpr std::string_view kTrailer = "TRAILER!!!";
constexpr std::size_t kField = 8;

Result<std::uint32_t> hexadecimal(std::string_view text) {
    std::uint32_t value = 0;
    for (const char c : text) {
        std::uint32_t digit;
        if (c >= '0' && c <= '9') {
            digit = static_cast<std::uint32_t>(c - '0');
        } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
            digit = static_cast<std::uint32_t>((c | 0x20) - 'a' + 10);
        } else {
            return Errno::INVAL;
        }
        value = value << 4 | digit;
    }
    return value;
}

std::size_t padding(std::uint64_t position) {
    return static_cast<std::size_t>((4 - position % 4) % 4);
}

}  // namespace

Result<void> Reader::feed(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::size_t used = TRY(step(bytes));
        bytes = bytes.subspan(used);
    }
    return {};
}

Result<std::size_t> Reader::feed_archive(std::span<const std::byte> bytes) {
    std::size_t at = 0;
    while (at < bytes.size()) {
        at += TRY(step(bytes.subspan(at)));
        if (state_ == State::kBetween) break;
    }
    return at;
}

Result<void> Reader::finish() const {
    if (state_ == State::kBetween) return {};
    // An archive without its trailer: whole entries are taken, as Linux does.
    if (state_ == State::kHeader && text_used_ == 0) return {};
    return Errno::INVAL;
}

// Takes what this state can use of `bytes`, at least one; goes on when it is complete.
Result<std::size_t> Reader::step(std::span<const std::byte> bytes) {
    if (state_ == State::kBetween) {
        if (bytes[0] == std::byte{0}) {
            ++position_;
            return std::size_t{1};
        }
        archive_begin_ = position_;
        text_used_ = 0;
        to(State::kHeader, kHeader);
    }
    const std::size_t piece = std::min(bytes.size(), wanted_);
    switch (state_) {
        case State::kHeader:
        case State::kName:
            std::memcpy(text_.data() + text_used_, bytes.data(), piece);
            text_used_ += piece;
            break;
        case State::kData:
            TRY(visitor_.data(bytes.first(piece)));
            break;
        default:
            break;
    }
    wanted_ -= piece;
    position_ += piece;
    // A state that is complete may be followed by some that take no bytes.
    while (wanted_ == 0 && state_ != State::kBetween) {
        const State done = state_;
        if (done == State::kHeader) TRY(header_complete());
        if (done == State::kName) to(State::kNamePadding, padding(position_ - archive_begin_));
        if (done == State::kNamePadding) TRY(name_complete());
        if (done == State::kData) to(State::kDataPadding, padding(position_ - archive_begin_));
        if (done == State::kDataPadding) TRY(data_complete());
    }
    return piece;
}

Result<void> Reader::header_complete() {
    const std::string_view header(text_.data(), kHeader);
    const std::string_view magic = header.substr(0, kMagic.size());
    if (magic != kMagic && magic != kMagicWithCheck) return Errno::INVAL;
    std::array<std::uint32_t, 13> fields;
    for (std::size_t i = 0; i < fields.size(); ++i) {
        fields[i] = TRY(hexadecimal(header.substr(kMagic.size() + i * kField, kField)));
    }
    entry_ = {.name = {},
              .inode = fields[0],
              .mode = fields[1],
              .uid = fields[2],
              .gid = fields[3],
              .links = fields[4],
              .modified = fields[5],
              .size = fields[6],
              .major = fields[7],
              .minor = fields[8],
              .device_major = fields[9],
              .device_minor = fields[10]};
    name_size_ = fields[11];
    if (name_size_ == 0 || name_size_ > kMaxName) return Errno::INVAL;
    text_used_ = 0;
    to(State::kName, name_size_);
    return {};
}

Result<void> Reader::name_complete() {
    if (text_[name_size_ - 1] != '\0') return Errno::INVAL;
    const std::string_view name(text_.data(), std::strlen(text_.data()));
    if (name == kTrailer) {
        if (entry_.size != 0) return Errno::INVAL;
        visitor_.end_of_archive();
        to(State::kBetween, 0);
        return {};
    }
    entry_.name = name;
    TRY(visitor_.begin(entry_));
    to(State::kData, entry_.size);
    return {};
}

Result<void> Reader::data_complete() {
    TRY(visitor_.end());
    text_used_ = 0;
    to(State::kHeader, kHeader);
    return {};
}

}  // namespace exo::cpio
