// Futexes (futex(2)): waiting on words that processes share, moving waiters, changing a word while
// waking, named semaphores and locks between processes.
#include <pthread.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <time.h>

#include "tests/abi/abi.h"

namespace {

// Of <linux/futex.h>, which is not at hand.
constexpr int FUTEX_WAIT = 0, FUTEX_WAKE = 1, FUTEX_REQUEUE = 3, FUTEX_CMP_REQUEUE = 4;
constexpr int FUTEX_WAKE_OP = 5, FUTEX_WAIT_BITSET = 9, FUTEX_WAKE_BITSET = 10;
constexpr int FUTEX_PRIVATE_FLAG = 128;
constexpr uint32_t FUTEX_BITSET_MATCH_ANY = ~0u, FUTEX_OP_SET = 0, FUTEX_OP_ADD = 1;
constexpr uint32_t FUTEX_OP_OR = 2, FUTEX_OP_ANDN = 3, FUTEX_OP_XOR = 4, FUTEX_OP_OPARG_SHIFT = 8;
constexpr uint32_t FUTEX_OP_CMP_GT = 4;

using Word = uint32_t;

/// Memory that parent and children share, zeroed.
Word* shared_words() {
    void* const at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(at != MAP_FAILED);
    return static_cast<Word*>(at);
}

long futex(Word* at, int operation, Word value, uintptr_t timeout = 0, Word* other = nullptr,
           Word third = 0) {
    return syscall(SYS_futex, at, operation, value, timeout, other, third);
}

/// A child that waits on `at` and then adds 1 to `done`.
pid_t start_waiter(Word* at, Word* done, Word bits = FUTEX_BITSET_MATCH_ANY) {
    const pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid != 0) return pid;
    const long result = futex(at, FUTEX_WAIT_BITSET, 0, 0, nullptr, bits);
    if (result == 0) __atomic_fetch_add(done, 1, __ATOMIC_SEQ_CST);
    _exit(result == 0 ? 0 : 1);
}

void wait_until_sleeping(pid_t pid) {
    char path[32], text[256];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    for (;;) {
        const int fd = open(path, O_RDONLY);
        const ssize_t got = read(fd, text, sizeof text - 1);
        close(fd);
        CHECK(got > 0);
        text[got] = 0;
        if (strstr(text, ") S ") != nullptr) return;
        usleep(1000);
    }
}

void expect_end(pid_t pid) {
    int status = -1;
    CHECK_EQ(waitpid(pid, &status, 0), pid);
    CHECK_EQ(status, 0);
}

constexpr Word encode(Word operation, Word operand, Word comparison, Word compared) {
    return operation << 28 | comparison << 24 | (operand & 0xfff) << 12 | (compared & 0xfff);
}

}  // namespace

ABI_TEST(a_shared_word_wakes_waiters_of_other_processes) {
    Word* const words = shared_words();
    const pid_t waiters[] = {start_waiter(words, words + 1), start_waiter(words, words + 1)};
    for (const pid_t each : waiters) wait_until_sleeping(each);
    CHECK_EQ(futex(words, FUTEX_WAKE, 1), 1);
    while (__atomic_load_n(words + 1, __ATOMIC_SEQ_CST) != 1) usleep(1000);
    CHECK_EQ(futex(words, FUTEX_WAKE, 5), 1);
    for (const pid_t each : waiters) expect_end(each);
    CHECK_EQ(futex(words, FUTEX_WAKE, 5), 0);
}

ABI_TEST(a_file_s_word_is_one_wherever_it_is_mapped) {
    const int file = abi::make_file("words", "");
    CHECK_EQ(ftruncate(file, 8192), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        void* const at = mmap(nullptr, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        Word* const word = static_cast<Word*>(at) + 1024 + 5;
        _exit(futex(word, FUTEX_WAIT, 0) == 0 ? 0 : 1);
    }
    wait_until_sleeping(pid);
    // The second page alone, so at another address and offset in the mapping.
    void* const at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 4096);
    CHECK_EQ(futex(static_cast<Word*>(at) + 5, FUTEX_WAKE, 1), 1);
    expect_end(pid);
}

