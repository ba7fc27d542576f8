// Little-endian fields of a table, each checked against the table's end.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>

namespace exo::acpi {

using Bytes = std::span<const std::byte>;

/// The T at `offset`; none if the table ends before it.
template <typename T>
[[nodiscard]] std::optional<T> field(Bytes table, std::size_t offset) {
    if (offset > table.size() || table.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, table.data() + offset, sizeof value);
    return value;
}

/// The T at `offset`, or 0.
template <typename T>
[[nodiscard]] T field_or_zero(Bytes table, std::size_t offset) {
    return field<T>(table, offset).value_or(T{0});
}

[[nodiscard]] inline bool has_signature(Bytes table, std::string_view signature) {
    return table.size() >= signature.size() &&
           std::memcmp(table.data(), signature.data(), signature.size()) == 0;
}

/// ACPI 5.2.3: all bytes add up to 0.
[[nodiscard]] inline bool checksum_ok(Bytes bytes) {
    unsigned sum = 0;
    for (const std::byte b : bytes) sum += static_cast<unsigned>(b);
    return (sum & 0xff) == 0;
}

}  // namespace exo::acpi
