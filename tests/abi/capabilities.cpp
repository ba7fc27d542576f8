// Capabilities: what capget and capset tell and allow, what becomes of the sets with a new user or
// a new program, and prctl's part of it (capabilities(7)).
#include <sys/prctl.h>

#include "abi/linux/capability.h"
#include "tests/abi/abi.h"

using namespace exo::abi;

namespace {

struct Sets {
    uint64_t permitted, effective, inheritable;
    bool operator==(const Sets&) const = default;
};

constexpr uint64_t bit(unsigned capability) {
    return uint64_t{1} << capability;
}

Sets sets_of(int pid = 0) {
    CapabilityHeader header = {kCapabilityVersion3, pid};
    CapabilityData data[2];
    CHECK_EQ(syscall(SYS_capget, &header, data), 0);
    const auto both = [&](auto member) {
        return uint64_t{data[1].*member} << 32 | data[0].*member;
    };
    return {both(&CapabilityData::permitted), both(&CapabilityData::effective),
            both(&CapabilityData::inheritable)};
}

long set(const Sets& sets, int pid = 0) {
    CapabilityHeader header = {kCapabilityVersion3, pid};
    const auto part = [&](int shift) {
        return CapabilityData{static_cast<uint32_t>(sets.effective >> shift),
                              static_cast<uint32_t>(sets.permitted >> shift),
                              static_cast<uint32_t>(sets.inheritable >> shift)};
    };
    const CapabilityData data[2] = {part(0), part(32)};
    return syscall(SYS_capset, &header, data);
}

long ambient(unsigned long what, unsigned long capability = 0) {
    return syscall(SYS_prctl, PR_CAP_AMBIENT, what, capability, 0, 0);
}

uint64_t bounding() {
    uint64_t found = 0;
    for (unsigned i = 0; prctl(PR_CAPBSET_READ, i) >= 0; ++i)
        if (prctl(PR_CAPBSET_READ, i) == 1) found |= bit(i);
    return found;
}

/// The sets that this program has, run anew.
Sets sets_after_exec() {
    int ends[2];
    CHECK_EQ(pipe(ends), 0);
    CHECK_EQ(abi::status_of([&] {
                 CHECK_EQ(dup2(ends[1], 1), 1);
                 execl(abi::program, abi::program, "--helper", static_cast<char*>(nullptr));
             }),
             0);
    Sets sets;
    CHECK_EQ(read(ends[0], &sets, sizeof sets), static_cast<ssize_t>(sizeof sets));
    return sets;
}

}  // namespace

int helper_main(int, char**) {
    const Sets sets = sets_of();
    return write(1, &sets, sizeof sets) == static_cast<ssize_t>(sizeof sets) ? 0 : 1;
}

ABI_TEST(root_has_what_is_bounding) {
    const Sets sets = sets_of();
    CHECK_EQ(sets.permitted, bounding());
    CHECK_EQ(sets.effective, bounding());
    CHECK(sets_of(getpid()) == sets);
    CHECK(sets_of(getppid()) == sets);
}

ABI_TEST(capget_tells_the_newest_version) {
    CapabilityHeader header = {1, 0};
    CHECK_EQ(syscall(SYS_capget, &header, nullptr), 0);
    CHECK_EQ(header.version, kCapabilityVersion3);
    CapabilityData data[2];
    header.version = 1;
    CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
    CHECK_EQ(header.version, kCapabilityVersion3);
    header.version = 1;
    CHECK_ERRNO(syscall(SYS_capset, &header, data), EINVAL);
    CHECK_EQ(header.version, kCapabilityVersion3);
}

ABI_TEST(the_first_version_has_32) {
    CapabilityHeader header = {kCapabilityVersion1, 0};
    CapabilityData data[2] = {{}, {7, 7, 7}};
    CHECK_EQ(syscall(SYS_capget, &header, data), 0);
    CHECK_EQ(data[0].permitted, static_cast<uint32_t>(bounding()));
    CHECK_EQ(data[1].permitted, 7);
    CHECK_EQ(syscall(SYS_capset, &header, data), 0);
    CHECK_EQ(sets_of().permitted, bounding() & 0xffffffff);
}

ABI_TEST(capget_errors) {
    CapabilityHeader header = {kCapabilityVersion3, -1};
    CapabilityData data[2];
    CHECK_ERRNO(syscall(SYS_capget, &header, data), EINVAL);
    header.pid = 0x3fffffff;
    CHECK_ERRNO(syscall(SYS_capget, &header, data), ESRCH);
    header.pid = 0;
    CHECK_ERRNO(syscall(SYS_capget, &header, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_capget, 8, data), EFAULT);
}

