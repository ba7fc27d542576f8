#include "lib/elf/elf.h"

#include <algorithm>
#include <cstring>

namespace exo::elf {
namespace {

constexpr std::uint64_t kAddressEnd = std::uint64_t{1} << 47;

// Fields at their offsets (gABI, figures 4-3 and 5-1). The file is little-endian, as the machine
// is.
template <typename T>
T field(std::span<const std::byte> bytes, std::size_t at) {
    T value;
    std::memcpy(&value, &bytes[at], sizeof value);
    return value;
}

enum class Type : std::uint32_t {
    kLoad = 1,
    kInterpreter = 3,
    kProgramHeaders = 6,
    kGnuStack = 0x6474e551,
};

struct ProgramHeader {
    Type type;
    std::uint32_t flags;
    std::uint64_t offset, address, file_bytes, memory_bytes;

    explicit ProgramHeader(std::span<const std::byte> bytes)
        : type(Type{field<std::uint32_t>(bytes, 0)}),
          flags(field<std::uint32_t>(bytes, 4)),
          offset(field<std::uint64_t>(bytes, 8)),
          address(field<std::uint64_t>(bytes, 16)),
          file_bytes(field<std::uint64_t>(bytes, 32)),
          memory_bytes(field<std::uint64_t>(bytes, 40)) {}

    static constexpr std::uint32_t kExecute = 1, kWrite = 2, kRead = 4;
};

/// Whether [begin, begin + bytes) lies below `end`.
bool within(std::uint64_t begin, std::uint64_t bytes, std::uint64_t end) {
    return begin <= end && bytes <= end - begin;
}

Result<void> add_segment(Program& program, const ProgramHeader& header, std::uint64_t file_bytes) {
    if (header.memory_bytes == 0) return {};
    if (header.file_bytes > header.memory_bytes) return Errno::NOEXEC;
    if (!within(header.offset, header.file_bytes, file_bytes)) return Errno::NOEXEC;
    if (!within(header.address, header.memory_bytes, kAddressEnd - kPage)) return Errno::NOEXEC;
    if (header.offset % kPage != header.address % kPage) return Errno::NOEXEC;
    if (program.segment_count == kMaxSegments) return Errno::NOEXEC;
    const std::uint64_t first_page = header.address & ~(kPage - 1);
    if (program.segment_count == 0) {
        program.begin = first_page;
    } else if (header.address < program.segments[program.segment_count - 1].address +
                                    program.segments[program.segment_count - 1].memory_bytes) {
        return Errno::NOEXEC;
    }
    program.end = (header.address + header.memory_bytes + kPage - 1) & ~(kPage - 1);
    program.segments[program.segment_count++] = {
        .address = header.address,
        .memory_bytes = header.memory_bytes,
        .file_offset = header.offset,
        .file_bytes = header.file_bytes,
        .readable = (header.flags & ProgramHeader::kRead) != 0,
        .writable = (header.flags & ProgramHeader::kWrite) != 0,
        .executable = (header.flags & ProgramHeader::kExecute) != 0,
    };
    return {};
}

/// Where the table is in memory: in the segment that covers its place in the file.
std::uint64_t find_table(const Program& program) {
    const std::uint64_t bytes = program.header.table_count * kProgramHeaderBytes;
    for (const Segment& segment : program.loaded()) {
        if (program.header.table_offset < segment.file_offset) continue;
        const std::uint64_t at = program.header.table_offset - segment.file_offset;
        if (within(at, bytes, segment.file_bytes)) return segment.address + at;
    }
    return 0;
}

bool entry_is_loaded(const Program& program) {
    return std::ranges::any_of(program.loaded(), [&](const Segment& segment) {
        return program.header.entry >= segment.address &&
               program.header.entry - segment.address < segment.memory_bytes;
    });
}

}  // namespace

Result<Header> parse_header(std::span<const std::byte> bytes) {
    // Of the identity Linux looks at no more than this; the machine says the rest.
    constexpr std::uint8_t kMagic[] = {0x7f, 'E', 'L', 'F'};
    constexpr std::uint16_t kExecutable = 2, kDynamic = 3, kX86 = 62;
    if (bytes.size() < kHeaderBytes) return Errno::NOEXEC;
    if (std::memcmp(bytes.data(), kMagic, sizeof kMagic) != 0) return Errno::NOEXEC;
    const auto type = field<std::uint16_t>(bytes, 16);
    if (type != kExecutable && type != kDynamic) return Errno::NOEXEC;
    if (field<std::uint16_t>(bytes, 18) != kX86) return Errno::NOEXEC;
    if (field<std::uint16_t>(bytes, 54) != kProgramHeaderBytes) return Errno::NOEXEC;
    const Header header = {
        .kind = type == kExecutable ? Kind::kFixed : Kind::kRelocatable,
        .entry = field<std::uint64_t>(bytes, 24),
        .table_offset = field<std::uint64_t>(bytes, 32),
        .table_count = field<std::uint16_t>(bytes, 56),
    };
    if (header.table_count == 0 || header.table_count > kMaxProgramHeaders) return Errno::NOEXEC;
    return header;
}

Result<Program> parse_program(const Header& header, std::span<const std::byte> table,
                              std::uint64_t file_bytes) {
    if (table.size() < header.table_count * kProgramHeaderBytes) return Errno::NOEXEC;
    Program program;
    program.header = header;
    for (std::size_t i = 0; i < header.table_count; ++i) {
        const ProgramHeader each(table.subspan(i * kProgramHeaderBytes, kProgramHeaderBytes));
        switch (each.type) {
            case Type::kLoad:
                TRY(add_segment(program, each, file_bytes));
                break;
            case Type::kInterpreter:
                if (each.file_bytes < 2 || each.file_bytes > kMaxInterpreter) return Errno::NOEXEC;
                program.interpreter_offset = each.offset;
                program.interpreter_bytes = each.file_bytes;
                break;
            case Type::kGnuStack:
                program.executable_stack = (each.flags & ProgramHeader::kExecute) != 0;
                break;
            default:
                break;
        }
    }
    if (program.segment_count == 0 || !entry_is_loaded(program)) return Errno::NOEXEC;
    program.table_address = find_table(program);
    return program;
}

}  // namespace exo::elf
