// One command for the host: its descriptors are pipes, and this carries bytes between them and the
// frames on the second serial port. One loop over poll(2); the port is written to blocking, since
// the host always reads.
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "image/init/child_events.h"
#include "image/init/frame_reader.h"
#include "image/init/system.h"

namespace init {

namespace {

using wire::Type;

constexpr size_t kMaxArguments = 1024;
constexpr size_t kMaxArgumentBytes = 128 * 1024;

class CommandSession {
  public:
    explicit CommandSession(int port) : port_(port) {}

    /// Until the command has ended and all it wrote is on its way. Its exit code.
    int run();

  private:
    void handle(Type type, const char* payload, size_t size);
    void add_argument(const char* bytes, size_t size);
    void end_argument();
    void start();
    [[noreturn]] void exec(const int input[2], const int output[2], const int error[2]);
    void feed();
    bool forward(int& fd, Type type);
    void reap();
    void send(Type type, const void* payload, size_t size);
    void credit(size_t size);

    int port_;
    FrameReader frames_;

    char argument_bytes_[kMaxArgumentBytes];
    size_t argument_size_ = 0;
    char* arguments_[kMaxArguments + 1] = {};
    size_t argument_count_ = 0, argument_begin_ = 0;
    bool too_long_ = false;

    // Standard input on its way to the command; the host's window bounds it.
    char input_[wire::kWindow];
    size_t input_size_ = 0;
    bool input_ended_ = false;

