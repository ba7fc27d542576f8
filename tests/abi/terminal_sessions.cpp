// Who a terminal belongs to: hang-up, controlling terminals, job control, the window's size.
#include "tests/abi/pair.h"

using namespace abi;

namespace {

/// In a session of its own, with `slave` as its terminal.
template <typename Child>
pid_t start_session(const Pair& pair, Child child) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0) return pid;
    close(pair.master);
    if (setsid() < 0 || ioctl(pair.slave, TIOCSCTTY, 0) != 0) _exit(99);
    child();
    _exit(0);
}

volatile sig_atomic_t signals_seen[65];
void note(int signal) {
    signals_seen[signal] = signals_seen[signal] + 1;
}
void catch_signal(int signal) {
    struct sigaction action = {};
    action.sa_handler = note;
    CHECK_EQ(sigaction(signal, &action, nullptr), 0);
}

}  // namespace

ABI_TEST(when_all_slaves_are_closed_the_master_reads_eio) {
    const Pair pair = open_pair();
    const int second = dup(pair.slave);
    write_text(pair.slave, "last");
    CHECK_EQ(close(pair.slave), 0);
    expect(pair.master, "last");
    CHECK_EQ(poll_for(pair.master, POLLIN, 0), 0);
    CHECK_EQ(close(second), 0);
    CHECK_EQ(poll_for(pair.master, POLLIN | POLLOUT) & POLLHUP, POLLHUP);
    char byte;
    CHECK_ERRNO(read(pair.master, &byte, 1), EIO);
}

ABI_TEST(a_slave_may_be_opened_again) {
    const Pair pair = open_pair();
    CHECK_EQ(close(pair.slave), 0);
    char byte;
    CHECK_ERRNO(read(pair.master, &byte, 1), EIO);
    const int again = open(ptsname(pair.master), O_RDWR | O_NOCTTY);
    CHECK(again >= 0);
    write_text(again, "hi");
    expect(pair.master, "hi");
}

ABI_TEST(a_master_without_slaves_so_far_waits) {
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    char byte;
    CHECK_ERRNO(read(master, &byte, 1), EAGAIN);
    CHECK_EQ(poll_for(master, POLLIN, 0), 0);
}

ABI_TEST(when_the_master_closes_the_slave_is_hung_up) {
    const Pair pair = open_pair();
    write_text(pair.master, "unread\n");
    CHECK_EQ(close(pair.master), 0);
    char byte;
    CHECK_EQ(read(pair.slave, &byte, 1), 0);
    CHECK_ERRNO(write(pair.slave, "x", 1), EIO);
    CHECK_EQ(poll_for(pair.slave, POLLIN | POLLOUT), POLLIN | POLLOUT | POLLERR | POLLHUP);
    termios settings;
    CHECK_ERRNO(tcgetattr(pair.slave, &settings), EIO);
    pid_t group = 1;
    CHECK_ERRNO(ioctl(pair.slave, TIOCSPGRP, &group), ENOTTY);
}

ABI_TEST(a_reader_is_woken_by_the_hang_up) {
    const Pair pair = open_pair();
    const pid_t pid = fork();
    if (pid == 0) {
        close(pair.master);
        char byte;
        _exit(read(pair.slave, &byte, 1) <= 0 ? 0 : 1);
    }
    usleep(50000);
    CHECK_EQ(close(pair.master), 0);
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(the_session_leader_gets_the_hang_up) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        catch_signal(SIGHUP);
        catch_signal(SIGCONT);
        write_text(pair.slave, "+");
        while (signals_seen[SIGHUP] == 0 || signals_seen[SIGCONT] == 0) usleep(1000);
        if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO) _exit(1);
        _exit(7);
    });
    expect(pair.master, "+");
    CHECK_EQ(close(pair.master), 0);
    CHECK_EQ(wait_for(pid), 7 << 8);
}

ABI_TEST(the_foreground_group_hears_when_the_hung_up_leader_ends) {
    const Pair pair = open_pair();
    int news[2];
    CHECK_EQ(pipe(news), 0);
    const pid_t pid = start_session(pair, [&] {
        catch_signal(SIGHUP);
        signal(SIGTTOU, SIG_IGN);
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            signal(SIGHUP, SIG_DFL);
            close(pair.slave);
            usleep(10000000);
            _exit(0);
        }
        setpgid(job, job);
        if (tcsetpgrp(pair.slave, job) != 0) _exit(1);
        write_text(pair.slave, "+");
        while (signals_seen[SIGHUP] == 0) usleep(1000);
        if (waitpid(job, nullptr, WNOHANG) != 0) _exit(2);  // the hang-up alone did not end it
    });
    close(news[1]);  // the job keeps the other one until it ends
    expect(pair.master, "+");
    CHECK_EQ(close(pair.master), 0);
    CHECK_EQ(wait_for(pid), 0);
    char byte;
    CHECK_EQ(read(news[0], &byte, 1), 0);
}

ABI_TEST(control_c_interrupts_the_foreground_group) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        write_text(pair.slave, "+");
        for (;;) pause();
    });
    expect(pair.master, "+");
    write_text(pair.master, "\x03");
    CHECK_EQ(wait_for(pid), SIGINT);
    expect(pair.master, "^C");
}

