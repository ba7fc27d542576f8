// How often each system call was made so far, as /proc/exo/posix_x tells it: what a test called is
// the difference. Where that file is not (Linux), there is nothing to read and nothing is printed.
#pragma once

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

namespace abi {

class CallCounts {
  public:
    static constexpr const char* kPath = "/proc/exo/posix_x";

    void read() {
        static char text[65536];
        const int fd = open(kPath, O_RDONLY | O_CLOEXEC);
        if (fd < 0) return;
        size_t size = 0;
        for (ssize_t got; (got = ::read(fd, text + size, sizeof text - 1 - size)) > 0;)
            size += static_cast<size_t>(got);
        close(fd);
        text[size] = '\0';
        for (const char* at = strstr(text, "\ncall "); at != nullptr;
             at = strstr(at + 1, "\ncall "))
            add(at + strlen("\ncall "));
        known_ = true;
    }

    CallCounts since(const CallCounts& before) const {
        CallCounts more = *this;
        for (int i = 0; i < kCalls; ++i) more.counts_[i] -= before.counts_[i];
        return more;
    }

    /// `calls TEST NAME...`: those that were made more often than in `own`.
    void print(const char* test, const CallCounts& own) const {
        if (!known_) return;
        printf("calls %s", test);
        for (int i = 0; i < kCalls; ++i)
            if (counts_[i] > own.counts_[i]) printf(" %s", names_[i]);
        printf("\n");
    }

  private:
    static constexpr int kCalls = 512;
    static constexpr int kNameBytes = 32;

    /// A line's rest: NUMBER NAME PATH COUNT NS.
    void add(const char* line) {
        int number;
        long count;
        char name[kNameBytes];
        if (sscanf(line, "%d %31s %*s %ld", &number, name, &count) != 3) return;
        if (number < 0 || number >= kCalls) return;
        counts_[number] += count;  // a call may have a line for each path
        memcpy(names_[number], name, sizeof name);
    }

    bool known_ = false;
    long counts_[kCalls] = {};
    char names_[kCalls][kNameBytes] = {};
};

}  // namespace abi
