// execve(2) of files that are no programs, or broken ones: made from a good one, field by field and
// at random. What Linux refuses before it gives up the old program has its errno; what it notices
// later kills the process on Linux, and may be an error where the old program still lives.
#include <elf.h>

#include "tests/abi/abi.h"

namespace {

constexpr unsigned kExit = 42;

// mov $42, %edi; mov $231, %eax (exit_group); syscall
constexpr unsigned char kCode[] = {0xbf, kExit, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05};

constexpr uint64_t kText = 0x400000, kData = 0x402000;

/// A program of two pages of file: headers and code, then data with zeros behind it.
struct Image {
    Elf64_Ehdr header;
    Elf64_Phdr table[4];
    unsigned char code[16];
    unsigned char rest[8192 - sizeof(Elf64_Ehdr) - 4 * sizeof(Elf64_Phdr) - 16];
};
static_assert(sizeof(Image) == 8192);

Image good() {
    Image image = {};
    memcpy(image.header.e_ident, ELFMAG, SELFMAG);
    image.header.e_ident[EI_CLASS] = ELFCLASS64;
    image.header.e_ident[EI_DATA] = ELFDATA2LSB;
    image.header.e_ident[EI_VERSION] = EV_CURRENT;
    image.header.e_type = ET_EXEC;
    image.header.e_machine = EM_X86_64;
    image.header.e_version = EV_CURRENT;
    image.header.e_entry = kText + offsetof(Image, code);
    image.header.e_phoff = offsetof(Image, table);
    image.header.e_ehsize = sizeof(Elf64_Ehdr);
    image.header.e_phentsize = sizeof(Elf64_Phdr);
    image.header.e_phnum = 3;
    image.table[0] = {PT_LOAD, PF_R | PF_X, 0, kText, kText, 4096, 4096, 4096};
    image.table[1] = {PT_LOAD, PF_R | PF_W, 4096, kData, kData, 4096, 8192, 4096};
    image.table[2] = {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16};
    memcpy(image.code, kCode, sizeof kCode);
    return image;
}

void write_program(const void* bytes, size_t size) {
    unlink("program");
    const int fd = open("program", O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    CHECK(fd >= 0);
    CHECK_EQ(write(fd, bytes, size), static_cast<long>(size));
    close(fd);
}

/// What came of running the file: its exit code, 1000 + the signal that ended it, or -errno.
int outcome() {
    int report[2];
    CHECK_EQ(pipe2(report, O_CLOEXEC), 0);
    const int status = abi::status_of([&] {
        alarm(5);  // outlives execve(2): what loops ends too
        char name[] = "program";
        char* const arguments[] = {name, nullptr};
        char* const environment[] = {nullptr};
        execve("./program", arguments, environment);
        const int error = errno;
        if (write(report[1], &error, sizeof error) != sizeof error) _exit(1);
    });
    close(report[1]);
    int error = 0;
    const bool refused = read(report[0], &error, sizeof error) == sizeof error;
    close(report[0]);
    if (refused) return -error;
    return WIFSIGNALED(status) ? 1000 + WTERMSIG(status) : WEXITSTATUS(status);
}

int outcome_of(const Image& image, size_t size = sizeof(Image)) {
    write_program(&image, size);
    return outcome();
}

/// It did not run: an error, or ended by the kernel.
bool refused(int what) {
    return what < 0 || what == 1000 + SIGSEGV || what == 1000 + SIGKILL || what == 1000 + SIGBUS;
}

template <typename Change>
int changed(Change change) {
    Image image = good();
    change(image);
    return outcome_of(image);
}

}  // namespace

ABI_TEST(good_program_runs) {
    CHECK_EQ(outcome_of(good()), kExit);
}

ABI_TEST(header_fields_that_linux_does_not_look_at) {
    CHECK_EQ(changed([](Image& i) { memset(&i.header.e_ident[EI_DATA], 0xee, 11); }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_version = 0xeeee; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_flags = 0xeeee; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_ehsize = 0xeeee; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_shoff = ~0UL; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_shnum = 0xffff; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.header.e_shstrndx = 0xffff; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.table[0].p_paddr = ~0UL; }), kExit);
    CHECK_EQ(changed([](Image& i) { i.table[2].p_offset = ~0UL; }), kExit);
}

