// Runs the ABI test programs of a directory one after the other, each cut after a while:
// driver DIRECTORY [NAME...]. Prints `== NAME` before and `== NAME STATUS` after each.
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

constexpr unsigned kSeconds = 120;
constexpr int kMaxPrograms = 64;

bool is_wanted(const char* name, int count, char** names) {
    if (name[0] == '.' || strcmp(name, "driver") == 0) return false;
    for (int i = 0; i < count; ++i) {
        if (strcmp(name, names[i]) == 0) return true;
    }
    return count == 0;
}

void run(const char* directory, const char* name) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    printf("== %s\n", name);
    fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        execl(path, path, static_cast<char*>(nullptr));
        printf("FAIL %s %s\n", name, strerror(errno));
        fflush(stdout);
        _exit(127);
    }
    int status = 0;
    alarm(kSeconds);
    if (child > 0 && waitpid(child, &status, 0) < 0) {
        printf("FAIL %s hung for %u s\n", name, kSeconds);
        kill(child, SIGKILL);
        waitpid(child, &status, 0);
    }
    alarm(0);
    printf("== %s %d\n", name, child < 0 ? -1 : WEXITSTATUS(status));
}

}  // namespace

int main(int count, char** arguments) {
    if (count < 2) return 2;
    struct sigaction action = {};
    action.sa_handler = [](int) {};
    sigaction(SIGALRM, &action, nullptr);
    DIR* directory = opendir(arguments[1]);
    if (directory == nullptr) {
        perror(arguments[1]);
        return 2;
    }
    static char names[kMaxPrograms][64];
    int found = 0;
    while (const dirent* entry = readdir(directory)) {
        if (found < kMaxPrograms && is_wanted(entry->d_name, count - 2, arguments + 2)) {
            snprintf(names[found++], sizeof names[0], "%s", entry->d_name);
        }
    }
    closedir(directory);
    qsort(names, static_cast<size_t>(found), sizeof names[0], [](const void* a, const void* b) {
        return strcmp(static_cast<const char*>(a), static_cast<const char*>(b));
    });
    for (int i = 0; i < found; ++i) run(arguments[1], names[i]);
    return 0;
}
