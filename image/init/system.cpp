#include "image/init/system.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

namespace init {

void mount_all() {
    static constexpr struct {
        const char *type, *path, *options;
    } kMounts[] = {
        {"devtmpfs", "/dev", "mode=755"},   {"proc", "/proc", nullptr},
        {"sysfs", "/sys", nullptr},         {"devpts", "/dev/pts", "gid=5,mode=620,ptmxmode=666"},
        {"tmpfs", "/dev/shm", "mode=1777"}, {"tmpfs", "/tmp", "mode=1777"}};
    for (const auto& mount_point : kMounts) {
        mkdir(mount_point.path, 0755);
        // EBUSY: the kernel has mounted it.
        if (mount(mount_point.type, mount_point.path, mount_point.type, 0, mount_point.options) !=
                0 &&
            errno != EBUSY) {
            dprintf(2, "init: mount %s: %s\n", mount_point.path, strerror(errno));
        }
    }
    static constexpr struct {
        const char *target, *path;
    } kLinks[] = {{"/proc/self/fd", "/dev/fd"},
                  {"/proc/self/fd/0", "/dev/stdin"},
                  {"/proc/self/fd/1", "/dev/stdout"},
                  {"/proc/self/fd/2", "/dev/stderr"}};
    for (const auto& link : kLinks)
        if (symlink(link.target, link.path) != 0 && errno != EEXIST)
            dprintf(2, "init: link %s: %s\n", link.path, strerror(errno));
}

int open_raw(const char* path) {
    const int fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return -1;
    termios settings;
    if (tcgetattr(fd, &settings) != 0) return -1;
    cfmakeraw(&settings);
    settings.c_cflag |= CLOCAL | CREAD;
    cfsetspeed(&settings, B115200);
    if (tcsetattr(fd, TCSANOW, &settings) != 0) return -1;
    return fd;
}

bool write_all(int fd, const void* data, unsigned long size) {
    const char* at = static_cast<const char*>(data);
    while (size > 0) {
        const ssize_t done = write(fd, at, size);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) return false;
        at += done;
        size -= static_cast<unsigned long>(done);
    }
    return true;
}

void end_machine(int status) {
    sync();
    reboot(RB_POWER_OFF);
    _exit(status);
}

}  // namespace init
