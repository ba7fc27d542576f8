// Pseudo-terminals (pty(7)): pairs and their names, the line discipline between them, packet mode,
// devpts.
#include <sys/mount.h>
#include <sys/statfs.h>

#include "tests/abi/pair.h"

using namespace abi;

namespace {

void set_raw(int fd) {
    change_settings(fd, cfmakeraw);
}

}  // namespace

ABI_TEST(a_slave_is_named_by_its_number) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    int number = -1;
    CHECK_EQ(ioctl(master, kGetNumber, &number), 0);
    char name[32];
    snprintf(name, sizeof name, "/dev/pts/%d", number);
    CHECK_EQ(strcmp(ptsname(master), name), 0);
    struct stat stat;
    CHECK_EQ(::stat(name, &stat), 0);
    CHECK(S_ISCHR(stat.st_mode));
    CHECK_EQ(stat.st_rdev >> 8, 136);
    CHECK_EQ(close(master), 0);
    CHECK_ERRNO(::stat(name, &stat), ENOENT);
}

ABI_TEST(a_slave_is_locked_at_first) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY);
    int locked = -1;
    CHECK_EQ(ioctl(master, kGetLock, &locked), 0);
    CHECK_EQ(locked, 1);
    CHECK_ERRNO(open(ptsname(master), O_RDWR | O_NOCTTY), EIO);
    CHECK_EQ(unlockpt(master), 0);
    CHECK_EQ(ioctl(master, kGetLock, &locked), 0);
    CHECK_EQ(locked, 0);
    CHECK(open(ptsname(master), O_RDWR | O_NOCTTY) >= 0);
}

ABI_TEST(ttyname_finds_the_slave) {
    const Pair pair = open_pair();
    CHECK(isatty(pair.slave));
    CHECK(isatty(pair.master));
    const char* name = ttyname(pair.slave);
    CHECK(name != nullptr);
    CHECK_EQ(strcmp(name, ptsname(pair.master)), 0);
}

ABI_TEST(the_slave_of_a_pair_has_the_usual_settings) {
    const Pair pair = open_pair();
    termios settings;
    CHECK_EQ(tcgetattr(pair.slave, &settings), 0);
    CHECK_EQ(settings.c_iflag, ICRNL | IXON);
    CHECK_EQ(settings.c_oflag, OPOST | ONLCR);
    CHECK_EQ(settings.c_cflag, B38400 | CS8 | CREAD);
    CHECK_EQ(settings.c_lflag, ISIG | ICANON | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE | IEXTEN);
    winsize size;
    CHECK_EQ(ioctl(pair.slave, TIOCGWINSZ, &size), 0);
    CHECK_EQ(size.ws_row + size.ws_col, 0);
}

ABI_TEST(a_pseudo_terminal_has_eight_bits) {
    const Pair pair = open_pair();
    change_settings(pair.slave, [](termios* settings) {
        settings->c_cflag = (settings->c_cflag & ~tcflag_t{CSIZE}) | CS7 | PARENB;
    });
    termios settings;
    CHECK_EQ(tcgetattr(pair.master, &settings), 0);  // the slave's, too
    CHECK_EQ(settings.c_cflag & (CSIZE | PARENB), CS8);
}

ABI_TEST(output_gets_carriage_returns) {
    const Pair pair = open_pair();
    write_text(pair.slave, "one\ntwo\n");
    expect(pair.master, "one\r\ntwo\r\n");
}

ABI_TEST(tabs_become_blanks_with_xtabs) {
    const Pair pair = open_pair();
    change_settings(pair.slave, [](termios* settings) { settings->c_oflag |= XTABS; });
    write_text(pair.slave, "a\tb\r\tc");
    expect(pair.master, "a       b\r        c");
}

ABI_TEST(onocr_leaves_carriage_returns_in_column_zero_out) {
    const Pair pair = open_pair();
    change_settings(pair.slave,
                    [](termios* settings) { settings->c_oflag = OPOST | ONOCR | OLCUC; });
    write_text(pair.slave, "\rab\r\rC");
    expect(pair.master, "AB\rC");
}

