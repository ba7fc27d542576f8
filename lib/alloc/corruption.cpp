#include "lib/alloc/corruption.h"

#include <cstdint>

#include "lib/base/panic.h"

namespace exo::alloc {

namespace {

/// A line put together on the stack: no libc, no heap. What does not fit is cut.
class Line {
  public:
    Line& text(const char* from) {
        for (; *from != '\0'; ++from) put(*from);
        return *this;
    }

    Line& number(std::uintptr_t value, unsigned base) {
        char digits[20];
        unsigned count = 0;
        do {
            digits[count++] = "0123456789abcdef"[value % base];
            value /= base;
        } while (value != 0);
        while (count != 0) put(digits[--count]);
        return *this;
    }

    [[nodiscard]] const char* c_str() const { return text_; }

  private:
    void put(char c) {
        if (used_ + 1 >= sizeof text_) return;
        text_[used_++] = c;
        text_[used_] = '\0';
    }

    char text_[128] = {};
    std::size_t used_ = 0;
};

}  // namespace

void corruption(const char* what, const void* address, std::size_t class_bytes) {
    Line line;
    line.text("exo_alloc: ").text(what).text(" 0x");
    line.number(reinterpret_cast<std::uintptr_t>(address), 16);
    if (class_bytes != 0) line.text(" (").number(class_bytes, 10).text("-byte class)");
    panic(line.c_str());
}

}  // namespace exo::alloc
