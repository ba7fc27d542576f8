// execve(2). The new program is built aside, in an address space of its own; nothing of the old one
// changes until all that can fail has succeeded.
#include "posix_x/exec.h"

#include <algorithm>
#include <cstring>

#include "abi/linux/rseq.h"
#include "kernel/core/random.h"
#include "kernel/core/scheduler.h"
#include "posix_x/capabilities.h"
#include "posix_x/identity.h"
#include "posix_x/pi_futex.h"
#include "posix_x/process_table.h"
#include "posix_x/program_image.h"
#include "posix_x/script.h"
#include "posix_x/signals.h"
#include "posix_x/vdso.h"

namespace exo::posix {
namespace {

constexpr std::uint64_t kStackTop = arch::kUserEnd;
constexpr std::uint64_t kStackRoom = 128 * 1024;  // mapped beyond the strings; grows from there
/// Where Linux puts programs that go anywhere (ELF_ET_DYN_BASE).
constexpr std::uint64_t kProgramBase = 0x555555554000;
constexpr unsigned kMaxScripts = 5;

struct NewProgram {
    explicit NewProgram(Ref<AddressSpace> s) : space(std::move(s)) {}
    Ref<AddressSpace> space;
    MappedProgram program;
    std::uint64_t interpreter_base = 0;
    std::uint64_t entry = 0;
    std::uint64_t stack = 0;
    std::uint64_t strings = 0;
    std::uint64_t vdso = 0;
};

/// The first bytes of a script, as many as Linux looks at.
struct ScriptHead {
    char text[255];
};

/// If `start`, which is called `name`, is a script, makes it its interpreter's start. What that is
/// called, in `head`; empty: it was none.
Result<std::string_view> resolve_script(Task& task, ProgramStart& start, File& file,
                                        std::string_view name, ScriptHead& head) {
    const std::size_t got = TRY(read_file(file, 0, head.text, sizeof head.text));
    const ScriptLine line = TRY(parse_script({head.text, got}, got == sizeof head.text));
    if (line.interpreter.empty()) return std::string_view();
    Process& process = task.process();
    const std::uint64_t limit = argument_limit(process);
    StringBlock arguments;
    TRY(arguments.append(line.interpreter, limit));
    if (!line.argument.empty()) TRY(arguments.append(line.argument, limit));
    TRY(arguments.append(name, limit));
    TRY(arguments.append_from(start.arguments, 1, limit));
    start.arguments = std::move(arguments);
    start.file = TRY(walk(process.places().walk_start(), line.interpreter, LastLink::kFollow,
                          *process.credentials()));
    return line.interpreter;
}

Result<OpenFile> open_interpreter(Process& process, File& file, const elf::Program& program) {
    Vector<char> path;
    TRY(path.resize(program.interpreter_bytes));
    const std::size_t got =
        TRY(read_file(file, program.interpreter_offset, path.data(), path.size()));
    if (got != path.size()) return Errno::IO;
    if (path[got - 1] != '\0') return Errno::NOEXEC;
    if (path[0] == '\0') return Errno::ACCES;  // to Linux, the directory the process is in
    const auto who = process.credentials();
    const auto found = TRY(walk(process.places().walk_start(),
                                {path.data(), std::strlen(path.data())}, LastLink::kFollow, *who));
    return open_executable(*found, *who);
}

/// Of an interpreter, execve(2) has errors of its own.
Result<elf::Program> read_interpreter(File& file) {
    if (file.inode()->stat().size < elf::kHeaderBytes) return Errno::IO;
    const auto program = read_program(file);
    if (!program && program.error() == Errno::NOEXEC) return Errno::LIBBAD;
    return program;
}

/// Pushes words downwards on a program's stack.
class StackWriter {
  public:
    explicit StackWriter(std::uint64_t at) : at_(at) {}
    Result<void> word(std::uint64_t value) {
        TRY(write_user(UserAddr{at_}, &value, sizeof value));
        at_ += sizeof value;
        return {};
    }
    Result<void> auxiliary(abi::Aux key, std::uint64_t value) {
        TRY(word(static_cast<std::uint64_t>(key)));
        return word(value);
    }

