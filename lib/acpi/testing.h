// For tests and the fuzzer: physical memory made of bytes, and tables put together in it.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "lib/acpi/platform.h"

namespace exo::acpi::testing {

/// Physical memory from `base` up.
class FakeMemory final : public PhysicalMemory {
  public:
    FakeMemory(std::uint64_t base, std::vector<std::byte> bytes)
        : base_(base), bytes_(std::move(bytes)) {}

    Result<std::span<const std::byte>> at(std::uint64_t address, std::size_t size) override {
        if (address < base_ || address - base_ > bytes_.size() ||
            bytes_.size() - (address - base_) < size) {
            return Errno::FAULT;
        }
        return std::span(std::as_const(bytes_)).subspan(address - base_, size);
    }

    [[nodiscard]] std::byte* raw(std::uint64_t address) { return &bytes_[address - base_]; }

  private:
    std::uint64_t base_;
    std::vector<std::byte> bytes_;
};

/// A table under construction: fields in order, then signature, length and checksum by finish().
class TableBuilder {
  public:
    explicit TableBuilder(std::string_view signature) : bytes_(36) {
        std::memcpy(bytes_.data(), signature.data(), signature.size());
    }

    template <typename T>
    TableBuilder& add(T value) {
        const auto* raw = reinterpret_cast<const std::byte*>(&value);
        bytes_.insert(bytes_.end(), raw, raw + sizeof value);
        return *this;
    }

    template <typename T>
    TableBuilder& put(std::size_t offset, T value) {
        if (bytes_.size() < offset + sizeof value) bytes_.resize(offset + sizeof value);
        std::memcpy(bytes_.data() + offset, &value, sizeof value);
        return *this;
    }

    std::vector<std::byte> finish() {
        put<std::uint32_t>(4, static_cast<std::uint32_t>(bytes_.size()));
        put<std::uint8_t>(9, 0);
        unsigned sum = 0;
        for (const std::byte b : bytes_) sum += static_cast<unsigned>(b);
        put<std::uint8_t>(9, static_cast<std::uint8_t>(0x100 - (sum & 0xff)));
        return bytes_;
    }

  private:
    std::vector<std::byte> bytes_;
};

}  // namespace exo::acpi::testing