ABI_TEST(broken_headers_are_no_program) {
    for (int at = 0; at < SELFMAG; ++at)
        CHECK_EQ(changed([&](Image& i) { i.header.e_ident[at] ^= 0x55; }), -ENOEXEC);
    for (const int type : {ET_NONE, ET_REL, ET_CORE, 0xffff})
        CHECK_EQ(changed([&](Image& i) { i.header.e_type = static_cast<Elf64_Half>(type); }),
                 -ENOEXEC);
    for (const int machine : {0, EM_AARCH64, EM_RISCV, EM_SPARC, 0xffff})
        CHECK_EQ(changed([&](Image& i) { i.header.e_machine = static_cast<Elf64_Half>(machine); }),
                 -ENOEXEC);
    for (const int size : {0, 1, 32, 55, 57, 0xffff})
        CHECK_EQ(changed([&](Image& i) { i.header.e_phentsize = static_cast<Elf64_Half>(size); }),
                 -ENOEXEC);
    for (const int count : {0, 0xffff})
        CHECK_EQ(changed([&](Image& i) { i.header.e_phnum = static_cast<Elf64_Half>(count); }),
                 -ENOEXEC);
    for (const uint64_t at : {8192UL, 1UL << 40, ~0UL, ~0UL - 100, 1UL << 63})
        CHECK_EQ(changed([&](Image& i) { i.header.e_phoff = at; }), -ENOEXEC);
}

ABI_TEST(broken_segments_do_not_run) {
    const auto broken = [](auto change) { return refused(changed(change)); };
    for (const uint64_t address : {1UL << 47, 1UL << 63, ~0UL, ~0xfffUL, 0x7ffffffff000UL}) {
        CHECK(broken([&](Image& i) { i.table[0].p_vaddr = address; }));
        // Linux 6.1 overlooks a segment that wraps and that nobody uses.
        const int unused = changed([&](Image& i) { i.table[1].p_vaddr = address; });
        CHECK(refused(unused) || unused == kExit);
    }
    CHECK(broken([](Image& i) { i.table[0].p_vaddr += 1; }));
    CHECK(broken([](Image& i) { i.table[0].p_offset = ~0xfffUL; }));
    CHECK(broken([](Image& i) { i.table[0].p_filesz = ~0UL; }));
    CHECK(broken([](Image& i) { i.table[0].p_memsz = ~0UL; }));
    CHECK(broken([](Image& i) { i.table[1].p_memsz = 1UL << 50; }));
    CHECK(broken([](Image& i) { i.table[1].p_filesz = 8193; }));
    CHECK(broken([](Image& i) { i.header.e_entry = 0; }));
    CHECK(broken([](Image& i) { i.header.e_entry = kData + 8192; }));
    CHECK(broken([](Image& i) { i.header.e_entry = ~0UL; }));
    CHECK(broken([](Image& i) { i.header.e_entry = kData; }));  // not executable
    CHECK(broken([](Image& i) { i.table[0].p_flags = PF_R; }));
    CHECK(broken([](Image& i) { i.table[0].p_type = PT_NULL; }));
}

