#include "posix_x/string_block.h"

#include <algorithm>
#include <cstring>

namespace exo::posix {

Result<void> StringBlock::append_bytes(const char* from, std::size_t bytes, std::uint64_t limit) {
    if (bytes > limit || bytes_ > limit - bytes) return Errno::TOOBIG;
    while (bytes != 0) {
        const std::size_t at = bytes_ % kChunk;
        if (at == 0) {
            auto chunk = TRY(Box<Chunk>::create());
            TRY(chunks_.push_back(std::move(chunk)));
        }
        const std::size_t now = std::min(bytes, kChunk - at);
        std::memcpy(&chunks_.back()->text[at], from, now);
        from += now;
        bytes -= now;
        bytes_ += now;
    }
    return {};
}

Result<void> StringBlock::append(std::string_view text, std::uint64_t limit) {
    TRY(offsets_.push_back(static_cast<std::uint32_t>(bytes_)));
    TRY(append_bytes(text.data(), text.size(), limit));
    return append_bytes("", 1, limit);
}

Result<void> StringBlock::append_user(UserAddr at, std::uint64_t limit) {
    TRY(offsets_.push_back(static_cast<std::uint32_t>(bytes_)));
    std::uint64_t length = 0;
    for (;;) {
        char piece[256];
        const std::ptrdiff_t got = arch::copy_string_from_user(piece, at.value, sizeof piece);
        if (got < 0) return Errno::FAULT;
        const auto bytes = static_cast<std::size_t>(got);
        length += bytes;
        if (length >= kMaxString) return Errno::TOOBIG;
        TRY(append_bytes(piece, bytes, limit));
        if (bytes < sizeof piece) return append_bytes("", 1, limit);
        at = at + bytes;
    }
}

Result<void> StringBlock::append_from(const StringBlock& other, std::size_t first,
                                      std::uint64_t limit) {
    if (first >= other.count()) return {};
    const std::uint64_t begin = other.offset(first);
    for (std::size_t i = first; i < other.count(); ++i)
        TRY(offsets_.push_back(static_cast<std::uint32_t>(bytes_ + (other.offset(i) - begin))));
    for (std::uint64_t at = begin; at < other.bytes_;) {
        const std::uint64_t in_chunk = at % kChunk;
        const std::uint64_t now = std::min(other.bytes_ - at, kChunk - in_chunk);
        TRY(append_bytes(&other.chunks_[at / kChunk]->text[in_chunk], now, limit));
        at += now;
    }
    return {};
}

Result<void> StringBlock::write(UserAddr to) const {
    std::uint64_t left = bytes_;
    for (const Box<Chunk>& chunk : chunks_) {
        const std::uint64_t now = std::min<std::uint64_t>(left, kChunk);
        TRY(write_user(to, chunk->text, now));
        to = to + now;
        left -= now;
    }
    return {};
}

}  // namespace exo::posix
