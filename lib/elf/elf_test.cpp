#include "lib/elf/elf.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

namespace exo::elf {
namespace {

/// A program made field by field: header, table right after it, then `data` bytes.
class Maker {
  public:
    Maker() : bytes_(kHeaderBytes) {
        const unsigned char identity[] = {0x7f, 'E', 'L', 'F', 2, 1, 1};
        std::memcpy(bytes_.data(), identity, sizeof identity);
        set<std::uint16_t>(16, 2);
        set<std::uint16_t>(18, 62);
        set<std::uint64_t>(24, 0x401000);
        set<std::uint64_t>(32, kHeaderBytes);
        set<std::uint16_t>(54, kProgramHeaderBytes);
    }

    template <typename T>
    Maker& set(std::size_t at, T value) {
        std::memcpy(&bytes_[at], &value, sizeof value);
        return *this;
    }

    /// Appends a program header.
    Maker& segment(std::uint32_t type, std::uint32_t flags, std::uint64_t offset,
                   std::uint64_t address, std::uint64_t file, std::uint64_t memory) {
        const std::size_t at = bytes_.size();
        bytes_.resize(at + kProgramHeaderBytes);
        set(at, type).set(at + 4, flags).set(at + 8, offset).set(at + 16, address);
        set(at + 32, file).set(at + 40, memory);
        return set<std::uint16_t>(56, ++count_);
    }

    Result<Program> parse(std::uint64_t file_bytes = 0x3000) const {
        const auto header = parse_header(bytes_);
        if (!header) return header.error();
        return parse_program(*header, std::span(bytes_).subspan(kHeaderBytes), file_bytes);
    }

  private:
    std::vector<std::byte> bytes_;
    std::uint16_t count_ = 0;
};

Maker good() {
    Maker maker;
    maker.segment(1, 5, 0, 0x400000, 0x2000, 0x2000).segment(1, 6, 0x2000, 0x402000, 0x10, 0x5000);
    return maker;
}

TEST(Elf, ReadsSegments) {
    const auto program = good().parse();
    ASSERT_TRUE(program);
    EXPECT_EQ(program->segment_count, 2U);
    EXPECT_EQ(program->begin, 0x400000U);
    EXPECT_EQ(program->end, 0x407000U);
    EXPECT_TRUE(program->segments[0].executable);
    EXPECT_FALSE(program->segments[0].writable);
    EXPECT_TRUE(program->segments[1].writable);
    EXPECT_EQ(program->table_address, 0x400000U + kHeaderBytes);
    EXPECT_EQ(program->interpreter_bytes, 0U);
    EXPECT_EQ(program->header.kind, Kind::kFixed);
}

TEST(Elf, RecognisesRelocatableAndInterpreter) {
    Maker maker = good();
    maker.set<std::uint16_t>(16, 3).segment(3, 4, 0x100, 0x400100, 28, 28);
    const auto program = maker.parse();
    ASSERT_TRUE(program);
    EXPECT_EQ(program->header.kind, Kind::kRelocatable);
    EXPECT_EQ(program->interpreter_offset, 0x100U);
    EXPECT_EQ(program->interpreter_bytes, 28U);
}

TEST(Elf, RefusesWhatIsNoProgram) {
    EXPECT_EQ(parse_header({}).error(), Errno::NOEXEC);
    for (const std::size_t at : {0U, 1U, 2U, 3U, 16U, 18U, 54U}) {
        EXPECT_EQ(good().set<std::uint8_t>(at, 0x55).parse().error(), Errno::NOEXEC) << at;
    }
    for (const std::size_t at : {4U, 5U, 6U, 7U, 8U, 15U})
        EXPECT_TRUE(good().set<std::uint8_t>(at, 0x55).parse()) << at << ": nor does Linux look";
    EXPECT_EQ(good().set<std::uint16_t>(56, 0).parse().error(), Errno::NOEXEC);
    EXPECT_EQ(good().set<std::uint16_t>(56, 129).parse().error(), Errno::NOEXEC);
    EXPECT_EQ(good().set<std::uint16_t>(56, 3).parse().error(), Errno::NOEXEC) << "table cut";
    EXPECT_EQ(Maker().segment(2, 5, 0, 0x400000, 1, 1).parse().error(), Errno::NOEXEC);
}

TEST(Elf, RefusesContradictions) {
    const auto with = [](std::uint64_t offset, std::uint64_t address, std::uint64_t file,
                         std::uint64_t memory) {
        return good().segment(1, 4, offset, address, file, memory).parse();
    };
    EXPECT_TRUE(with(0x1000, 0x500000, 0x100, 0x100));
    EXPECT_FALSE(with(0x1000, 0x500000, 0x101, 0x100)) << "more in the file than in memory";
    EXPECT_FALSE(with(0x1001, 0x500000, 0x100, 0x100)) << "page offsets differ";
    EXPECT_FALSE(with(0x1000, 0x400000, 0x100, 0x100)) << "overlap";
    EXPECT_FALSE(with(0x2f00, 0x500f00, 0x101, 0x101)) << "beyond the file";
    EXPECT_FALSE(with(~std::uint64_t{0xfff}, 0x500000, 0x1000, 0x1000)) << "offset wraps";
    EXPECT_FALSE(with(0, ~std::uint64_t{0xfff}, 0x1000, 0x1000)) << "address wraps";
    EXPECT_FALSE(with(0, 0x7ffffffff000, 0, 1)) << "beyond what a program can address";
    EXPECT_FALSE(good().set<std::uint64_t>(24, 0x407000).parse()) << "entry outside";
    EXPECT_FALSE(good().segment(3, 4, 0, 0, 1, 1).parse()) << "interpreter too short";
    EXPECT_FALSE(good().segment(3, 4, 0, 0, 4097, 4097).parse()) << "interpreter too long";
    Maker many;
    for (std::uint64_t i = 0; i <= kMaxSegments; ++i)
        many.segment(1, 5, 0, 0x401000 + i * kPage, 16, 16);
    EXPECT_EQ(many.parse().error(), Errno::NOEXEC);
}

TEST(Elf, ReadsTheRunningProgram) {
    std::ifstream in("/proc/self/exe", std::ios::binary);
    const std::vector<char> text{std::istreambuf_iterator<char>(in), {}};
    const auto file = std::as_bytes(std::span(text));
    const auto header = parse_header(file);
    ASSERT_TRUE(header);
    const auto program = parse_program(*header, file.subspan(header->table_offset), file.size());
    ASSERT_TRUE(program);
    EXPECT_NE(program->interpreter_bytes, 0U);
    EXPECT_NE(program->table_address, 0U);
}

}  // namespace
}  // namespace exo::elf