ABI_TEST(broken_interpreters) {
    const auto with = [](uint64_t offset, uint64_t size, const char* name) {
        return changed([&](Image& i) {
            i.table[2] = {PT_INTERP, PF_R, offset, 0, 0, size, size, 1};
            strcpy(reinterpret_cast<char*>(&i) + 4096, name);
        });
    };
    CHECK_EQ(with(4096, 1, ""), -ENOEXEC);
    CHECK_EQ(with(4096, 0, ""), -ENOEXEC);
    CHECK_EQ(with(4096, 4097, "/x"), -ENOEXEC);
    CHECK_EQ(with(4096, ~0UL, "/x"), -ENOEXEC);
    CHECK_EQ(with(4096, 2, "/x"), -ENOEXEC);  // its NUL is not in it
    CHECK_EQ(with(8000, 300, "/x"), -EIO);
    CHECK_EQ(with(1UL << 40, 3, "/x"), -EIO);
    CHECK_EQ(with(~0UL, 3, "/x"), -EINVAL);
    CHECK_EQ(with(4096, 9, "/nowhere"), -ENOENT);
    CHECK_EQ(with(4096, 2, ""), -EACCES);  // the empty name
    CHECK_EQ(with(4096, 5, "/tmp"), -EACCES);
    CHECK_EQ(with(4096, 10, "/dev/null"), -EACCES);
    const int text = abi::make_file("text", "not an ELF file at all");
    CHECK_EQ(fchmod(text, 0755), 0);
    close(text);
    CHECK_EQ(with(4096, 5, "text"), -EIO);
    Image foreign = good();
    foreign.header.e_machine = EM_AARCH64;
    foreign.header.e_type = ET_DYN;
    write_program(&foreign, sizeof foreign);
    CHECK_EQ(rename("program", "foreign"), 0);
    CHECK_EQ(with(4096, 8, "foreign"), -ELIBBAD);
    foreign.header.e_ident[0] = 0;
    write_program(&foreign, sizeof foreign);
    CHECK_EQ(rename("program", "foreign"), 0);
    CHECK_EQ(with(4096, 8, "foreign"), -ELIBBAD);
}

ABI_TEST(truncated_programs) {
    const Image image = good();
    write_program(&image, 0);
    CHECK_EQ(outcome(), -ENOEXEC);
    for (const size_t size : {1UL, 3UL, 4UL, 16UL, 63UL, 64UL, 100UL, 231UL})
        CHECK_EQ(outcome_of(image, size), -ENOEXEC);
    for (const size_t size : {4096UL, 5000UL}) {
        const int what = outcome_of(image, size);
        CHECK(refused(what) || what == kExit);
    }
}

ABI_TEST(broken_scripts) {
    const auto script = [](const char* text) {
        write_program(text, strlen(text));
        return outcome();
    };
    CHECK_EQ(script("#!"), -EACCES);  // an empty name, which is the directory
    CHECK_EQ(script("#!  "), -EACCES);
    CHECK_EQ(script("#!\n"), -ENOEXEC);
    CHECK_EQ(script("#!   \t \n"), -ENOEXEC);
    CHECK_EQ(script("#!/nowhere\n"), -ENOENT);
    CHECK_EQ(script("#!./program\n"), -ELOOP);
    CHECK_EQ(script("#!/tmp\n"), -EACCES);
    CHECK_EQ(script("\n"), -ENOEXEC);
    char longer[600] = "#!/";
    memset(longer + 3, 'x', sizeof longer - 4);
    CHECK_EQ(script(longer), -ENOEXEC);
}

ABI_TEST(random_damage_harms_nobody_else) {
    uint64_t seed = 0x9e3779b97f4a7c15;
    const auto next = [&] {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        return seed;
    };
    constexpr size_t kHeaders = offsetof(Image, code);
    for (int round = 0; round < 300; ++round) {
        Image image = good();
        auto* bytes = reinterpret_cast<unsigned char*>(&image);
        for (uint64_t changes = next() % 4;; --changes) {
            bytes[SELFMAG + next() % (kHeaders - SELFMAG)] = static_cast<unsigned char>(next());
            if (changes == 0) break;
        }
        outcome_of(image);
    }
    CHECK_EQ(outcome_of(good()), kExit);
}
