#include "posix_x/program_image.h"

#include "kernel/arch/user_copy.h"
#include "kernel/fs/dentry.h"
#include "kernel/mm/io_cursor.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t page_down(std::uint64_t at) {
    return at & ~std::uint64_t{kPageSize - 1};
}
constexpr std::uint64_t page_up(std::uint64_t at) {
    return page_down(at + kPageSize - 1);
}

Protection protection_of(const elf::Segment& segment) {
    Protection protection = Protection::kNone;
    if (segment.readable) protection = protection | Protection::kRead;
    if (segment.writable) protection = protection | Protection::kWrite;
    if (segment.executable) protection = protection | Protection::kExecute;
    return protection;
}

/// The room that a relocatable program takes, found or at `base`, kept by a mapping of nothing.
Result<std::uint64_t> reserve(AddressSpace& space, const elf::Program& program,
                              std::uint64_t base) {
    MapRequest request;
    request.address = base;
    request.length = program.end - program.begin;
    if (base != 0) request.placement = Placement::kFixedNoReplace;
    return TRY(space.map(request)) - program.begin;
}

Result<void> map_segment(AddressSpace& space, const elf::Segment& segment, std::uint64_t bias,
                         const Ref<File>& file, const Ref<MemoryObject>& object) {
    const std::uint64_t address = segment.address + bias;
    const std::uint64_t first = page_down(address);
    const std::uint64_t file_end = address + segment.file_bytes;
    const std::uint64_t end = page_up(address + segment.memory_bytes);
    std::uint64_t mapped_to = first;
    MapRequest request;
    request.placement = Placement::kFixed;
    request.protection = protection_of(segment);
    if (segment.file_bytes != 0) {
        mapped_to = page_up(file_end);
        request.address = first;
        request.length = mapped_to - first;
        request.object = object;
        request.object_offset = page_down(segment.file_offset);
        request.file = file;
        TRY(space.map(request));
        // The rest of the last page is the beginning of what is zero.
        if (segment.writable && segment.memory_bytes > segment.file_bytes &&
            arch::clear_user(file_end, mapped_to - file_end) != 0) {
            return Errno::FAULT;
        }
    }
    if (end <= mapped_to) return {};
    request.address = mapped_to;
    request.length = end - mapped_to;
    request.object = {};
    request.object_offset = 0;
    request.file = {};
    TRY(space.map(request));
    return {};
}

}  // namespace

Result<OpenFile> open_executable(Dentry& file, const Credentials& who) {
    const RefPtr<Inode> inode = file.inode();
    if (!inode) return Errno::NOENT;
    const InodeStat stat = inode->stat();
    if (stat.type != FileType::kRegular) return Errno::ACCES;
    if (has(file.mount_state().flags(), MountFlags::kNoExecute)) return Errno::ACCES;
    TRY(check_permission(stat, Permission::kExecute, who));
    constexpr Mode kAnyExecute = 0111;  // without one of them not even for root
    if ((stat.mode & kAnyExecute) == 0) return Errno::ACCES;
    FileClaim claim = TRY(inode->claim(Occupancy::Kind::kRun));
    OpenFile opened(TRY(inode->open(file, FileFlags::kNone, Rights::kRead)), std::move(claim));
    opened->tell_opened();
    return opened;
}

Result<std::size_t> read_file(File& file, std::uint64_t offset, void* to, std::size_t bytes) {
    IoCursor cursor(std::span(static_cast<std::byte*>(to), bytes));
    while (cursor.remaining() != 0) {
        if (TRY(file.read_at(cursor, offset + cursor.done())) == 0) break;
    }
    return cursor.done();
}

Result<elf::Program> read_program(File& file) {
    std::byte first[elf::kHeaderBytes];
    const std::size_t got = TRY(read_file(file, 0, first, sizeof first));
    const elf::Header header = TRY(elf::parse_header(std::span(first).first(got)));
    const std::size_t bytes = header.table_count * elf::kProgramHeaderBytes;
    Vector<std::byte> table;
    TRY(table.resize(bytes));
    const auto read = read_file(file, header.table_offset, table.data(), bytes);
    if (!read || *read != bytes) return Errno::NOEXEC;
    return elf::parse_program(header, table, file.inode()->stat().size);
}

Result<MappedProgram> map_program(AddressSpace& space, const elf::Program& program,
                                  const Ref<File>& file, std::uint64_t base) {
    MappedProgram mapped;
    if (program.header.kind == elf::Kind::kRelocatable)
        mapped.bias = TRY(reserve(space, program, base));
    const auto object = TRY(file->memory_object());
    for (const elf::Segment& segment : program.loaded())
        TRY(map_segment(space, segment, mapped.bias, file, object));
    mapped.entry = program.header.entry + mapped.bias;
    mapped.end = program.end + mapped.bias;
    return mapped;
}

}  // namespace exo::posix
