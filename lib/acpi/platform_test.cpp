#include "lib/acpi/platform.h"

#include <gtest/gtest.h>

#include "lib/acpi/testing.h"

namespace exo::acpi {
namespace {

using testing::FakeMemory;
using testing::TableBuilder;

constexpr std::uint64_t kBase = 0xe0000;
constexpr std::uint64_t kRsdp = kBase;
constexpr std::uint64_t kRoot = kBase + 0x100;

/// A machine whose root table names `tables`, each at a page of its own.
FakeMemory machine(const std::vector<std::vector<std::byte>>& tables) {
    FakeMemory memory(kBase, std::vector<std::byte>(0x20000));
    TableBuilder root("XSDT");
    for (std::size_t i = 0; i < tables.size(); ++i) {
        const std::uint64_t address = kBase + 0x1000 * (i + 1);
        std::memcpy(memory.raw(address), tables[i].data(), tables[i].size());
        root.add<std::uint64_t>(address);
    }
    const auto root_bytes = root.finish();
    std::memcpy(memory.raw(kRoot), root_bytes.data(), root_bytes.size());

    std::byte rsdp[36] = {};
    std::memcpy(rsdp, "RSD PTR ", 8);
    rsdp[15] = std::byte{2};
    std::memcpy(rsdp + 24, &kRoot, 8);
    unsigned sum = 0;
    for (int i = 0; i < 20; ++i) sum += static_cast<unsigned>(rsdp[i]);
    rsdp[8] = static_cast<std::byte>(0x100 - (sum & 0xff));
    std::memcpy(memory.raw(kRsdp), rsdp, sizeof rsdp);
    return memory;
}

std::vector<std::byte> two_cpu_madt() {
    TableBuilder madt("APIC");
    madt.add<std::uint32_t>(0xfee00000).add<std::uint32_t>(1);
    for (std::uint8_t id = 0; id < 2; ++id) {
        madt.add<std::uint8_t>(0).add<std::uint8_t>(8).add(id).add(id).add<std::uint32_t>(1);
    }
    madt.add<std::uint8_t>(1).add<std::uint8_t>(12).add<std::uint16_t>(0);
    madt.add<std::uint32_t>(0xfec00000).add<std::uint32_t>(0);
    madt.add<std::uint8_t>(2).add<std::uint8_t>(10).add<std::uint8_t>(0).add<std::uint8_t>(0);
    madt.add<std::uint32_t>(2).add<std::uint16_t>(0);
    return madt.finish();
}

TEST(Acpi, reads_cpus_and_interrupt_controllers) {
    FakeMemory memory = machine({two_cpu_madt()});
    const auto platform = read_platform(memory, kRsdp);
    ASSERT_TRUE(platform.has_value());
    EXPECT_EQ(platform->local_apic_address, 0xfee00000u);
    EXPECT_TRUE(platform->legacy_pic);
    ASSERT_EQ(platform->cpus.all().size(), 2u);
    EXPECT_EQ(platform->cpus.all()[1].apic_id, 1u);
    EXPECT_TRUE(platform->cpus.all()[1].enabled);
    ASSERT_EQ(platform->io_apics.all().size(), 1u);
    EXPECT_EQ(platform->io_apics.all()[0].address, 0xfec00000u);
    ASSERT_EQ(platform->overrides.all().size(), 1u);
    EXPECT_EQ(platform->overrides.all()[0].global, 2u);
}

TEST(Acpi, finds_the_rsdp_in_the_bios_area) {
    FakeMemory memory = machine({two_cpu_madt()});
    EXPECT_EQ(read_platform(memory, 0)->cpus.all().size(), 2u);
    FakeMemory empty(kBase, std::vector<std::byte>(0x20000));
    EXPECT_EQ(read_platform(empty, 0).error(), Errno::NODEV);
}

TEST(Acpi, reads_pci_hpet_and_power_off) {
    TableBuilder mcfg("MCFG");
    mcfg.add<std::uint64_t>(0).add<std::uint64_t>(0xb0000000);
    mcfg.add<std::uint16_t>(0).add<std::uint8_t>(0).add<std::uint8_t>(255).add<std::uint32_t>(0);
    TableBuilder hpet("HPET");
    hpet.put<std::uint8_t>(40, 0).put<std::uint64_t>(44, 0xfed00000);
    TableBuilder dsdt("DSDT");
    for (const char c : std::string_view("\x08_S5_")) dsdt.add(c);
    dsdt.add<std::uint8_t>(0x12).add<std::uint8_t>(0x06).add<std::uint8_t>(4);
    dsdt.add<std::uint8_t>(0x0a).add<std::uint8_t>(5).add<std::uint8_t>(0);
    TableBuilder fadt("FACP");
    fadt.put<std::uint32_t>(64, 0x604).put<std::uint32_t>(76, 0x608);
    fadt.put<std::uint64_t>(140, kBase + 0x3000);  // where machine() puts the third table
    FakeMemory memory = machine({mcfg.finish(), hpet.finish(), dsdt.finish(), fadt.finish()});
    const auto platform = read_platform(memory, kRsdp);
    ASSERT_TRUE(platform.has_value());
    ASSERT_EQ(platform->pci.all().size(), 1u);
    EXPECT_EQ(platform->pci.all()[0].address, 0xb0000000u);
    EXPECT_EQ(platform->pci.all()[0].last_bus, 255);
    EXPECT_EQ(platform->hpet_address, 0xfed00000u);
    EXPECT_EQ(platform->pm_timer_port, 0x608u);
    EXPECT_TRUE(platform->has_power_off);
    EXPECT_EQ(platform->sleep_type_a, 5);
    EXPECT_EQ(platform->sleep_type_b, 0);
}

// As QEMU's microvm tells of itself.
TEST(Acpi, reads_reset_and_sleep_control) {
    TableBuilder dsdt("DSDT");
    for (const char c : std::string_view("\x08_S5_")) dsdt.add(c);
    dsdt.add<std::uint8_t>(0x12).add<std::uint8_t>(0x06).add<std::uint8_t>(4);
    dsdt.add<std::uint8_t>(0x0a).add<std::uint8_t>(5).add<std::uint8_t>(0);
    TableBuilder fadt("FACP");
    fadt.put<std::uint32_t>(112, 1 << 10 | 1 << 20);
    fadt.put<std::uint8_t>(116, 0).put<std::uint64_t>(120, 0xfea00002).put<std::uint8_t>(128, 0x42);
    fadt.put<std::uint64_t>(140, kBase + 0x1000);
    fadt.put<std::uint8_t>(244, 1).put<std::uint64_t>(248, 0x600);
    FakeMemory memory = machine({dsdt.finish(), fadt.finish()});
    const auto platform = read_platform(memory, kRsdp);
    ASSERT_TRUE(platform.has_value());
    EXPECT_EQ(platform->reset.space, Space::kMemory);
    EXPECT_EQ(platform->reset.address, 0xfea00002u);
    EXPECT_EQ(platform->reset_value, 0x42);
    EXPECT_EQ(platform->sleep_control.space, Space::kPort);
    EXPECT_EQ(platform->sleep_control.address, 0x600u);
    EXPECT_TRUE(platform->has_power_off);
    EXPECT_EQ(platform->sleep_type_a, 5);
}

TEST(Acpi, refuses_registers_that_no_byte_can_be_written_to) {
    TableBuilder fadt("FACP");
    fadt.put<std::uint32_t>(112, 1 << 10 | 1 << 20);
    fadt.put<std::uint8_t>(116, 2).put<std::uint64_t>(120, 0x10);      // configuration space
    fadt.put<std::uint8_t>(244, 1).put<std::uint64_t>(248, 0x1'0000);  // no port
    FakeMemory memory = machine({fadt.finish()});
    const auto platform = read_platform(memory, kRsdp);
    ASSERT_TRUE(platform.has_value());
    EXPECT_EQ(platform->reset.space, Space::kNone);
    EXPECT_EQ(platform->sleep_control.space, Space::kNone);
    EXPECT_FALSE(platform->has_power_off);
}

TEST(Acpi, leaves_out_tables_with_a_wrong_checksum) {
    auto broken = two_cpu_madt();
    broken.back() ^= std::byte{1};
    FakeMemory memory = machine({broken});
    EXPECT_TRUE(read_platform(memory, kRsdp)->cpus.all().empty());
}

TEST(Acpi, stops_at_entries_that_lie_about_their_length) {
    TableBuilder madt("APIC");
    madt.add<std::uint32_t>(0).add<std::uint32_t>(0);
    madt.add<std::uint8_t>(0).add<std::uint8_t>(0);    // would never advance
    madt.add<std::uint8_t>(0).add<std::uint8_t>(200);  // past the end
    FakeMemory memory = machine({madt.finish()});
    EXPECT_TRUE(read_platform(memory, kRsdp)->cpus.all().empty());
}

TEST(Acpi, bounds_the_number_of_cpus) {
    TableBuilder madt("APIC");
    madt.add<std::uint32_t>(0).add<std::uint32_t>(0);
    for (unsigned id = 0; id < 100; ++id) {
        madt.add<std::uint8_t>(0).add<std::uint8_t>(8).add<std::uint8_t>(0);
        madt.add(static_cast<std::uint8_t>(id)).add<std::uint32_t>(1);
    }
    FakeMemory memory = machine({madt.finish()});
    const auto platform = read_platform(memory, kRsdp);
    EXPECT_EQ(platform->cpus.all().size(), 64u);
    EXPECT_TRUE(platform->cpus.overflowed());
}

TEST(Acpi, refuses_what_is_no_rsdp) {
    FakeMemory memory = machine({});
    EXPECT_EQ(read_platform(memory, kRsdp + 16).error(), Errno::PROTO);
    EXPECT_EQ(read_platform(memory, 0x1234).error(), Errno::FAULT);
}

}  // namespace
}  // namespace exo::acpi
