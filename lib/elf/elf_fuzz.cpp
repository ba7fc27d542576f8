// Any bytes as a program: what is accepted keeps the promises of elf.h.
#include "lib/base/panic.h"
#include "lib/elf/elf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace exo;
    const auto file = std::as_bytes(std::span(data, size));
    const auto header = elf::parse_header(file);
    if (!header) return 0;
    if (header->table_offset > size) return 0;
    const auto program = elf::parse_program(*header, file.subspan(header->table_offset), size);
    if (!program) return 0;
    std::uint64_t above = 0;
    for (const elf::Segment& segment : program->loaded()) {
        EXO_CHECK(segment.memory_bytes != 0 && segment.file_bytes <= segment.memory_bytes,
                  "sizes of a segment");
        EXO_CHECK(segment.address >= above, "segments overlap");
        above = segment.address + segment.memory_bytes;
        EXO_CHECK(above > segment.address && above <= program->end, "a segment beyond the end");
        EXO_CHECK(segment.file_offset + segment.file_bytes <= size, "a segment beyond the file");
        EXO_CHECK(segment.address >= program->begin, "a segment before the beginning");
    }
    // Where it is may be beyond the file: who reads it finds out.
    EXO_CHECK(program->interpreter_bytes <= elf::kMaxInterpreter, "too long an interpreter");
    return 0;
}
