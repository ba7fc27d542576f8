// The first program of a boot that is timed (bench/kernel/boot.py): says that it runs, and waits.
#include <unistd.h>

int main() {
    if (write(1, "first\n", 6) != 6) return 1;
    for (;;) pause();
}
