#include "lib/sched/sim/trace.h"

#include <charconv>
#include <cstdio>
#include <memory>

namespace exo::sched::sim {

namespace {

constexpr std::string_view kMagic = "exo-sched-trace 1";
constexpr std::size_t kMaxProgram = 63;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

/// Takes a decimal number of at most `max` off the front of `text`.
Result<std::uint64_t> take_number(std::string_view& text, std::uint64_t max) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || value > max) return Errno::INVAL;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return value;
}

Result<void> take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return Errno::INVAL;
    text.remove_prefix(word.size());
    return {};
}

/// Lines of a text, without comments; the last may lack its newline.
class Lines {
  public:
    explicit Lines(std::string_view text) : rest_(text) {}

    [[nodiscard]] bool at_end() {
        while (rest_.starts_with('#')) (void)take();
        return rest_.empty();
    }

    Result<std::string_view> next() {
        if (at_end()) return Errno::INVAL;
        return take();
    }

  private:
    std::string_view take() {
        const std::size_t end = rest_.find('\n');
        const std::string_view line = rest_.substr(0, end);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
        return line;
    }

    std::string_view rest_;
};

Result<Script> parse_head(std::string_view line) {
    Script script;
    TRY(take_word(line, "t "));
    if (line.starts_with('-')) {
        line.remove_prefix(1);
        script.start_ns = kStartedByOther;
    } else {
        script.start_ns = TRY(take_number(line, kMaxMicroseconds)) * kMicrosecond;
    }
    TRY(take_word(line, " "));
    const bool negative = line.starts_with('-');
    if (negative) line.remove_prefix(1);
    const auto nice = static_cast<int>(TRY(take_number(line, negative ? -kMinNice : kMaxNice)));
    script.nice = negative ? -nice : nice;
    TRY(take_word(line, " "));
    if (line.empty() || line.size() > kMaxProgram) return Errno::INVAL;
    for (const char c : line) {
        if (c <= ' ' || c > '~') return Errno::INVAL;
    }
    script.program = line;
    return script;
}

Result<Op> parse_op(std::string_view& line, std::size_t self, std::size_t threads) {
    if (is_digit(line.front())) {
        const std::uint64_t run = TRY(take_number(line, kMaxMicroseconds));
        return Op{Op::Kind::Run, run * kMicrosecond};
    }
    const char letter = line.front();
    line.remove_prefix(1);
    if (letter == '.') return Op{Op::Kind::Wait, 0};
    if (letter == 's') {
        const std::uint64_t sleep = TRY(take_number(line, kMaxMicroseconds));
        return Op{Op::Kind::Sleep, sleep * kMicrosecond};
    }
    if (letter != 'w' && letter != 'f') return Errno::INVAL;
    const std::uint64_t other = TRY(take_number(line, threads - 1));
    if (other == self) return Errno::INVAL;
    return Op{letter == 'w' ? Op::Kind::Wake : Op::Kind::Start, other};
}

Result<std::vector<Op>> parse_ops(std::string_view line, std::size_t self, std::size_t threads,
                                  std::size_t& ops_left) {
    std::vector<Op> ops;
    while (!line.empty()) {
        if (line.front() == ' ') {
            line.remove_prefix(1);
            continue;
        }
        if (ops_left == 0) return Errno::TOOBIG;
        --ops_left;
        ops.push_back(TRY(parse_op(line, self, threads)));
    }
    return ops;
}

/// Every thread is started once: by itself at its time, or by one Start.
Result<void> check_starts(const Trace& trace) {
    std::vector<bool> started(trace.threads.size());
    for (std::size_t i = 0; i < trace.threads.size(); ++i) {
        started[i] = trace.threads[i].start_ns != kStartedByOther;
    }
    for (const Script& script : trace.threads) {
        for (const Op& op : script.ops) {
            if (op.kind != Op::Kind::Start) continue;
            if (started[op.value]) return Errno::INVAL;
            started[op.value] = true;
        }
    }
    for (const bool was_started : started) {
        if (!was_started) return Errno::INVAL;
    }
    return {};
}

}  // namespace

Result<Trace> parse_trace(std::string_view text) {
    Lines lines(text);
    if (TRY(lines.next()) != kMagic) return Errno::INVAL;
    std::string_view sizes = TRY(lines.next());
    TRY(take_word(sizes, "threads "));
    const std::uint64_t threads = TRY(take_number(sizes, UINT64_MAX));
    if (threads > kMaxThreads) return Errno::TOOBIG;
    TRY(take_word(sizes, " duration "));
    Trace trace;
    trace.duration_ns = TRY(take_number(sizes, kMaxMicroseconds)) * kMicrosecond;
    if (threads == 0 || !sizes.empty()) return Errno::INVAL;

    std::size_t ops_left = kMaxOps;
    while (!lines.at_end()) {
        const std::size_t self = trace.threads.size();
        if (self == threads) return Errno::INVAL;
        const std::string_view head = TRY(lines.next());
        Script script = TRY(parse_head(head));
        const std::string_view ops = TRY(lines.next());
        script.ops = TRY(parse_ops(ops, self, threads, ops_left));
        trace.threads.push_back(std::move(script));
    }
    if (trace.threads.size() != threads) return Errno::INVAL;
    TRY(check_starts(trace));
    return trace;
}

Result<Trace> load_trace(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (!file) return Errno::NOENT;
    std::string text;
    char block[65'536];
    std::size_t got;
    while ((got = std::fread(block, 1, sizeof block, file.get())) > 0) text.append(block, got);
    if (std::ferror(file.get()) != 0) return Errno::IO;
    return parse_trace(text);
}

}  // namespace exo::sched::sim
