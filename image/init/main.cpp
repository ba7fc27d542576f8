// The first program of the guest that `./exo run` boots, under Exo-OS or Linux:
//   init shell [ROWSxCOLUMNS [TERM]]     a shell on the first serial port
//   init command                         what the second serial port asks for (wire.h)
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/init/system.h"

namespace {

/// Linux starts init without descriptors where the initrd has no /dev/console.
void open_console() {
    while (true) {
        const int fd = open("/dev/console", O_RDWR);
        if (fd < 0) return;
        if (fd > 2) {
            close(fd);
            return;
        }
    }
}

}  // namespace

int main(int count, char** arguments) {
    open_console();
    init::mount_all();
    open_console();
    setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
    setenv("HOME", "/root", 1);
    setenv("USER", "root", 1);
    const char* kind = count > 1 ? arguments[1] : "shell";
    int status = 126;
    if (strcmp(kind, "command") == 0) {
        status = init::run_command();
    } else if (strcmp(kind, "shell") == 0) {
        status =
            init::run_shell(count > 2 ? arguments[2] : nullptr, count > 3 ? arguments[3] : nullptr);
    } else {
        dprintf(2, "init: no such session: %s\n", kind);
    }
    init::end_machine(status);
}