    pid_t command_ = 0;
    int input_fd_ = -1, output_fd_ = -1, error_fd_ = -1;
    bool ended_ = false;
    int exit_code_ = 0;
};

void CommandSession::send(Type type, const void* payload, size_t size) {
    char frame[wire::kHeader + wire::kMaxPayload];
    frame[0] = static_cast<char>(type);
    frame[1] = static_cast<char>(size & 0xff);
    frame[2] = static_cast<char>(size >> 8);
    memcpy(frame + wire::kHeader, payload, size);
    if (!write_all(port_, frame, wire::kHeader + size)) end_machine(126);
}

void CommandSession::credit(size_t size) {
    const unsigned char bytes[] = {static_cast<unsigned char>(size & 0xff),
                                   static_cast<unsigned char>(size >> 8)};
    if (size > 0) send(Type::kCredit, bytes, sizeof bytes);
}

void CommandSession::add_argument(const char* bytes, size_t size) {
    if (size >= kMaxArgumentBytes - argument_size_) {
        too_long_ = true;
        return;
    }
    memcpy(argument_bytes_ + argument_size_, bytes, size);
    argument_size_ += size;
}

void CommandSession::end_argument() {
    if (too_long_ || argument_count_ == kMaxArguments || argument_size_ == kMaxArgumentBytes) {
        too_long_ = true;
        return;
    }
    argument_bytes_[argument_size_++] = '\0';
    arguments_[argument_count_++] = argument_bytes_ + argument_begin_;
    argument_begin_ = argument_size_;
}

void CommandSession::exec(const int input[2], const int output[2], const int error[2]) {
    dup2(input[0], 0);
    dup2(output[1], 1);
    dup2(error[1], 2);
    setpgid(0, 0);
    signal(SIGPIPE, SIG_DFL);
    if (too_long_ || argument_count_ == 0) {
        dprintf(2, "exo: %s\n", strerror(too_long_ ? E2BIG : EINVAL));
        _exit(126);
    }
    execvp(arguments_[0], arguments_);
    dprintf(2, "exo: %s: %s\n", arguments_[0], strerror(errno));
    _exit(errno == ENOENT ? 127 : 126);
}

void CommandSession::start() {
    int input[2], output[2], error[2];
    if (command_ != 0) return;
    if (pipe2(input, O_CLOEXEC) != 0 || pipe2(output, O_CLOEXEC) != 0 ||
        pipe2(error, O_CLOEXEC) != 0 || (command_ = fork()) < 0) {
        const char* reason = strerror(errno);
        send(Type::kError, reason, strlen(reason));
        ended_ = true;
        exit_code_ = 126;
        return;
    }
    if (command_ == 0) exec(input, output, error);
    setpgid(command_, command_);  // here too: a signal may come before the child has done it
    close(input[0]);
    close(output[1]);
    close(error[1]);
    input_fd_ = input[1];
    output_fd_ = output[0];
    error_fd_ = error[0];
    fcntl(input_fd_, F_SETFL, O_NONBLOCK);
}

void CommandSession::handle(Type type, const char* payload, size_t size) {
    switch (type) {
        case Type::kArgument:
            add_argument(payload, size);
            credit(size);
            return;
        case Type::kArgumentEnd:
            return end_argument();
        case Type::kRun:
            return start();
        case Type::kInput:
            if (size > sizeof input_ - input_size_) end_machine(126);  // beyond its window
            memcpy(input_ + input_size_, payload, size);
            input_size_ += size;
            return;
        case Type::kInputEnd:
            input_ended_ = true;
            return;
        case Type::kSignal:
            if (size == 1 && command_ > 0) kill(-command_, payload[0]);
            credit(size);
            return;
        default:
            credit(size);
            return;
    }
}

/// Gives the command what it takes of its input; what nobody will read is dropped.
void CommandSession::feed() {
    size_t done = input_size_;
    if (input_fd_ >= 0 && input_size_ > 0) {
        const ssize_t written = write(input_fd_, input_, input_size_);
        if (written < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (written < 0) {
            close(input_fd_);
            input_fd_ = -1;
        } else {
            done = static_cast<size_t>(written);
        }
    }
    memmove(input_, input_ + done, input_size_ - done);
    input_size_ -= done;
    credit(done);
    if (input_ended_ && input_size_ == 0 && input_fd_ >= 0) {
        close(input_fd_);
        input_fd_ = -1;
    }
}

/// One piece of the command's output. False: there is no more.
bool CommandSession::forward(int& fd, Type type) {
    char bytes[wire::kMaxPayload];
    const ssize_t got = read(fd, bytes, sizeof bytes);
    if (got > 0) {
        send(type, bytes, static_cast<size_t>(got));
        return true;
    }
    if (got < 0 && errno == EINTR) return true;
    close(fd);
    fd = -1;
    return false;
}

void CommandSession::reap() {
    clear_child_events();
    int status;
    for (pid_t ended; (ended = waitpid(-1, &status, WNOHANG)) > 0;) {
        if (ended != command_) continue;
        ended_ = true;
        exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
}

int CommandSession::run() {
    write_all(port_, wire::kHello, sizeof wire::kHello - 1);
    for (;;) {
        const bool feeding = command_ > 0 && input_fd_ >= 0 && (input_size_ > 0 || input_ended_);
        pollfd fds[] = {{port_, POLLIN, 0},
                        {child_events(), POLLIN, 0},
                        {feeding ? input_fd_ : -1, POLLOUT, 0},
                        {output_fd_, POLLIN, 0},
                        {error_fd_, POLLIN, 0}};
        // Once the command has ended only what it left in the pipes is waited for, not for others
        // that still hold them.
        const int ready = poll(fds, sizeof fds / sizeof *fds, ended_ ? 0 : -1);
        if (ready < 0 && errno != EINTR) return 126;
        if (ready < 0) continue;
        if (fds[0].revents != 0 &&
            !frames_.read(port_, [this](auto... frame) { handle(frame...); }))
            return 126;
        if (fds[2].revents != 0) feed();
        if (command_ > 0 && input_fd_ < 0 && input_size_ > 0) feed();
        bool more = false;
        if (fds[3].revents != 0) more = forward(output_fd_, Type::kOutput) || more;
        if (fds[4].revents != 0) more = forward(error_fd_, Type::kError) || more;
        if (ended_ && !more) break;
        if (fds[1].revents != 0) reap();
    }
    sync();
    const char code = static_cast<char>(exit_code_);
    send(Type::kExit, &code, 1);
    tcdrain(port_);
    return exit_code_;
}

}  // namespace

int run_command() {
    const int port = open_raw(wire::kPort);
    if (port < 0 || !watch_children()) {
        dprintf(2, "init: %s: %s\n", wire::kPort, strerror(errno));
        return 126;
    }
    signal(SIGPIPE, SIG_IGN);
    // Too large for a stack, and there is one in the life of this program.
    static CommandSession session(port);
    return session.run();
}

}  // namespace init
