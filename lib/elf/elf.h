// Reads what starting a program needs of an ELF file (System V gABI 4.1, x86-64 psABI): header and
// program headers, from bytes that nobody vouches for. Nothing is trusted: offsets, sizes and
// addresses are checked here, so that who maps the segments need not.
//
// NOEXEC: not an x86-64 program, or one that contradicts itself.
// LINUX-DIFF: contradictions in segments Linux finds when the old program is gone, and kills.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "lib/base/result.h"

namespace exo::elf {

inline constexpr std::size_t kHeaderBytes = 64;
inline constexpr std::size_t kProgramHeaderBytes = 56;
/// Linux takes up to 64 KiB of program headers; real programs have about 12.
inline constexpr std::size_t kMaxProgramHeaders = 128;
inline constexpr std::size_t kMaxSegments = 32;
inline constexpr std::uint64_t kPage = 4096;
/// Longest name of an interpreter, its NUL included.
inline constexpr std::uint64_t kMaxInterpreter = 4096;

/// Where its addresses count from: kFixed as they are (ET_EXEC), kRelocatable from any page
/// (ET_DYN: a static-PIE program, an interpreter or a shared object).
enum class Kind : std::uint8_t { kFixed, kRelocatable };

struct Header {
    Kind kind = Kind::kFixed;
    std::uint64_t entry = 0;
    std::uint64_t table_offset = 0;  ///< of the program headers in the file
    std::uint16_t table_count = 0;   ///< 1 to kMaxProgramHeaders
};

/// A PT_LOAD. The page offset of address and file offset agree; it ends below 2^47.
struct Segment {
    std::uint64_t address = 0;
    std::uint64_t memory_bytes = 0;  ///< not 0; what is beyond file_bytes is zero
    std::uint64_t file_offset = 0;
    std::uint64_t file_bytes = 0;  ///< at most memory_bytes, within the file
    bool readable = false, writable = false, executable = false;
};

struct Program {
    Header header;
    std::array<Segment, kMaxSegments> segments = {};  ///< by rising address, disjoint
    std::size_t segment_count = 0;                    ///< not 0
    std::uint64_t begin = 0, end = 0;                 ///< pages that the segments cover
    /// Address of the program headers in memory (AT_PHDR); 0: they are not loaded.
    std::uint64_t table_address = 0;
    std::uint64_t interpreter_offset = 0;  ///< may lie beyond the file: reading it tells
    std::uint64_t interpreter_bytes = 0;   ///< with its NUL; 0: none
    bool executable_stack = false;

    [[nodiscard]] std::span<const Segment> loaded() const {
        return std::span(segments).first(segment_count);
    }
};

/// Of a file's first bytes, kHeaderBytes at least (fewer: NOEXEC).
Result<Header> parse_header(std::span<const std::byte> bytes);

/// `table` are the header.table_count program headers; `file_bytes` is the file's size.
Result<Program> parse_program(const Header& header, std::span<const std::byte> table,
                              std::uint64_t file_bytes);

}  // namespace exo::elf