ABI_TEST(a_private_wake_does_not_reach_other_processes) {
    Word* const words = shared_words();
    const pid_t pid = start_waiter(words, words + 1);
    wait_until_sleeping(pid);
    CHECK_EQ(futex(words, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, 1), 0);
    CHECK_EQ(futex(words, FUTEX_WAKE, 1), 1);
    expect_end(pid);
}

ABI_TEST(asking_for_no_waiter_wakes_one) {
    Word* const words = shared_words();
    const pid_t pid = start_waiter(words, words + 1);
    wait_until_sleeping(pid);
    CHECK_EQ(futex(words, FUTEX_WAKE, 0), 1);
    expect_end(pid);
}

ABI_TEST(bits_choose_who_is_woken) {
    Word* const words = shared_words();
    const pid_t first = start_waiter(words, words + 1, 1);
    const pid_t second = start_waiter(words, words + 1, 6);
    wait_until_sleeping(first);
    wait_until_sleeping(second);
    CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 9, 0, nullptr, 8), 0);
    CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 9, 0, nullptr, 2), 1);
    expect_end(second);
    CHECK_EQ(futex(words, FUTEX_WAKE_BITSET, 9, 0, nullptr, 1), 1);
    expect_end(first);
    CHECK_ERRNO(futex(words, FUTEX_WAKE_BITSET, 9, 0, nullptr, 0), EINVAL);
}

ABI_TEST(requeue_moves_waiters_to_another_word) {
    Word* const words = shared_words();
    pid_t waiters[4];
    for (pid_t& each : waiters) each = start_waiter(words, words + 1);
    for (const pid_t each : waiters) wait_until_sleeping(each);
    Word* const other = words + 512;
    CHECK_EQ(futex(words, FUTEX_REQUEUE, 1, 2, other), 3);  // one woken, two moved
    CHECK_EQ(futex(words, FUTEX_WAKE, 9), 1);
    while (__atomic_load_n(words + 1, __ATOMIC_SEQ_CST) != 2) usleep(1000);
    usleep(20000);
    CHECK_EQ(__atomic_load_n(words + 1, __ATOMIC_SEQ_CST), 2);
    CHECK_EQ(futex(other, FUTEX_WAKE, 9), 2);
    for (const pid_t each : waiters) expect_end(each);
}

ABI_TEST(cmp_requeue_asks_what_the_word_is) {
    Word* const words = shared_words();
    const pid_t pid = start_waiter(words, words + 1);
    wait_until_sleeping(pid);
    Word* const other = words + 512;
    CHECK_ERRNO(futex(words, FUTEX_CMP_REQUEUE, 0, 9, other, 7), EAGAIN);
    CHECK_EQ(futex(words, FUTEX_CMP_REQUEUE, 0, 9, other, 0), 1);
    CHECK_EQ(futex(words, FUTEX_WAKE, 9), 0);
    CHECK_EQ(futex(other, FUTEX_WAKE, 9), 1);
    expect_end(pid);
    CHECK_ERRNO(futex(words, FUTEX_CMP_REQUEUE, static_cast<Word>(-1), 1, other, 0), EINVAL);
    CHECK_ERRNO(futex(words, FUTEX_REQUEUE, 1, 1, reinterpret_cast<Word*>(8)), EFAULT);
}

ABI_TEST(a_moved_waiter_still_has_its_deadline) {
    Word* const words = shared_words();
    const pid_t pid = fork();
    if (pid == 0) {
        const timespec limit = {0, 300'000'000};
        const long result = futex(words, FUTEX_WAIT, 0, reinterpret_cast<uintptr_t>(&limit));
        _exit(result == -1 && errno == ETIMEDOUT ? 0 : 1);
    }
    wait_until_sleeping(pid);
    CHECK_EQ(futex(words, FUTEX_REQUEUE, 0, 1, words + 512), 1);
    expect_end(pid);
    CHECK_EQ(futex(words + 512, FUTEX_WAKE, 1), 0);
}

