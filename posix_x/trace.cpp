// System calls as strace(1) prints them.
#include <algorithm>

#include "kernel/core/log.h"
#include "posix_x/dispatch.h"

namespace exo::posix {
namespace {

constexpr std::size_t kLine = 220;

class Line {
  public:
    template <typename... Arguments>
    void add(Format<Arguments...> format, const Arguments&... arguments) {
        used_ += format_to(std::span(text_).subspan(used_), format, arguments...);
    }
    [[nodiscard]] std::string_view text() const { return {text_, used_}; }

  private:
    char text_[kLine];
    std::size_t used_ = 0;
};

void add_path(Line& line, std::uint64_t at) {
    char text[64];
    const std::ptrdiff_t length = arch::copy_string_from_user(text, at, sizeof text);
    if (length < 0) {
        line.add("{:#x}", at);
        return;
    }
    line.add("\"{}\"", std::string_view(text, static_cast<std::size_t>(length)));
    if (static_cast<std::size_t>(length) == sizeof text) line.add("...");
}

void add_argument(Line& line, ArgumentKind kind, std::uint64_t value) {
    switch (kind) {
        case ArgumentKind::kFd:
        case ArgumentKind::kSigned:
            line.add("{}", static_cast<std::int32_t>(value));
            break;
        case ArgumentKind::kDirFd:
            if (static_cast<std::int32_t>(value) == abi::kAtFdCwd) {
                line.add("AT_FDCWD");
            } else {
                line.add("{}", static_cast<std::int32_t>(value));
            }
            break;
        case ArgumentKind::kUnsigned:
            line.add("{}", value);
            break;
        case ArgumentKind::kOctal: {
            const auto mode = static_cast<std::uint32_t>(value);
            line.add("0{}{}{}{}", mode >> 9 & 7, mode >> 6 & 7, mode >> 3 & 7, mode & 7);
            break;
        }
        case ArgumentKind::kHex:
            line.add("{:#x}", static_cast<std::uint32_t>(value));
            break;
        case ArgumentKind::kAddress:
            if (value == 0) {
                line.add("NULL");
            } else {
                line.add("{:#x}", value);
            }
            break;
        case ArgumentKind::kPath:
            add_path(line, value);
            break;
    }
}

}  // namespace

void trace_call(const Task& task, const Call& call, const arch::TrapFrame& frame,
                const Result<long>& result) {
    const std::uint64_t arguments[kMaxArguments] = {frame.rdi, frame.rsi, frame.rdx,
                                                    frame.r10, frame.r8,  frame.r9};
    Line line;
    line.add("{} {}(", task.tid, std::string_view(call.name));
    for (std::size_t i = 0; i < call.argument_count; ++i) {
        if (i != 0) line.add(", ");
        add_argument(line, call.arguments[i], arguments[i]);
    }
    if (result) {
        line.add(") = {}", *result);
    } else {
        line.add(") = -1 {} ({})", static_cast<std::int32_t>(result.error()),
                 std::string_view(errno_text(result.error())));
    }
    log_line(LogLevel::kInfo, "trace", line.text());
}

}  // namespace exo::posix
