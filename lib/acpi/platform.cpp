#include "lib/acpi/platform.h"

#include <algorithm>

#include "lib/acpi/reader.h"

namespace exo::acpi {

namespace {

// Bounds on what firmware may claim: no real table comes near.
constexpr std::size_t kMaxTable = 4 * 1024 * 1024;
constexpr std::size_t kMaxTables = 256;

constexpr std::size_t kTableHeader = 36;  // ACPI 5.2.6
constexpr std::size_t kLengthOffset = 4;

/// A whole system description table at `address`, its length and checksum right.
Result<Bytes> table_at(PhysicalMemory& memory, std::uint64_t address) {
    const Bytes header = TRY(memory.at(address, kTableHeader));
    const auto length = field_or_zero<std::uint32_t>(header, kLengthOffset);
    if (length < kTableHeader || length > kMaxTable) return Errno::PROTO;
    const Bytes table = TRY(memory.at(address, length));
    if (!checksum_ok(table)) return Errno::PROTO;
    return table;
}

// MADT, ACPI 5.2.12: entries of type and length from offset 44.
void read_madt(Bytes table, Platform& platform) {
    platform.local_apic_address = field_or_zero<std::uint32_t>(table, 36);
    platform.legacy_pic = (field_or_zero<std::uint32_t>(table, 40) & 1) != 0;
    std::size_t at = 44;
    while (at + 2 <= table.size()) {
        const auto type = field_or_zero<std::uint8_t>(table, at);
        const auto length = field_or_zero<std::uint8_t>(table, at + 1);
        if (length < 2 || length > table.size() - at) return;
        const Bytes entry = table.subspan(at, length);
        at += length;
        switch (type) {
            case 0:
                platform.cpus.add({field_or_zero<std::uint8_t>(entry, 3),
                                   (field_or_zero<std::uint32_t>(entry, 4) & 1) != 0});
                break;
            case 1:
                platform.io_apics.add({field_or_zero<std::uint32_t>(entry, 4),
                                       field_or_zero<std::uint32_t>(entry, 8)});
                break;
            case 2:
                platform.overrides.add({field_or_zero<std::uint8_t>(entry, 3),
                                        field_or_zero<std::uint32_t>(entry, 4),
                                        field_or_zero<std::uint16_t>(entry, 8)});
                break;
            case 5:
                platform.local_apic_address = field_or_zero<std::uint64_t>(entry, 4);
                break;
            case 9:
                platform.cpus.add({field_or_zero<std::uint32_t>(entry, 4),
                                   (field_or_zero<std::uint32_t>(entry, 8) & 1) != 0});
                break;
            default:
                break;
        }
    }
}

void read_mcfg(Bytes table, Platform& platform) {
    constexpr std::size_t kFirst = 44;
    constexpr std::size_t kEntry = 16;
    for (std::size_t at = kFirst; at + kEntry <= table.size(); at += kEntry) {
        platform.pci.add({field_or_zero<std::uint64_t>(table, at),
                          field_or_zero<std::uint16_t>(table, at + 8),
                          field_or_zero<std::uint8_t>(table, at + 10),
                          field_or_zero<std::uint8_t>(table, at + 11)});
    }
}

// IA-PC HPET Specification 1.0a, 3.2.4: a generic address, of which only memory makes sense.
void read_hpet(Bytes table, Platform& platform) {
    if (field_or_zero<std::uint8_t>(table, 40) == 0) {
        platform.hpet_address = field_or_zero<std::uint64_t>(table, 44);
    }
}

/// One element of the \_S5 package as AML encodes small integers (ACPI 20.2.3); moves `at` past it.
std::optional<std::uint8_t> aml_byte(Bytes aml, std::size_t& at) {
    const auto opcode = field<std::uint8_t>(aml, at);
    if (!opcode) return std::nullopt;
    ++at;
    if (*opcode == 0x00 || *opcode == 0x01) return opcode;  // ZeroOp, OneOp
    if (*opcode != 0x0a) return std::nullopt;               // BytePrefix
    return field<std::uint8_t>(aml, at++);
}

// \_S5 holds what to write to the PM1 control registers for power-off (ACPI 7.4.2). It is a Name of
// a Package of constants in every known DSDT, so that it is found without interpreting AML.
void read_s5(Bytes dsdt, Platform& platform) {
    constexpr std::string_view kName = "_S5_";
    const auto* begin = reinterpret_cast<const char*>(dsdt.data());
    const std::string_view text(begin, dsdt.size());
    for (std::size_t at = text.find(kName); at != std::string_view::npos;
         at = text.find(kName, at + 1)) {
        std::size_t next = at + kName.size();
        if (field_or_zero<std::uint8_t>(dsdt, next) != 0x12) continue;  // PackageOp
        const auto lead = field<std::uint8_t>(dsdt, next + 1);
        if (!lead) return;
        next += std::size_t{2} + (*lead >> 6);  // PkgLength: bits 7-6 are the bytes that follow
        ++next;                                 // NumElements
        const auto a = aml_byte(dsdt, next);
        const auto b = aml_byte(dsdt, next);
        if (!a) continue;
        platform.sleep_type_a = *a & 7;
        platform.sleep_type_b = b.value_or(0) & 7;
        platform.has_power_off =
            platform.pm1a_control_port != 0 || platform.sleep_control.space != Space::kNone;
        return;
    }
}

/// The generic address at `offset`; kNone where the table ends before or names another space.
Register read_register(Bytes table, std::size_t offset) {
    constexpr std::uint8_t kMemory = 0, kPort = 1;
    const auto space = field<std::uint8_t>(table, offset);
    const auto address = field_or_zero<std::uint64_t>(table, offset + 4);
    if (!space || address == 0) return {};
    if (*space == kMemory) return {Space::kMemory, address};
    if (*space == kPort && address <= 0xffff) return {Space::kPort, address};
    return {};
}

// FADT, ACPI 5.2.9.
void read_fadt(Bytes table, PhysicalMemory& memory, Platform& platform) {
    platform.pm1a_control_port = field_or_zero<std::uint32_t>(table, 64);
    platform.pm1b_control_port = field_or_zero<std::uint32_t>(table, 68);
    platform.pm_timer_port = field_or_zero<std::uint32_t>(table, 76);
    constexpr std::uint32_t kHasReset = 1 << 10, kReducedHardware = 1 << 20;
    const auto flags = field_or_zero<std::uint32_t>(table, 112);
    if ((flags & kHasReset) != 0) {
        platform.reset = read_register(table, 116);
        platform.reset_value = field_or_zero<std::uint8_t>(table, 128);
    }
    if ((flags & kReducedHardware) != 0) platform.sleep_control = read_register(table, 244);
    std::uint64_t dsdt = field_or_zero<std::uint64_t>(table, 140);
    if (dsdt == 0) dsdt = field_or_zero<std::uint32_t>(table, 40);
    if (dsdt == 0) return;
    if (const auto found = table_at(memory, dsdt); found) {
        read_s5(found->subspan(kTableHeader), platform);
    }
}

void read_table(Bytes table, PhysicalMemory& memory, Platform& platform) {
    if (has_signature(table, "APIC")) return read_madt(table, platform);
    if (has_signature(table, "MCFG")) return read_mcfg(table, platform);
    if (has_signature(table, "HPET")) return read_hpet(table, platform);
    if (has_signature(table, "FACP")) return read_fadt(table, memory, platform);
}

// ACPI 5.2.5.3. Version 0 ends after 20 bytes and knows only the RSDT.
constexpr std::size_t kRsdpV1 = 20;
constexpr std::size_t kRsdpV2 = 36;

bool is_rsdp(Bytes bytes) {
    return has_signature(bytes, "RSD PTR ") && bytes.size() >= kRsdpV1 &&
           checksum_ok(bytes.first(kRsdpV1));
}

Result<std::uint64_t> find_rsdp(PhysicalMemory& memory) {
    constexpr std::uint64_t kBegin = 0xe0000;
    constexpr std::uint64_t kEnd = 0x100000;
    for (std::uint64_t address = kBegin; address < kEnd; address += 16) {
        const auto bytes = memory.at(address, kRsdpV1);
        if (bytes && is_rsdp(*bytes)) return address;
    }
    return Errno::NODEV;
}

}  // namespace

Result<Platform> read_platform(PhysicalMemory& memory, std::uint64_t rsdp) {
    if (rsdp == 0) rsdp = TRY(find_rsdp(memory));
    Bytes pointer = TRY(memory.at(rsdp, kRsdpV1));
    if (!is_rsdp(pointer)) return Errno::PROTO;
    bool wide = field_or_zero<std::uint8_t>(pointer, 15) >= 2;
    if (wide) {
        pointer = TRY(memory.at(rsdp, kRsdpV2));
        wide = field_or_zero<std::uint64_t>(pointer, 24) != 0;
    }
    const std::uint64_t root_address = wide ? field_or_zero<std::uint64_t>(pointer, 24)
                                            : field_or_zero<std::uint32_t>(pointer, 16);
    const Bytes root = TRY(table_at(memory, root_address));
    if (!has_signature(root, wide ? "XSDT" : "RSDT")) return Errno::PROTO;

    Platform platform;
    const std::size_t entry = wide ? 8 : 4;
    const std::size_t count = std::min((root.size() - kTableHeader) / entry, kMaxTables);
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t at = kTableHeader + i * entry;
        const std::uint64_t address =
            wide ? field_or_zero<std::uint64_t>(root, at) : field_or_zero<std::uint32_t>(root, at);
        if (const auto table = table_at(memory, address); table) {
            read_table(*table, memory, platform);
        }
    }
    return platform;
}

}  // namespace exo::acpi
