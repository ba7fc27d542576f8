#include "kernel/arch/rtc.h"

#include "kernel/arch/x86_64/port_io.h"

namespace exo::arch {

namespace {

enum Register : std::uint8_t {
    kSeconds = 0,
    kMinutes = 2,
    kHours = 4,
    kDay = 7,
    kMonth = 8,
    kYear = 9,
    kStatusA = 10,
    kStatusB = 11,
};
constexpr unsigned kUpdating = 0x80;  // of status A
constexpr unsigned kBinary = 0x04;    // of status B
constexpr unsigned k24Hours = 0x02;
constexpr unsigned kAfternoon = 0x80;  // of the hour

struct Reading {
    unsigned second, minute, hour, day, month, year;
    bool operator==(const Reading&) const = default;
};

unsigned read(Register reg) {
    out8(0x70, reg);
    return in8(0x71);
}

Reading read_all() {
    for (int tries = 0; tries < 1'000'000 && (read(kStatusA) & kUpdating) != 0; ++tries) {
    }
    return {read(kSeconds), read(kMinutes), read(kHours), read(kDay), read(kMonth), read(kYear)};
}

unsigned from_bcd(unsigned value) {
    return (value >> 4) * 10 + (value & 15);
}

// Days from 1970-01-01 (Hinnant, "chrono-compatible low-level date algorithms").
std::uint64_t days_since_1970(unsigned year, unsigned month, unsigned day) {
    const unsigned y = year - (month <= 2 ? 1 : 0);
    const unsigned era = y / 400;
    const unsigned year_of_era = y - era * 400;
    const unsigned day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    const unsigned day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return std::uint64_t{era} * 146'097 + day_of_era - 719'468;
}

}  // namespace

Result<std::uint64_t> read_rtc() {
    Reading now = read_all();
    // Twice the same: it did not tick between two registers.
    for (Reading again = read_all(); again != now; again = read_all()) now = again;
    const unsigned mode = read(kStatusB);
    const bool afternoon = (mode & k24Hours) == 0 && (now.hour & kAfternoon) != 0;
    now.hour &= ~kAfternoon;
    if ((mode & kBinary) == 0) {
        for (unsigned* each :
             {&now.second, &now.minute, &now.hour, &now.day, &now.month, &now.year})
            *each = from_bcd(*each);
    }
    if ((mode & k24Hours) == 0) now.hour = now.hour % 12 + (afternoon ? 12 : 0);
    if (now.second > 59 || now.minute > 59 || now.hour > 23 || now.day - 1 > 30 ||
        now.month - 1 > 11 || now.year > 99) {
        return Errno::NODEV;
    }
    const std::uint64_t days = days_since_1970(2000 + now.year, now.month, now.day);
    return ((days * 24 + now.hour) * 60 + now.minute) * 60 + now.second;
}

}  // namespace exo::arch