  private:
    std::uint64_t at_;
};

constexpr std::uint64_t kAuxiliaries = 22;

/// It has what its caller has not: the loader trusts no environment (getauxval(3), AT_SECURE).
bool runs_as_another(const Credentials& who) {
    return who.uid != who.effective_uid || who.gid != who.effective_gid;
}

Result<void> write_auxiliaries(StackWriter& out, Task& task, const elf::Program& program,
                               const NewProgram& made, std::uint64_t random, std::uint64_t platform,
                               std::uint64_t name) {
    const auto who = task.process().credentials();
    using abi::Aux;
    const std::uint64_t table =
        program.table_address == 0 ? 0 : program.table_address + made.program.bias;
    const std::pair<Aux, std::uint64_t> all[kAuxiliaries] = {
        {Aux::kSysinfoEhdr, made.vdso},
        {Aux::kMinsigstksz, abi::kMinSigStack + arch::fpu_state_bytes()},
        {Aux::kHwcap, arch::program_features()},
        {Aux::kPagesz, kPageSize},
        {Aux::kClktck, abi::kTicksPerSecond},
        {Aux::kPhdr, table},
        {Aux::kPhent, elf::kProgramHeaderBytes},
        {Aux::kPhnum, program.header.table_count},
        {Aux::kBase, made.interpreter_base},
        {Aux::kFlags, 0},
        {Aux::kEntry, made.program.entry},
        {Aux::kUid, who->uid},
        {Aux::kEuid, who->effective_uid},
        {Aux::kGid, who->gid},
        {Aux::kEgid, who->effective_gid},
        {Aux::kSecure, runs_as_another(*who) ? 1 : 0},
        {Aux::kRandom, random},
        {Aux::kRseqFeatureSize, abi::kRseqFeatureBytes},
        {Aux::kRseqAlign, abi::kRseqAlignment},
        {Aux::kExecfn, name},
        {Aux::kPlatform, platform},
        {Aux::kNull, 0},
    };
    for (const auto& [key, value] : all) TRY(out.auxiliary(key, value));
    return {};
}

/// The stack as a program finds it (psABI 3.4.1): argc, argv, envp, auxiliary vector, then, above,
/// what they point to.
Result<void> make_stack(Task& task, ProgramStart& start, const elf::Program& program,
                        NewProgram& made) {
    constexpr std::string_view kPlatform = "x86_64";
    const std::uint64_t strings = start.arguments.bytes() + start.environment.bytes();
    const std::uint64_t pointers = start.arguments.count() + start.environment.count() + 3;
    const std::uint64_t words = pointers + 2 * kAuxiliaries;
    const std::uint64_t top = kStackTop - 16;  // a word of zero ends it all, as on Linux

    MapRequest request;
    request.length = (strings + words * 8 + kPathMax + kStackRoom + kPageSize) & ~(kPageSize - 1);
    request.address = kStackTop - request.length;
    request.protection = Protection::kRead | Protection::kWrite;
    if (program.executable_stack) request.protection = request.protection | Protection::kExecute;
    request.placement = Placement::kFixed;
    request.grows_down = true;
    TRY(made.space->map(request));

    const std::uint64_t name = top - (start.path.size() + 1);
    const std::uint64_t environment = name - start.environment.bytes();
    made.strings = environment - start.arguments.bytes();
    const std::uint64_t platform = made.strings - (kPlatform.size() + 1);
    const std::uint64_t random = (platform - 16) & ~std::uint64_t{15};
    made.stack = (random - words * 8) & ~std::uint64_t{15};

    TRY(write_user(UserAddr{name}, start.path.data(), start.path.size()));
    TRY(start.environment.write(UserAddr{environment}));
    TRY(start.arguments.write(UserAddr{made.strings}));
    TRY(write_user(UserAddr{platform}, kPlatform.data(), kPlatform.size()));
    std::byte seed[16];
    fill_random(seed, sizeof seed);
    TRY(write_user(UserAddr{random}, seed, sizeof seed));

    StackWriter out(made.stack);
    TRY(out.word(start.arguments.count()));
    for (std::size_t i = 0; i < start.arguments.count(); ++i)
        TRY(out.word(made.strings + start.arguments.offset(i)));
    TRY(out.word(0));
    for (std::size_t i = 0; i < start.environment.count(); ++i)
        TRY(out.word(environment + start.environment.offset(i)));
    TRY(out.word(0));
    return write_auxiliaries(out, task, program, made, random, platform, name);
}

/// Fills the new address space, which is the one that is loaded.
Result<void> build(Task& task, ProgramStart& start, const Ref<File>& file,
                   const elf::Program& program, NewProgram& made) {
    Process& process = task.process();
    made.space->set_limit(process.limits.soft(abi::Limit::kAddressSpace));
    made.program = TRY(map_program(*made.space, program, file, kProgramBase));
    made.entry = made.program.entry;
    if (program.interpreter_bytes != 0) {
        const auto interpreter = TRY(open_interpreter(process, *file, program));
        const elf::Program parsed = TRY(read_interpreter(*interpreter));
        const auto mapped = TRY(map_program(*made.space, parsed, interpreter.file(), 0));
        made.interpreter_base = mapped.bias + parsed.begin;
        made.entry = mapped.entry;
    }
    made.vdso = TRY(map_vdso(*made.space));
    TRY(make_stack(task, start, program, made));
    process.limit_space(*made.space);  // a small stack's arguments are there already
    return {};
}

/// Set-user-ID and set-group-ID of the file, unless new privileges are renounced,
/// or the file's mount grants none.
Result<Ref<const Credentials>> new_credentials(Process& process, const InodeStat& file,
                                               MountFlags mount) {
    const auto now = process.credentials();
    auto next = TRY(copy_credentials(*now));
    constexpr Mode kGroupExecute = 010;
    const bool grants_none = next->no_new_privileges || has(mount, MountFlags::kNoSetId);
    const Mode granted = grants_none ? Mode{0} : file.mode;
    if ((granted & kSetUid) != 0) next->effective_uid = file.uid;
    if ((granted & kSetGid) != 0 && (granted & kGroupExecute) != 0) next->effective_gid = file.gid;
    next->saved_uid = next->fs_uid = next->effective_uid;
    next->saved_gid = next->fs_gid = next->effective_gid;
    start_with_capabilities(*now, *next);
    return Ref<const Credentials>(*next);
}

/// execve(2), "Effect on process attributes": handlers go, what is ignored stays.
void reset_signals(Task& task) {
    auto state = task.process().signals.lock();
    for (abi::SigAction& action : state->actions) {
        const bool ignored = action.handler == abi::kSigIgnore;
        action = {};
        if (ignored) action.handler = abi::kSigIgnore;
    }
    task.signal_stack = {0, abi::kSsDisable, 0, 0};
}

/// What is known of the program's bursts. Empty: no memory, which costs good guesses only.
RefPtr<ProgramProfile> profile_of(Inode& inode) {
    const auto profile = inode.attached<ProgramProfile>();
    return profile ? RefPtr<ProgramProfile>(*profile) : RefPtr<ProgramProfile>();
}

void commit(Task& task, ProgramStart& start, NewProgram& made, Ref<const Credentials> who,
            const RefPtr<HandleTable>& own_handles, FileClaim claim, arch::TrapFrame& frame) {
    Process& process = task.process();
    const std::uint64_t arguments_end = made.strings + start.arguments.bytes();
    process.set_space(made.space,
                      {made.strings, arguments_end, arguments_end + start.environment.bytes()});
    process.has_released_space.store(true, std::memory_order_release);
    process.space_released.wake_all();
    if (own_handles) process.set_handles(own_handles);
    process.handles->close_for_exec();
    process.set_credentials(std::move(who));
    process.set_executable({start.file, std::move(claim)});
    set_program(profile_of(*start.file->inode()));
    process.vdso = made.vdso;
    *process.program_break.lock() = {made.program.end, made.program.end};
    process.timers.clear();
    reset_signals(task);
    {
        auto table = process_table().lock();
        process.kin.has_executed = true;
        process.kin.exit_signal = Signal::kChld;
        if (runs_as_another(*process.credentials()))
            process.kin.parent_death_signal = Signal::kNone;
    }
    release_pi_futexes(task, PiEnd::kProgram);
    task.clear_child_tid = task.robust_list = task.set_child_tid = {};
    task.rseq = {};
    task.mark_switches(false);
    const std::size_t slash = start.path.rfind('/');
    task.set_name(slash == std::string_view::npos ? start.path : start.path.substr(slash + 1));
    frame = {};
    frame.rip = made.entry;
    frame.rsp = made.stack;
    arch::set_user_segments(frame);
    arch::reset_fpu_state(task.user_state);
    arch::set_fs_base(task.user_state, 0);
    arch::set_gs_base(task.user_state, 0);
}

}  // namespace

std::uint64_t argument_limit(Process& process) {
    constexpr std::uint64_t kMost = 6 * 1024 * 1024;
    constexpr std::uint64_t kLeast = 128 * 1024;
    const std::uint64_t stack = process.limits.soft(abi::Limit::kStack);
    return std::clamp(stack / 4, kLeast, kMost);
}

Result<void> execute(Task& task, ProgramStart& start, arch::TrapFrame& frame) {
    Process& process = task.process();
    auto file = TRY(open_executable(*start.file, *process.credentials()));
    // A script's name is in the head of the script before it, so two take turns.
    ScriptHead heads[2];
    std::string_view name = start.path;
    for (unsigned depth = 0;; ++depth) {
        name = TRY(resolve_script(task, start, *file, name, heads[depth % 2]));
        if (name.empty()) break;
        if (depth == kMaxScripts) return Errno::LOOP;
        file = TRY(open_executable(*start.file, *process.credentials()));
    }
    const elf::Program program = TRY(read_program(*file));
    auto who =
        TRY(new_credentials(process, file->inode()->stat(), file->dentry()->mount_state().flags()));
    RefPtr<HandleTable> own_handles;
    if (process.handles && process.handles->ref_count() > 1)
        own_handles = TRY(process.handles->copy());

    NewProgram made(TRY(AddressSpace::create()));
    arch::UserSpace* old = task.space();
    use_space(&made.space->machine());
    Result<void> built = build(task, start, file.file(), program, made);
    if (built) built = become_only_thread();
    if (!built) {
        use_space(old);
        return built;
    }
    commit(task, start, made, std::move(who), own_handles, file.take_claim(), frame);
    return {};
}

}  // namespace exo::posix
