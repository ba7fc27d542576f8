// cpio archives in the "new ASCII" format, newc (Linux: Documentation/driver-api/early-userspace/
// buffer-format), as a stream: fed piece by piece, so that what comes out of a decompressor needs
// not be kept. Input is foreign: sizes and names are bounded and checked.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "lib/base/result.h"

namespace exo::cpio {

/// Longest name, as PATH_MAX with its NUL.
inline constexpr std::size_t kMaxName = 4096;

struct Entry {
    std::string_view name;  ///< without NUL; valid during the call
    std::uint32_t inode = 0;
    std::uint32_t mode = 0;  ///< st_mode, file type included
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint32_t links = 0;
    std::uint32_t modified = 0;                        ///< seconds since 1970
    std::uint32_t size = 0;                            ///< of the data that follows
    std::uint32_t major = 0, minor = 0;                ///< of the device it was on
    std::uint32_t device_major = 0, device_minor = 0;  ///< what it names, if it is a device
};

/// Receives what an archive has: each entry, its data in pieces, its end. An error stops reading.
class Visitor {
  public:
    virtual Result<void> begin(const Entry& entry) = 0;
    virtual Result<void> data(std::span<const std::byte> bytes) = 0;
    virtual Result<void> end() = 0;
    /// An archive's trailer: inode numbers begin anew behind it.
    virtual void end_of_archive() = 0;

  protected:
    ~Visitor() = default;
};

class Reader {
  public:
    explicit Reader(Visitor& visitor) : visitor_(visitor) {}

    /// The next bytes. After a trailer, NULs and another archive may follow. INVAL: not newc, or
    /// corrupt; or the visitor's error.
    Result<void> feed(std::span<const std::byte> bytes);
    /// The same up to the end of an archive at most; how much was taken.
    Result<std::size_t> feed_archive(std::span<const std::byte> bytes);
    /// INVAL: the input ended within an entry.
    Result<void> finish() const;
    /// How much was read, up to the error if there was one.
    [[nodiscard]] std::uint64_t position() const { return position_; }
    /// Whether it is between archives, where compressed data may follow too.
    [[nodiscard]] bool between_archives() const { return state_ == State::kBetween; }

  private:
    static constexpr std::size_t kHeader = 110;

    enum class State : std::uint8_t { kBetween, kHeader, kName, kNamePadding, kData, kDataPadding };

    Result<std::size_t> step(std::span<const std::byte> bytes);
    Result<void> header_complete();
    Result<void> name_complete();
    Result<void> data_complete();
    void to(State state, std::size_t bytes) {
        state_ = state;
        wanted_ = bytes;
    }

    Visitor& visitor_;
    State state_ = State::kBetween;
    std::uint64_t position_ = 0;
    std::uint64_t archive_begin_ = 0;  // padding is counted from it
    std::size_t wanted_ = 0;           // bytes of this state that are still to come
    std::size_t name_size_ = 0;        // NUL included
    Entry entry_;
    std::array<char, kMaxName> text_ = {};  // header or name, as far as it has come
    std::size_t text_used_ = 0;
};

}  // namespace exo::cpio