ABI_TEST(capset_errors) {
    const Sets now = sets_of();
    CHECK_ERRNO(set(now, getppid()), EPERM);
    CHECK_EQ(set(now, getpid()), 0);
    CapabilityHeader header = {kCapabilityVersion3, 0};
    CHECK_ERRNO(syscall(SYS_capset, &header, 8), EFAULT);
    CHECK_ERRNO(syscall(SYS_capset, 8, 8), EFAULT);
    CHECK_ERRNO(set({now.permitted & ~bit(kCapChown), now.effective, 0}), EPERM);
    CHECK_EQ(set({bit(kCapChown), bit(kCapChown), 0}), 0);
    CHECK_ERRNO(set({bit(kCapChown) | bit(kCapKill), 0, 0}), EPERM);
    CHECK_ERRNO(set({bit(kCapChown), 0, bit(kCapKill)}), EPERM);
    CHECK_EQ(set({bit(kCapChown), 0, bit(kCapChown)}), 0);
    CHECK(sets_of() == Sets(bit(kCapChown), 0, bit(kCapChown)));
}

ABI_TEST(what_is_not_effective_does_not_help) {
    const Sets now = sets_of();
    abi::make_file("file", "text");
    CHECK_EQ(set({now.permitted, now.effective & ~bit(kCapChown), 0}), 0);
    CHECK_ERRNO(chown("file", 5, 5), EPERM);
    CHECK_EQ(set({now.permitted, now.effective, 0}), 0);
    CHECK_EQ(chown("file", 5, 5), 0);
}

ABI_TEST(another_user_has_none) {
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK(sets_of() == Sets(0, 0, 0));
}

ABI_TEST(an_effective_user_comes_back) {
    const Sets now = sets_of();
    CHECK_EQ(syscall(SYS_setresuid, -1, 1000, -1), 0);
    CHECK(sets_of() == Sets(now.permitted, 0, 0));
    CHECK_EQ(syscall(SYS_setresuid, -1, 0, -1), 0);
    CHECK(sets_of() == now);
}

ABI_TEST(capabilities_are_kept_if_asked) {
    const Sets now = sets_of();
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 0);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(prctl(PR_GET_KEEPCAPS), 1);
    CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK(sets_of() == Sets(now.permitted, 0, 0));
    CHECK_EQ(set({now.permitted, bit(kCapChown), 0}), 0);
    CHECK(sets_after_exec() == Sets(0, 0, 0));
}

ABI_TEST(setfsuid_takes_those_of_files) {
    const Sets now = sets_of();
    CHECK_EQ(syscall(SYS_setfsuid, 1000), 0);
    CHECK_EQ(sets_of().effective & (bit(kCapChown) | bit(kCapFsetid) | bit(kCapKill)),
             bit(kCapKill));
    CHECK_EQ(syscall(SYS_setfsuid, 0), 1000);
    CHECK(sets_of() == now);
}

ABI_TEST(a_program_of_root_gets_all_again) {
    const Sets now = sets_of();
    CHECK_EQ(set({bit(kCapSetpcap), 0, bit(kCapKill)}), 0);
    CHECK(sets_after_exec() == Sets(now.permitted, now.permitted, bit(kCapKill)));
}

ABI_TEST(bounding_bounds_programs) {
    const Sets now = sets_of();
    CHECK_EQ(prctl(PR_CAPBSET_READ, kCapKill), 1);
    CHECK_EQ(prctl(PR_CAPBSET_DROP, kCapKill), 0);
    CHECK_EQ(prctl(PR_CAPBSET_READ, kCapKill), 0);
    CHECK(sets_of() == now);
    CHECK_EQ(sets_after_exec().permitted, now.permitted & ~bit(kCapKill));
    CHECK_ERRNO(prctl(PR_CAPBSET_READ, 1000), EINVAL);
    CHECK_ERRNO(prctl(PR_CAPBSET_DROP, 1000), EINVAL);
    CHECK_ERRNO(set({now.permitted, now.effective, bit(kCapKill)}), EPERM);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK_ERRNO(prctl(PR_CAPBSET_DROP, kCapChown), EPERM);
}

ABI_TEST(ambient_ones_go_through_exec) {
    const Sets now = sets_of();
    CHECK_ERRNO(ambient(kAmbientRaise, kCapKill), EPERM);  // not inheritable
    CHECK_EQ(set({now.permitted, now.effective, bit(kCapKill) | bit(kCapChown)}), 0);
    CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK_EQ(ambient(kAmbientRaise, kCapKill), 0);
    CHECK_EQ(ambient(kAmbientRaise, kCapChown), 0);
    CHECK_EQ(ambient(kAmbientIsSet, kCapKill), 1);
    CHECK_EQ(ambient(kAmbientLower, kCapChown), 0);
    CHECK_EQ(ambient(kAmbientIsSet, kCapChown), 0);
    CHECK(sets_after_exec() == Sets(bit(kCapKill), bit(kCapKill), bit(kCapKill) | bit(kCapChown)));
    CHECK_EQ(ambient(kAmbientClearAll), 0);
    CHECK_EQ(ambient(kAmbientIsSet, kCapKill), 0);
    CHECK_EQ(sets_after_exec().permitted, 0);
}

