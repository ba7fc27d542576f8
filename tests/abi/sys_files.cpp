// /sys: what programs read of the CPUs and of memory's nodes, compared with what calls say.
#include <dirent.h>
#include <sched.h>
#include <sys/statfs.h>

#include "tests/abi/abi.h"

namespace {

constexpr char kCpus[] = "/sys/devices/system/cpu/";

/// The line in `directory``name`.
struct Line {
    char text[4096] = {};
    Line(const char* directory, const char* name) {
        char path[200];
        snprintf(path, sizeof path, "%s%s", directory, name);
        const int fd = open(path, O_RDONLY);
        if (fd < 0) abi::fail("sys_files.cpp", __LINE__, "%s: %s", path, strerror(errno));
        const ssize_t size = read(fd, text, sizeof text - 1);
        CHECK(size > 0 && text[size - 1] == '\n');
        text[size - 1] = '\0';
        close(fd);
    }
};

/// Whether "0-3,6" names `cpu`; what is no such list names none.
bool list_has(const char* list, unsigned long cpu) {
    while (*list >= '0' && *list <= '9') {
        char* end;
        const unsigned long first = strtoul(list, &end, 10);
        const unsigned long last = *end == '-' ? strtoul(end + 1, &end, 10) : first;
        if (cpu >= first && cpu <= last) return true;
        list = *end == ',' ? end + 1 : end;
    }
    return false;
}

/// Whether the mask "ff,ffffffff" has `cpu`'s bit.
bool mask_has(const char* mask, unsigned long cpu) {
    unsigned long digit = 0;
    for (const char* at = mask + strlen(mask); at-- > mask;) {
        if (*at == ',') continue;
        if (digit++ != cpu / 4) continue;
        const char one[] = {*at, '\0'};
        return (strtoul(one, nullptr, 16) >> cpu % 4 & 1) != 0;
    }
    return false;
}

}  // namespace

ABI_TEST(sys_lists_the_cpus_that_programs_run_on) {
    const Line online(kCpus, "online"), possible(kCpus, "possible"), present(kCpus, "present");
    cpu_set_t set;
    CHECK_EQ(sched_getaffinity(0, sizeof set, &set), 0);
    for (unsigned long cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &set)) continue;
        CHECK(list_has(online.text, cpu));
        CHECK(list_has(possible.text, cpu));
        CHECK(list_has(present.text, cpu));
    }
    CHECK_EQ(list_has(online.text, static_cast<unsigned long>(sysconf(_SC_NPROCESSORS_ONLN))),
             false);
    CHECK(atoi(Line(kCpus, "kernel_max").text) >= sysconf(_SC_NPROCESSORS_CONF) - 1);
}

ABI_TEST(sys_tells_which_cpus_share_a_core_and_a_package) {
    const Line online(kCpus, "online");
    for (unsigned long cpu = 0; list_has(online.text, cpu); ++cpu) {
        char directory[100];
        snprintf(directory, sizeof directory, "%scpu%lu/topology/", kCpus, cpu);
        const Line threads(directory, "thread_siblings_list"), core(directory, "core_cpus_list");
        const Line cores(directory, "core_siblings_list"), package(directory, "package_cpus_list");
        CHECK(list_has(threads.text, cpu) && list_has(cores.text, cpu));
        CHECK(strcmp(threads.text, core.text) == 0 && strcmp(cores.text, package.text) == 0);
        const Line thread_mask(directory, "thread_siblings"), core_mask(directory, "core_siblings");
        const Line own_package(directory, "physical_package_id"), own_core(directory, "core_id");
        for (unsigned long other = 0; list_has(online.text, other); ++other) {
            CHECK_EQ(mask_has(thread_mask.text, other), list_has(threads.text, other));
            CHECK_EQ(mask_has(core_mask.text, other), list_has(cores.text, other));
            char others[100];
            snprintf(others, sizeof others, "%scpu%lu/topology/", kCpus, other);
            const bool same_package =
                strcmp(own_package.text, Line(others, "physical_package_id").text) == 0;
            const bool same_core = strcmp(own_core.text, Line(others, "core_id").text) == 0;
            CHECK_EQ(list_has(cores.text, other), same_package);
            CHECK_EQ(list_has(threads.text, other), same_package && same_core);
        }
    }
}

ABI_TEST(sys_tells_of_a_node_of_memory) {
    constexpr char kNodes[] = "/sys/devices/system/node/";
    CHECK(list_has(Line(kNodes, "online").text, 0));
    CHECK(list_has(Line(kNodes, "node0/cpulist").text, 0));
    CHECK(mask_has(Line(kNodes, "node0/cpumap").text, 0));
    CHECK_EQ(atoi(Line(kNodes, "node0/distance").text), 10);
    CHECK(strncmp(Line(kNodes, "node0/meminfo").text, "Node 0 MemTotal:", 16) == 0);
}

ABI_TEST(sys_s_files_cannot_be_changed) {
    CHECK_ERRNO(open("/sys/devices/system/cpu/online", O_WRONLY), EACCES);
    CHECK_ERRNO(open("/sys/devices/system/cpu/online/x", O_RDONLY), ENOTDIR);
    CHECK_ERRNO(open("/sys/nothing", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/sys/devices/system/cpu/cpu4711", O_RDONLY), ENOENT);
    CHECK_ERRNO(open("/sys/devices/system/cpu/cpu00", O_RDONLY), ENOENT);
    struct stat told;
    CHECK_EQ(stat("/sys/devices/system/cpu/online", &told), 0);
    CHECK_EQ(told.st_mode, mode_t{S_IFREG | 0444});
    CHECK_EQ(told.st_size, 4096l);
    struct statfs system;
    CHECK_EQ(statfs("/sys", &system), 0);
    CHECK_EQ(system.f_type, 0x62656572);
}

ABI_TEST(sys_s_directories_list_what_can_be_opened) {
    DIR* const directory = opendir(kCpus);
    CHECK(directory != nullptr);
    unsigned cpus = 0;
    bool online = false;
    while (const dirent* entry = readdir(directory)) {
        struct stat told;
        CHECK_EQ(fstatat(dirfd(directory), entry->d_name, &told, AT_SYMLINK_NOFOLLOW), 0);
        if (entry->d_name[0] != '.') CHECK_EQ(told.st_ino, entry->d_ino);
        unsigned cpu;
        cpus += sscanf(entry->d_name, "cpu%u", &cpu) == 1;
        online |= strcmp(entry->d_name, "online") == 0;
    }
    CHECK(online);
    CHECK_EQ(long{cpus}, sysconf(_SC_NPROCESSORS_CONF));
    closedir(directory);
}
