#include "kernel/drivers/screen.h"

#include <new>

#include "kernel/core/log.h"
#include "kernel/core/panic.h"
#include "kernel/core/spin_lock.h"
#include "kernel/drivers/bochs_display.h"

extern "C" const std::uint8_t screen_font[];  // font.S

namespace exo {

namespace {

constexpr std::uint16_t kWidth = 1024, kHeight = 768;

constinit Locked<screen::TextScreen*, IrqSpinLock<LockRank::kScreen>> the_screen{nullptr};

/// The log's lines end in LF alone.
void write_text(screen::TextScreen& to, std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        to.write(std::as_bytes(std::span(text.substr(0, end))));
        if (end == std::string_view::npos) return;
        to.write(std::as_bytes(std::span(std::string_view("\r\n"))));
        text.remove_prefix(end + 1);
    }
}

void write_log(std::string_view text) {
    auto now = the_screen.lock();
    write_text(**now, text);
}

// The CPU that holds the lock may be the one that panics.
void write_panic(std::string_view text) {
    write_text(*the_screen.unlocked(), text);
}

}  // namespace

Result<void> start_screen() {
    const screen::Framebuffer frame = TRY(start_bochs_display(kWidth, kHeight));
    auto* made = new (std::nothrow) screen::TextScreen(frame, {screen_font, 16});
    if (made == nullptr) return Errno::NOMEM;
    *the_screen.lock() = made;
    set_panic_sink(write_panic);
    set_log_sink(write_log);
    log_info("screen", "{} by {} pixels, {} by {} characters", frame.width, frame.height,
             made->columns(), made->rows());
    return {};
}

bool screen_present() {
    return *the_screen.lock() != nullptr;
}

ScreenSize screen_size() {
    auto now = the_screen.lock();
    if (*now == nullptr) return {};
    return {static_cast<std::uint16_t>((*now)->columns()),
            static_cast<std::uint16_t>((*now)->rows())};
}

void screen_write(std::span<const std::byte> bytes) {
    auto now = the_screen.lock();
    if (*now != nullptr) (*now)->write(bytes);
}

}  // namespace exo