ABI_TEST(a_line_is_read_when_it_is_whole) {
    const Pair pair = open_pair();
    write_text(pair.master, "hel");
    expect(pair.master, "hel");  // the echo
    CHECK_EQ(poll_for(pair.slave, POLLIN, 0), 0);
    write_text(pair.master, "lo\r");
    CHECK_EQ(poll_for(pair.slave, POLLIN), POLLIN);
    char line[16];
    CHECK_EQ(read(pair.slave, line, sizeof line), 6);
    CHECK_EQ(memcmp(line, "hello\n", 6), 0);
    expect(pair.master, "lo\r\n");
}

ABI_TEST(an_erased_tab_takes_its_columns_back) {
    const Pair pair = open_pair();
    write_text(pair.master, "ab\t\x7f");
    expect(pair.master, "ab\t\b\b\b\b\b\b");
    write_text(pair.master, "\x15");  // the whole line
    expect(pair.master, "\b \b\b \b");
}

ABI_TEST(control_r_shows_the_line_again) {
    const Pair pair = open_pair();
    write_text(pair.master,
               "ab\x12"
               "c");
    expect(pair.master, "ab^R\r\nabc");
}

ABI_TEST(without_echoke_a_killed_line_stays_on_the_screen) {
    const Pair pair = open_pair();
    change_settings(pair.slave,
                    [](termios* settings) { settings->c_lflag &= ~static_cast<tcflag_t>(ECHOKE); });
    write_text(pair.master, "ab\x15");
    expect(pair.master, "ab^U\r\n");
}

ABI_TEST(echoprt_shows_what_is_erased) {
    const Pair pair = open_pair();
    change_settings(pair.slave, [](termios* settings) { settings->c_lflag |= ECHOPRT; });
    write_text(pair.master, "abc\x7f\x7fx");
    expect(pair.master, "abc\\cb/x");
}

ABI_TEST(control_d_is_the_end_of_input) {
    const Pair pair = open_pair();
    write_text(pair.master, "\x04");
    char byte;
    CHECK_EQ(read(pair.slave, &byte, 1), 0);
    write_text(pair.master, "x\x04");
    CHECK_EQ(read(pair.slave, &byte, 1), 1);
    CHECK_EQ(byte, 'x');
}

ABI_TEST(raw_bytes_pass_unchanged) {
    const Pair pair = open_pair();
    set_raw(pair.slave);
    unsigned char all[256], got[256];
    for (int i = 0; i < 256; ++i) all[i] = static_cast<unsigned char>(i);
    CHECK_EQ(write(pair.master, all, 256), 256);
    for (size_t have = 0; have < 256;) {
        const ssize_t n = read(pair.slave, got + have, 256 - have);
        CHECK(n > 0);
        have += static_cast<size_t>(n);
    }
    CHECK_EQ(memcmp(all, got, 256), 0);
    CHECK_EQ(write(pair.slave, all, 256), 256);
    for (size_t have = 0; have < 256;) {
        const ssize_t n = read(pair.master, got + have, 256 - have);
        CHECK(n > 0);
        have += static_cast<size_t>(n);
    }
    CHECK_EQ(memcmp(all, got, 256), 0);
}

ABI_TEST(a_slave_that_nobody_reads_fills_up) {
    const Pair pair = open_pair();
    set_raw(pair.slave);
    CHECK_EQ(fcntl(pair.slave, F_SETFL, O_NONBLOCK), 0);
    char block[1024] = {};
    long wrote = 0;
    for (;;) {
        const ssize_t n = write(pair.slave, block, sizeof block);
        if (n < 0) break;
        wrote += n;
        CHECK(wrote < 1 << 20);
    }
    CHECK_EQ(errno, EAGAIN);
    CHECK(wrote >= 4096);
    CHECK_EQ(poll_for(pair.slave, POLLOUT, 0), 0);
    long got = 0;
    while (got < wrote) {
        const ssize_t n = read(pair.master, block, sizeof block);
        CHECK(n > 0);
        got += n;
    }
    CHECK_EQ(poll_for(pair.slave, POLLOUT), POLLOUT);
}

