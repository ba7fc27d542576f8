#include "bench/core/harness/report.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace exo::bench {

namespace {

std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + '"';
}

std::string number(double value) {
    if (!std::isfinite(value)) return "null";
    char text[32];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
}

}  // namespace

void emit(const Row& row) {
    std::string peers;
    for (const auto& [name, value] : row.peers) {
        if (!peers.empty()) peers += ',';
        peers += quoted(name) + ":" + number(value);
    }
    std::printf(
        "{\"name\":%s,\"unit\":%s,\"better\":\"%s\",\"value\":%s,\"p99\":%s,\"target\":%s,"
        "\"peers\":{%s},\"rule\":%s,\"note\":%s}\n",
        quoted(row.name).c_str(), quoted(row.unit).c_str(),
        row.better == Better::kLower ? "lower" : "higher", number(row.value).c_str(),
        number(row.p99).c_str(), row.target ? number(*row.target).c_str() : "null", peers.c_str(),
        quoted(row.rule).c_str(), quoted(row.note).c_str());
    std::fflush(stdout);
}

std::optional<double> best_peer(const Row& row) {
    if (row.peers.empty()) return std::nullopt;
    const auto by_value = [](const auto& a, const auto& b) { return a.second < b.second; };
    const auto best = row.better == Better::kLower
                          ? std::min_element(row.peers.begin(), row.peers.end(), by_value)
                          : std::max_element(row.peers.begin(), row.peers.end(), by_value);
    return best->second;
}

std::optional<double> tighter(std::optional<double> a, std::optional<double> b) {
    if (!a) return b;
    if (!b) return a;
    return std::min(*a, *b);
}

}  // namespace exo::bench
