// Tables of random bytes, their checksums made right so that parsing goes on past them.
#include <algorithm>

#include "lib/acpi/testing.h"

namespace {

constexpr std::uint64_t kBase = 0xe0000;
constexpr std::size_t kTable = 0x400;

void fix_checksum(std::byte* table, std::size_t size, std::size_t at) {
    unsigned sum = 0;
    table[at] = std::byte{0};
    for (std::size_t i = 0; i < size; ++i) sum += static_cast<unsigned>(table[i]);
    table[at] = static_cast<std::byte>(0x100 - (sum & 0xff));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::size_t kTables = 6;
    std::vector<std::byte> bytes(kTable * (kTables + 2));
    const std::size_t used = std::min(size, kTable * kTables);
    if (used != 0) std::memcpy(bytes.data() + 2 * kTable, data, used);
    const std::uint64_t root = kBase + kTable;
    std::memcpy(bytes.data(), "RSD PTR ", 8);
    bytes[15] = std::byte{2};
    std::memcpy(bytes.data() + 24, &root, 8);
    fix_checksum(bytes.data(), 20, 8);

    exo::acpi::testing::TableBuilder xsdt("XSDT");
    constexpr const char* kSignatures[kTables] = {"APIC", "MCFG", "HPET", "FACP", "DSDT", nullptr};
    for (std::size_t i = 0; i < kTables; ++i) {
        std::byte* table = bytes.data() + (i + 2) * kTable;
        xsdt.add<std::uint64_t>(kBase + (i + 2) * kTable);
        if (kSignatures[i] != nullptr) std::memcpy(table, kSignatures[i], 4);
        std::uint32_t length;
        std::memcpy(&length, table + 4, 4);
        length = 36 + length % (kTable - 36);
        std::memcpy(table + 4, &length, 4);
        if (i == 3) {
            const std::uint64_t dsdt = kBase + 6 * kTable;
            std::memcpy(table + 140, &dsdt, 8);
        }
        fix_checksum(table, length, 9);
    }
    const auto root_table = xsdt.finish();
    std::memcpy(bytes.data() + kTable, root_table.data(), root_table.size());

    exo::acpi::testing::FakeMemory memory(kBase, std::move(bytes));
    static_cast<void>(exo::acpi::read_platform(memory, kBase));
    return 0;
}
