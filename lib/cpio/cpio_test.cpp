#include "lib/cpio/cpio.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

namespace {

using exo::Errno;
using exo::Result;
using exo::cpio::Entry;
using exo::cpio::Reader;

std::string field(std::uint32_t value) {
    char text[9];
    std::snprintf(text, sizeof(text), "%08X", value);
    return text;
}

void pad(std::string& to) {
    while (to.size() % 4 != 0) to.push_back('\0');
}

struct File {
    std::string name;
    std::string content;
    std::uint32_t mode = 0100644;
    std::uint32_t inode = 1;
    std::uint32_t links = 1;
    std::uint32_t device_major = 0, device_minor = 0;
};

void add(std::string& archive, const File& file) {
    archive += "070701" + field(file.inode) + field(file.mode) + field(1000) + field(100) +
               field(file.links) + field(1234567) +
               field(static_cast<std::uint32_t>(file.content.size())) + field(8) + field(1) +
               field(file.device_major) + field(file.device_minor) +
               field(static_cast<std::uint32_t>(file.name.size() + 1)) + field(0) + file.name;
    archive.push_back('\0');
    pad(archive);
    archive += file.content;
    pad(archive);
}

std::string archive_of(const std::vector<File>& files) {
    std::string archive;
    for (const File& file : files) add(archive, file);
    add(archive, {.name = "TRAILER!!!", .content = "", .mode = 0});
    return archive;
}

class Record final : public exo::cpio::Visitor {
  public:
    Result<void> begin(const Entry& entry) override {
        log += std::string(entry.name) + ":" + std::to_string(entry.size) + ":";
        last = entry;
        return refuse;
    }
    Result<void> data(std::span<const std::byte> bytes) override {
        log.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        return {};
    }
    Result<void> end() override {
        log += ";";
        return {};
    }
    void end_of_archive() override { log += "|"; }

    std::string log;
    Entry last;
    Result<void> refuse;
};

Result<void> read(const std::string& archive, Record& record, std::size_t piece = 1 << 20) {
    Reader reader(record);
    auto rest = std::as_bytes(std::span(archive));
    while (!rest.empty()) {
        const std::size_t n = std::min(piece, rest.size());
        TRY(reader.feed(rest.first(n)));
        rest = rest.subspan(n);
    }
    return reader.finish();
}

const std::vector<File> files = {{"bin", "", 040755},
                                 {"bin/sh", "#!x", 0100755},
                                 {"empty", ""},
                                 {"dev/null", "", 020666, 5, 1, 1, 3},
                                 {"four", "1234"}};
const std::string expected_log = "bin:0:;bin/sh:3:#!x;empty:0:;dev/null:0:;four:4:1234;|";

TEST(Cpio, ReadsEntriesInPiecesOfAnySize) {
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 109u, 111u, 4096u}) {
        Record record;
        EXPECT_TRUE(read(archive_of(files), record, piece).has_value());
        EXPECT_EQ(record.log, expected_log);
        EXPECT_EQ(record.last.uid, 1000u);
        EXPECT_EQ(record.last.modified, 1234567u);
    }
}

TEST(Cpio, ReadsDeviceNumbers) {
    Record record;
    EXPECT_TRUE(read(archive_of({files[3]}), record).has_value());
    EXPECT_EQ(record.last.device_major, 1u);
    EXPECT_EQ(record.last.device_minor, 3u);
}

TEST(Cpio, ReadsArchivesBehindEachOtherWithPadding) {
    Record record;
    EXPECT_TRUE(
        read(archive_of(files) + std::string(513, '\0') + archive_of(files), record).has_value());
    EXPECT_EQ(record.log, expected_log + expected_log);
}

TEST(Cpio, TruncatedIsInvalidUnlessBetweenEntries) {
    const std::string whole = archive_of({{"a", "abc"}});
    const std::size_t entry = 110 + 2 + 4;  // header, name, data; already aligned
    for (std::size_t size = 1; size < whole.size(); ++size) {
        Record record;
        EXPECT_EQ(read(whole.substr(0, size), record).has_value(), size == entry) << size;
    }
}

TEST(Cpio, RefusesWhatIsNotNewc) {
    for (const std::string& bad : {std::string("070707") + std::string(200, '0'),
                                   std::string(200, 'x'), "070701" + std::string(104, 'g')}) {
        Record record;
        EXPECT_EQ(read(bad, record).error(), Errno::INVAL);
    }
}

TEST(Cpio, RefusesAbsurdNames) {
    std::string archive = archive_of({{"abc", ""}});
    std::string huge = archive;
    huge.replace(6 + 11 * 8, 8, "FFFFFFFF");
    std::string none = archive;
    none.replace(6 + 11 * 8, 8, "00000000");
    std::string unended = archive;
    unended[110 + 3] = 'd';
    for (const std::string& bad : {huge, none, unended}) {
        Record record;
        EXPECT_EQ(read(bad, record).error(), Errno::INVAL);
    }
}

TEST(Cpio, StopsAtTheVisitorsError) {
    Record record;
    record.refuse = Errno::NOSPC;
    EXPECT_EQ(read(archive_of(files), record).error(), Errno::NOSPC);
}

TEST(Cpio, ReadsWhatCpioWrites) {
    FILE* pipe = ::popen("cd / && find etc/passwd etc/hostname | cpio -o -H newc 2>/dev/null", "r");
    std::string archive;
    char piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof(piece), pipe)) != 0;) {
        archive.append(piece, n);
    }
    ::pclose(pipe);
    Record record;
    EXPECT_TRUE(read(archive, record).has_value());
    EXPECT_NE(record.log.find("etc/passwd:"), std::string::npos);
    EXPECT_NE(record.log.find("root:x:0:0"), std::string::npos);
}

}  // namespace
