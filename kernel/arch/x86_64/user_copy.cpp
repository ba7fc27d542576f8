#include "kernel/arch/user_copy.h"

#include "kernel/arch/exceptions.h"

extern "C" {
std::size_t user_copy(void* to, const void* from, std::size_t bytes);
std::size_t user_clear(void* to, std::size_t bytes);
std::ptrdiff_t user_string(char* to, const char* from, std::size_t capacity);
bool user_compare_exchange(void* word, std::uint32_t expected, std::uint32_t desired,
                           std::uint32_t* seen);

struct ExceptionEntry {
    std::uint64_t begin, end, resume;
    std::uint64_t resolvable;  ///< 0: goes on at `resume` at once, whatever the fault
};
extern const ExceptionEntry exception_table_start[], exception_table_end[];
}

namespace exo::arch {

namespace {

bool in_user_half(std::uint64_t at, std::size_t bytes) {
    return at <= kUserEnd && bytes <= kUserEnd - at;
}

void* pointer(std::uint64_t at) {
    return reinterpret_cast<void*>(at);
}

}  // namespace

std::size_t copy_from_user(void* to, std::uint64_t user_from, std::size_t bytes) {
    if (!in_user_half(user_from, bytes)) return bytes;
    return user_copy(to, pointer(user_from), bytes);
}

std::size_t copy_to_user(std::uint64_t user_to, const void* from, std::size_t bytes) {
    if (!in_user_half(user_to, bytes)) return bytes;
    return user_copy(pointer(user_to), from, bytes);
}

std::size_t clear_user(std::uint64_t user_at, std::size_t bytes) {
    if (!in_user_half(user_at, bytes)) return bytes;
    return user_clear(pointer(user_at), bytes);
}

std::ptrdiff_t copy_string_from_user(char* to, std::uint64_t user_from, std::size_t capacity) {
    if (user_from >= kUserEnd) return -1;
    const std::size_t most = kUserEnd - user_from;
    if (capacity <= most) {
        return user_string(to, static_cast<const char*>(pointer(user_from)), capacity);
    }
    const auto length = user_string(to, static_cast<const char*>(pointer(user_from)), most);
    return length == static_cast<std::ptrdiff_t>(most) ? -1 : length;
}

bool compare_exchange_user(std::uint64_t user_at, std::uint32_t expected, std::uint32_t desired,
                           std::uint32_t& seen) {
    if (!in_user_half(user_at, sizeof(std::uint32_t)) || user_at % 4 != 0) return false;
    return user_compare_exchange(pointer(user_at), expected, desired, &seen);
}

namespace {

const ExceptionEntry* exception_entry(std::uint64_t rip) {
    for (const auto* entry = exception_table_start; entry != exception_table_end; ++entry) {
        if (rip >= entry->begin && rip < entry->end) return entry;
    }
    return nullptr;
}

}  // namespace

bool expects_fault(const TrapFrame& frame) {
    return exception_entry(frame.rip) != nullptr;
}

bool may_resolve_fault(const TrapFrame& frame) {
    const ExceptionEntry* entry = exception_entry(frame.rip);
    return entry != nullptr && entry->resolvable != 0;
}

bool fixup_exception(TrapFrame& frame) {
    const ExceptionEntry* entry = exception_entry(frame.rip);
    if (entry == nullptr) return false;
    frame.rip = entry->resume;
    return true;
}

}  // namespace exo::arch