ABI_TEST(wake_op_changes_the_other_word) {
    Word* const words = shared_words();
    Word& other = words[512];
    const auto change = [&](Word operation, Word operand) {
        CHECK_EQ(futex(words, FUTEX_WAKE_OP, 1, 1, &other, encode(operation, operand, 0, 0)), 0);
        return other;
    };
    CHECK_EQ(change(FUTEX_OP_SET, 12), 12);
    CHECK_EQ(change(FUTEX_OP_ADD, 0xfff), 11);  // -1
    CHECK_EQ(change(FUTEX_OP_OR, 0x14), 0x1f);
    CHECK_EQ(change(FUTEX_OP_ANDN, 3), 0x1c);
    CHECK_EQ(change(FUTEX_OP_XOR, 0xf), 0x13);
    CHECK_EQ(change(FUTEX_OP_SET | FUTEX_OP_OPARG_SHIFT, 5), 32);
    CHECK_ERRNO(futex(words, FUTEX_WAKE_OP, 1, 1, &other, encode(5, 0, 0, 0)), ENOSYS);
    CHECK_ERRNO(futex(words, FUTEX_WAKE_OP, 1, 1, reinterpret_cast<Word*>(8), 0), EFAULT);
}

ABI_TEST(wake_op_wakes_the_other_word_s_waiters_if_asked_for) {
    Word* const words = shared_words();
    Word* const other = words + 512;
    const pid_t first = start_waiter(words, words + 1);
    const pid_t second = start_waiter(other, words + 1);
    wait_until_sleeping(first);
    wait_until_sleeping(second);
    // What was there is 0: not greater than 0, so only the first word's.
    const Word greater = encode(FUTEX_OP_SET, 3, FUTEX_OP_CMP_GT, 0);
    CHECK_EQ(futex(words, FUTEX_WAKE_OP, 9, 9, other, greater), 1);
    expect_end(first);
    CHECK_EQ(futex(words, FUTEX_WAKE_OP, 9, 9, other, greater), 1);
    expect_end(second);
}

ABI_TEST(named_semaphores_are_shared) {
    const char* const name = "/exo_abi_semaphore";
    sem_unlink(name);
    sem_t* const semaphore = sem_open(name, O_CREAT | O_EXCL, 0600, 0);
    CHECK(semaphore != SEM_FAILED);
    const pid_t pid = fork();
    if (pid == 0) {
        sem_t* const own = sem_open(name, 0);
        _exit(own != SEM_FAILED && sem_wait(own) == 0 && sem_wait(own) == 0 ? 0 : 1);
    }
    wait_until_sleeping(pid);
    CHECK_EQ(sem_post(semaphore), 0);
    CHECK_EQ(sem_post(semaphore), 0);
    expect_end(pid);
    CHECK_EQ(sem_unlink(name), 0);
    CHECK(sem_open(name, 0) == SEM_FAILED && errno == ENOENT);
}

ABI_TEST(shared_memory_has_a_name) {
    const char* const name = "/exo_abi_memory";
    shm_unlink(name);
    const int fd = shm_open(name, O_CREAT | O_EXCL | O_RDWR, 0600);
    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, 4096), 0);
    void* const at = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    CHECK(at != MAP_FAILED);
    const int status = abi::status_of([&] {
        const int own = shm_open(name, O_RDWR, 0);
        void* const there = mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
        if (there == MAP_FAILED) _exit(1);
        static_cast<char*>(there)[100] = 'x';
    });
    CHECK_EQ(status, 0);
    CHECK_EQ(static_cast<char*>(at)[100], 'x');
    CHECK_EQ(shm_unlink(name), 0);
    CHECK_ERRNO(shm_open(name, O_RDWR, 0), ENOENT);
}

ABI_TEST(a_robust_lock_of_a_dead_process_is_passed_on) {
    auto* const mutex = reinterpret_cast<pthread_mutex_t*>(shared_words());
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST), 0);
    CHECK_EQ(pthread_mutex_init(mutex, &attributes), 0);
    const pid_t owner = fork();
    if (owner == 0) {
        pthread_mutex_lock(mutex);
        usleep(50000);
        raise(SIGKILL);
    }
    while (pthread_mutex_trylock(mutex) == 0) {
        pthread_mutex_unlock(mutex);
        usleep(1000);
    }
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    CHECK_EQ(pthread_mutex_consistent(mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(mutex), 0);
    CHECK_EQ(waitpid(owner, nullptr, 0), owner);
}
