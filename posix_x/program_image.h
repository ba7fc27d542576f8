// Programs and their interpreters, read from files and mapped into the running thread's address
// space (lib/elf says what is in them).
#pragma once

#include "kernel/fs/file.h"
#include "kernel/fs/path_walk.h"
#include "lib/elf/elf.h"
#include "posix_x/process.h"

namespace exo::posix {

/// A file that is open, and not written to, as long as this lives; what is mapped of it may keep it
/// open longer.
class OpenFile {
  public:
    OpenFile(Ref<File> file, FileClaim claim) : file_(std::move(file)), claim_(std::move(claim)) {
        file_->opened();
    }
    OpenFile(OpenFile&& other) noexcept
        : file_(std::move(other.file_)), claim_(std::move(other.claim_)) {}
    OpenFile& operator=(OpenFile&& other) noexcept {
        std::swap(file_, other.file_);
        std::swap(claim_, other.claim_);
        return *this;
    }
    ~OpenFile() {
        if (file_) file_->closed();
    }
    [[nodiscard]] File& operator*() const { return *file_; }
    [[nodiscard]] File* operator->() const { return file_.get(); }
    [[nodiscard]] Ref<File> file() const { return file_.to_ref(); }
    /// That nobody writes to it, from here on the caller's.
    [[nodiscard]] FileClaim take_claim() { return std::move(claim_); }

  private:
    RefPtr<File> file_;
    FileClaim claim_;
};

/// Opens what may be executed. ACCES: not a regular file, or `who` may not; TXTBSY: it is open for
/// writing.
Result<OpenFile> open_executable(Dentry& file, const Credentials& who);

/// Reads up to `bytes` at `offset`; how many there were.
Result<std::size_t> read_file(File& file, std::uint64_t offset, void* to, std::size_t bytes);

/// NOEXEC: not a program for this machine.
Result<elf::Program> read_program(File& file);

/// Where a mapped program is.
struct MappedProgram {
    std::uint64_t bias = 0;  ///< what its addresses are moved by
    std::uint64_t entry = 0;
    std::uint64_t end = 0;  ///< page behind its last
};

/// Maps it at `base` if it is relocatable (0: anywhere). NOMEM, and errors of reading.
Result<MappedProgram> map_program(AddressSpace& space, const elf::Program& program,
                                  const Ref<File>& file, std::uint64_t base);

}  // namespace exo::posix