ABI_TEST(ambient_is_bounded_by_the_others) {
    const Sets now = sets_of();
    CHECK_EQ(set({now.permitted, now.effective, bit(kCapKill)}), 0);
    CHECK_EQ(ambient(kAmbientRaise, kCapKill), 0);
    CHECK_EQ(set({now.permitted, now.effective, 0}), 0);
    CHECK_EQ(ambient(kAmbientIsSet, kCapKill), 0);
    CHECK_ERRNO(ambient(kAmbientRaise, 1000), EINVAL);
    CHECK_ERRNO(ambient(9, kCapKill), EINVAL);
    CHECK_ERRNO(ambient(kAmbientClearAll, kCapKill), EINVAL);
    CHECK_ERRNO(syscall(SYS_prctl, PR_CAP_AMBIENT, kAmbientIsSet, kCapKill, 1, 0), EINVAL);
}

ABI_TEST(securebits_and_their_locks) {
    constexpr unsigned kKeepCapsLocked = kSecureKeepCaps << 1;
    CHECK_EQ(prctl(PR_GET_SECUREBITS), 0);
    CHECK_EQ(prctl(PR_SET_SECUREBITS, kSecureNoAmbientRaise | kKeepCapsLocked), 0);
    CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 1), EPERM);
    CHECK_ERRNO(prctl(PR_SET_SECUREBITS, 0), EPERM);
    CHECK_ERRNO(prctl(PR_SET_SECUREBITS, kKeepCapsLocked | kSecureKeepCaps), EPERM);
    CHECK_ERRNO(prctl(PR_SET_SECUREBITS, kKeepCapsLocked | 1 << 20), EPERM);
    const Sets now = sets_of();
    CHECK_EQ(set({now.permitted, now.effective, bit(kCapKill)}), 0);
    CHECK_ERRNO(ambient(kAmbientRaise, kCapKill), EPERM);
    CHECK_EQ(set({now.permitted, 0, 0}), 0);
    CHECK_ERRNO(prctl(PR_SET_SECUREBITS, kKeepCapsLocked), EPERM);
}

ABI_TEST(root_that_does_not_count) {
    const Sets now = sets_of();
    CHECK_EQ(prctl(PR_SET_SECUREBITS, kSecureNoRoot), 0);
    CHECK(sets_of() == now);
    CHECK(sets_after_exec() == Sets(0, 0, 0));
}

ABI_TEST(users_that_change_nothing) {
    const Sets now = sets_of();
    CHECK_EQ(prctl(PR_SET_SECUREBITS, kSecureNoSetuidFixup), 0);
    CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
    CHECK(sets_of() == now);
}

ABI_TEST(who_may_do_more_is_not_looked_into) {
    int ready[2];
    CHECK_EQ(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(prctl(PR_SET_KEEPCAPS, 1), 0);
        CHECK_EQ(syscall(SYS_setresgid, 1000, 1000, 1000), 0);
        CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
        CHECK_EQ(prctl(PR_SET_DUMPABLE, 1), 0);
        for (;;) {
            CHECK_EQ(write(ready[1], "x", 1), 1);
            raise(SIGSTOP);
            CHECK_EQ(set({0, 0, 0}), 0);
        }
    }
    char byte, path[32];
    snprintf(path, sizeof path, "/proc/%d/environ", child);
    const auto look = [&](int error) {
        CHECK_EQ(read(ready[0], &byte, 1), 1);
        CHECK_EQ(abi::status_of([&] {
                     CHECK_EQ(syscall(SYS_setresgid, 1000, 1000, 1000), 0);
                     CHECK_EQ(syscall(SYS_setresuid, 1000, 1000, 1000), 0);
                     errno = 0;
                     CHECK_EQ(open(path, O_RDONLY) >= 0, error == 0);
                     CHECK_EQ(errno, error);
                 }),
                 0);
    };
    look(EACCES);
    int status = 0;
    CHECK_EQ(waitpid(child, &status, WUNTRACED), child);
    CHECK_EQ(kill(child, SIGCONT), 0);
    look(0);
    CHECK_EQ(kill(child, SIGKILL), 0);
}

ABI_TEST(status_tells_the_sets) {
    const Sets now = sets_of();
    CHECK_EQ(set({now.permitted, bit(kCapKill), bit(kCapChown)}), 0);
    const uint64_t bounds = bounding();
    char text[4096] = {};
    CHECK(read(open("/proc/self/status", O_RDONLY), text, sizeof text - 1) > 0);
    const auto tells = [&](const char* name, uint64_t set_bits) {
        char line[64];
        snprintf(line, sizeof line, "\n%s:\t%016lx\n", name, set_bits);
        return strstr(text, line) != nullptr;
    };
    CHECK(tells("CapInh", bit(kCapChown)));
    CHECK(tells("CapPrm", now.permitted));
    CHECK(tells("CapEff", bit(kCapKill)));
    CHECK(tells("CapBnd", bounds));
    CHECK(tells("CapAmb", 0));
}