ABI_TEST(a_writer_waits_until_the_master_reads) {
    const Pair pair = open_pair();
    set_raw(pair.slave);
    constexpr long kBytes = 100000;
    const pid_t pid = fork();
    if (pid == 0) {
        static char all[kBytes];
        memset(all, 'x', sizeof all);
        _exit(write(pair.slave, all, sizeof all) == kBytes ? 0 : 1);
    }
    long got = 0;
    char block[4096];
    while (got < kBytes) {
        const ssize_t n = read(pair.master, block, sizeof block);
        CHECK(n > 0);
        got += n;
    }
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(a_master_waits_until_the_slave_reads) {
    const Pair pair = open_pair();
    set_raw(pair.slave);
    constexpr long kBytes = 100000;
    const pid_t pid = fork();
    if (pid == 0) {
        static char all[kBytes];
        memset(all, 'x', sizeof all);
        for (long done = 0; done < kBytes;) {
            const ssize_t n = write(pair.master, all, static_cast<size_t>(kBytes - done));
            if (n <= 0) _exit(1);
            done += n;
        }
        _exit(0);
    }
    long got = 0;
    char block[4096];
    while (got < kBytes) {
        const ssize_t n = read(pair.slave, block, sizeof block);
        CHECK(n > 0);
        got += n;
    }
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(packet_mode_puts_a_byte_before_data) {
    const Pair pair = open_pair();
    int on = 1;
    CHECK_EQ(ioctl(pair.master, TIOCPKT, &on), 0);
    int seen = 0;
    CHECK_EQ(ioctl(pair.master, kGetPacketMode, &seen), 0);
    CHECK_EQ(seen, 1);
    write_text(pair.slave, "abc");
    char got[16];
    CHECK_EQ(read(pair.master, got, sizeof got), 4);
    CHECK_EQ(memcmp(got, "\0abc", 4), 0);
}

ABI_TEST(packet_mode_tells_of_flow_control) {
    const Pair pair = open_pair();
    int on = 1;
    CHECK_EQ(ioctl(pair.master, TIOCPKT, &on), 0);
    change_settings(pair.slave,
                    [](termios* settings) { settings->c_iflag &= ~static_cast<tcflag_t>(IXON); });
    CHECK_EQ(poll_for(pair.master, POLLIN | POLLPRI), POLLIN | POLLPRI);
    unsigned char got[16];
    CHECK_EQ(read(pair.master, got, sizeof got), 1);
    CHECK_EQ(got[0], TIOCPKT_NOSTOP);
    change_settings(pair.slave, [](termios* settings) { settings->c_iflag |= IXON; });
    CHECK_EQ(read(pair.master, got, sizeof got), 1);
    CHECK_EQ(got[0], TIOCPKT_DOSTOP);
    CHECK_EQ(tcflush(pair.slave, TCIFLUSH), 0);
    CHECK_EQ(read(pair.master, got, sizeof got), 1);
    CHECK_EQ(got[0], TIOCPKT_FLUSHREAD);
    CHECK_EQ(tcflow(pair.slave, TCOOFF), 0);
    CHECK_EQ(read(pair.master, got, sizeof got), 1);
    CHECK_EQ(got[0], TIOCPKT_STOP);
    CHECK_EQ(tcflow(pair.slave, TCOON), 0);
    CHECK_EQ(read(pair.master, got, sizeof got), 1);
    CHECK_EQ(got[0], TIOCPKT_START);
}

ABI_TEST(control_s_stops_output_and_control_q_starts_it) {
    const Pair pair = open_pair();
    write_text(pair.master, "\x13");
    usleep(50000);  // on Linux a worker looks at it
    CHECK_EQ(fcntl(pair.slave, F_SETFL, O_NONBLOCK), 0);
    CHECK_ERRNO(write(pair.slave, "x", 1), EAGAIN);
    CHECK_EQ(poll_for(pair.slave, POLLOUT, 0), 0);
    write_text(pair.master, "\x11");
    CHECK_EQ(poll_for(pair.slave, POLLOUT), POLLOUT);
    write_text(pair.slave, "x");
    expect(pair.master, "x");
}

ABI_TEST(tcflow_sends_the_characters_of_flow_control) {
    const Pair pair = open_pair();
    CHECK_EQ(tcflow(pair.slave, TCIOFF), 0);
    CHECK_EQ(tcflow(pair.slave, TCION), 0);
    expect(pair.master, "\x13\x11");
    CHECK_ERRNO(ioctl(pair.slave, TCXONC, 4), EINVAL);
}

ABI_TEST(tcflush_drops_what_was_typed) {
    const Pair pair = open_pair();
    write_text(pair.master, "gone\n");
    CHECK_EQ(poll_for(pair.slave, POLLIN), POLLIN);
    CHECK_EQ(tcflush(pair.slave, TCIFLUSH), 0);
    CHECK_EQ(poll_for(pair.slave, POLLIN, 0), 0);
    int ready = -1;
    CHECK_EQ(ioctl(pair.slave, FIONREAD, &ready), 0);
    CHECK_EQ(ready, 0);
}

ABI_TEST(vmin_and_vtime_say_when_a_read_is_done) {
    const Pair pair = open_pair();
    set_raw(pair.slave);
    termios settings;
    CHECK_EQ(tcgetattr(pair.slave, &settings), 0);
    settings.c_cc[VMIN] = 0;
    settings.c_cc[VTIME] = 0;
    CHECK_EQ(tcsetattr(pair.slave, TCSANOW, &settings), 0);
    char got[8];
    CHECK_EQ(read(pair.slave, got, sizeof got), 0);
    settings.c_cc[VMIN] = 3;
    CHECK_EQ(tcsetattr(pair.slave, TCSANOW, &settings), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        for (int i = 0; i < 3; ++i) {
            usleep(20000);
            write_text(pair.master, "x");
        }
        _exit(0);
    }
    CHECK_EQ(read(pair.slave, got, sizeof got), 3);
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(devpts_says_what_it_is) {
    struct statfs about;
    CHECK_EQ(statfs("/dev/pts", &about), 0);
    CHECK_EQ(about.f_type, 0x1cd1);
}

ABI_TEST(each_mount_of_devpts_has_its_own_numbers) {
    CHECK_EQ(mkdir("pts", 0755), 0);
    if (mount("devpts", "pts", "devpts", 0, "newinstance,mode=0622,gid=5,ptmxmode=0640") != 0) {
        CHECK_EQ(errno, EPERM);  // on a machine that does not let its root mount
        return;
    }
    struct stat stat;
    CHECK_EQ(::stat("pts/ptmx", &stat), 0);
    CHECK_EQ(stat.st_mode & 07777, 0640);
    const int master = open("pts/ptmx", O_RDWR | O_NOCTTY);
    CHECK(master >= 0);
    CHECK_EQ(::stat("pts/0", &stat), 0);
    CHECK_EQ(stat.st_mode & 07777, 0622);
    CHECK_EQ(stat.st_gid, 5);
    CHECK_EQ(chmod("pts/0", 0600), 0);
    CHECK_EQ(::stat("pts/0", &stat), 0);
    CHECK_EQ(stat.st_mode & 07777, 0600);
    CHECK_ERRNO(unlink("pts/0"), EPERM);
    CHECK_EQ(close(master), 0);
    CHECK_EQ(umount("pts"), 0);
    CHECK_ERRNO(mount("devpts", "pts", "devpts", 0, "nonsense=1"), EINVAL);
}

ABI_TEST(an_unmounted_devpts_leaves_nothing_to_open) {
    CHECK_EQ(mkdir("dev", 0755), 0);
    CHECK_EQ(mknod("dev/ptmx", S_IFCHR | 0666, 5 << 8 | 2), 0);
    CHECK_ERRNO(open("dev/ptmx", O_RDWR | O_NOCTTY), ENOENT);
    CHECK_EQ(mkdir("dev/pts", 0755), 0);
    CHECK_ERRNO(open("dev/ptmx", O_RDWR | O_NOCTTY), ENODEV);
}

ABI_TEST(bad_requests_to_a_pair_are_refused) {
    const Pair pair = open_pair();
    int number;
    CHECK_ERRNO(ioctl(pair.slave, kGetNumber, &number), ENOTTY);
    CHECK_ERRNO(ioctl(pair.master, kGetNumber, 8), EFAULT);
    CHECK_ERRNO(ioctl(pair.master, TIOCPKT, 8), EFAULT);
    CHECK_ERRNO(ioctl(pair.master, 0x54ff, 0), ENOTTY);
    CHECK_ERRNO(lseek(pair.master, 0, SEEK_SET), ESPIPE);
    CHECK_ERRNO(ioctl(pair.master, TCFLSH, 3), EINVAL);
}
