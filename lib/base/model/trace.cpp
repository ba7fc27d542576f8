#include "lib/base/model/trace.h"

#include <array>
#include <cstdio>
#include <string_view>

namespace exo::model {
namespace {

std::string hex(std::uint64_t value) {
    std::array<char, 24> text{};
    std::snprintf(text.data(), text.size(), "0x%lx", value);
    return text.data();
}

}  // namespace

std::string file_name(const std::source_location& where) {
    std::string_view file = where.file_name();
    if (const auto slash = file.rfind('/'); slash != std::string_view::npos)
        file.remove_prefix(slash + 1);
    return std::string(file);
}

std::string place(const std::source_location& where) {
    return file_name(where) + ":" + std::to_string(where.line());
}

std::string Trace::location_name(const Memory& memory, LocationId location) const {
    for (const Name& name : names_)
        if (name.address == memory.address(location)) return name.text;
    return "#" + std::to_string(location);
}

std::string Trace::text(const Memory& memory) const {
    std::string all;
    for (std::size_t i = 0; i < events_.size(); ++i) {
        std::array<char, 16> number{};
        std::snprintf(number.data(), number.size(), "%4zu  ", i + 1);
        all += number.data() + line(events_[i], memory) + '\n';
    }
    return all;
}

std::string Trace::line(const Event& event, const Memory& memory) const {
    std::string what = location_and_kind(event, memory) + values(event);
    if (event.fate == Event::Fate::kDied) what = "DIES before: " + what;
    if (event.fate == Event::Fate::kSlept) what += ", sleeps";
    if (event.fate == Event::Fate::kSpuriousFailure) what += " (for no reason)";
    std::array<char, 256> text{};
    std::snprintf(text.data(), text.size(), "%-12s %-52s %s", thread_name(event.thread),
                  what.c_str(), place(event.op.where).c_str());
    return text.data();
}

std::string Trace::location_and_kind(const Event& event, const Memory& memory) const {
    const Operation& op = event.op;
    const char* kind = kind_name(op.kind);
    switch (op.kind) {
        case Kind::kFence:
            return std::string(kind) + " " + order_name(op.order);
        case Kind::kYield:
        case Kind::kExit:
            return kind;
        case Kind::kJoin:
            return std::string(kind) + " " + thread_name(op.thread);
        default:
            break;
    }
    const bool ordered =
        op.kind != Kind::kWait && op.kind != Kind::kWoken && op.kind != Kind::kWake;
    const auto order = event.effect.success ? op.order : op.failure_order;
    return location_name(memory, op.location) + " " + kind +
           (ordered ? std::string(" ") + order_name(order) : "");
}

std::string Trace::values(const Event& event) {
    const auto& effect = event.effect;
    const std::string read = hex(effect.read) + (effect.stale ? " (not the newest)" : "");
    if (event.fate == Event::Fate::kDied) return "";
    switch (event.op.kind) {
        case Kind::kFence:
        case Kind::kYield:
        case Kind::kWoken:
        case Kind::kJoin:
        case Kind::kExit:
            return "";
        case Kind::kLoad:
            return ": " + read;
        case Kind::kStore:
            return ": " + hex(effect.written) + ", place " + std::to_string(effect.rank);
        case Kind::kWait:
            return ": " + read + ", expects " + hex(event.op.expected);
        case Kind::kWake:
            return ": wakes " + std::to_string(effect.read);
        default:
            break;
    }
    if (!effect.success) return ": failed, " + read + " is not " + hex(event.op.expected);
    return ": " + read + " -> " + hex(effect.written);
}

}  // namespace exo::model