ABI_TEST(control_z_stops_the_foreground_group) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        // The leader's own group is orphaned: its child is what can be stopped.
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            signal(SIGTTOU, SIG_IGN);
            tcsetpgrp(pair.slave, getpid());
            write_text(pair.slave, "+");
            for (;;) pause();
        }
        int status = 0;
        if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status)) _exit(1);
        if (WSTOPSIG(status) != SIGTSTP) _exit(2);
        kill(job, SIGKILL);
    });
    expect(pair.master, "+");
    write_text(pair.master, "\x1a");
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(a_background_reader_is_stopped) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            char byte;
            _exit(read(pair.slave, &byte, 1) == 1 && byte == 'y' ? 0 : 1);
        }
        setpgid(job, job);
        int status = 0;
        if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status)) _exit(1);
        if (WSTOPSIG(status) != SIGTTIN) _exit(2);
        if (tcsetpgrp(pair.slave, job) != 0) _exit(3);
        kill(job, SIGCONT);
        write_text(pair.slave, "+");
        if (waitpid(job, &status, 0) != job || status != 0) _exit(4);
    });
    expect(pair.master, "+");
    write_text(pair.master, "y\n");
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(a_background_writer_is_stopped_with_tostop) {
    const Pair pair = open_pair();
    change_settings(pair.slave, [](termios* settings) { settings->c_lflag |= TOSTOP; });
    const pid_t pid = start_session(pair, [&] {
        const pid_t job = fork();
        if (job == 0) {
            setpgid(0, 0);
            _exit(write(pair.slave, "x", 1) == 1 ? 0 : 1);
        }
        setpgid(job, job);
        int status = 0;
        if (waitpid(job, &status, WUNTRACED) != job || !WIFSTOPPED(status)) _exit(1);
        if (WSTOPSIG(status) != SIGTTOU) _exit(2);
        kill(job, SIGKILL);
    });
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(who_opens_a_slave_without_noctty_is_controlled_by_it) {
    const Pair pair = open_pair();
    const pid_t pid = fork();
    if (pid == 0) {
        setsid();
        const int slave = open(ptsname(pair.master), O_RDWR);
        if (slave < 0) _exit(1);
        const int own = open("/dev/tty", O_RDWR);
        if (own < 0) _exit(2);
        if (tcgetpgrp(own) != getpid() || tcgetsid(slave) != getpid()) _exit(3);
        pid_t group = 0;
        if (ioctl(pair.master, TIOCGPGRP, &group) != 0 || group != getpid()) _exit(4);
        write_text(own, "own");
        _exit(0);
    }
    expect(pair.master, "own");
    CHECK_EQ(wait_for(pid), 0);
}

ABI_TEST(opening_a_master_does_not_make_it_the_terminal) {
    const int status = abi::status_of([] {
        setsid();
        if (open("/dev/ptmx", O_RDWR) < 0) _exit(1);
        if (open("/dev/tty", O_RDWR) >= 0 || errno != ENXIO) _exit(2);
    });
    CHECK_EQ(status, 0);
}

ABI_TEST(a_new_window_size_is_signalled) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        catch_signal(SIGWINCH);
        write_text(pair.slave, "+");
        while (signals_seen[SIGWINCH] == 0) usleep(1000);
        winsize size;
        if (ioctl(pair.slave, TIOCGWINSZ, &size) != 0) _exit(1);
        _exit(size.ws_row == 31 && size.ws_col == 99 ? 0 : 2);
    });
    expect(pair.master, "+");
    const winsize size = {31, 99, 5, 6};
    CHECK_EQ(ioctl(pair.master, TIOCSWINSZ, &size), 0);
    CHECK_EQ(wait_for(pid), 0);
    winsize seen;
    CHECK_EQ(ioctl(pair.master, TIOCGWINSZ, &seen), 0);
    CHECK_EQ(memcmp(&size, &seen, sizeof size), 0);
}

ABI_TEST(tiocsig_signals_the_foreground_group) {
    const Pair pair = open_pair();
    const pid_t pid = start_session(pair, [&] {
        write_text(pair.slave, "+");
        for (;;) pause();
    });
    expect(pair.master, "+");
    CHECK_EQ(ioctl(pair.master, kSignalGroup, SIGQUIT), 0);
    CHECK_EQ(wait_for(pid) & 0x7f, SIGQUIT);
    CHECK_ERRNO(ioctl(pair.master, kSignalGroup, 65), EINVAL);
}

ABI_TEST(proc_tells_the_terminal_and_its_foreground_group) {
    const Pair pair = open_pair();
    int number = 0;
    CHECK_EQ(ioctl(pair.master, kGetNumber, &number), 0);
    const pid_t pid = start_session(pair, [&] {
        char text[512] = {};
        const int fd = open("/proc/self/stat", O_RDONLY);
        if (read(fd, text, sizeof text - 1) <= 0) _exit(1);
        int terminal = 0, foreground = 0;
        const char* behind = strrchr(text, ')');
        if (sscanf(behind, ") %*c %*d %*d %*d %d %d", &terminal, &foreground) != 2) _exit(2);
        if (terminal != (136 << 8 | number) || foreground != getpid()) _exit(3);
    });
    CHECK_EQ(wait_for(pid), 0);
}
