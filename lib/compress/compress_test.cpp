// Against the tools themselves: what gzip and zstd made of some content is that content again, and
// what is broken anywhere is an error or, where no checksum covers it, at least no crash.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "lib/compress/gzip.h"
#include "lib/compress/zstd.h"

namespace {

using exo::Errno;
using exo::Result;
using Bytes = std::vector<std::byte>;

class Collect final : public exo::compress::ByteSink {
  public:
    Result<void> write(std::span<const std::byte> bytes) override {
        out.insert(out.end(), bytes.begin(), bytes.end());
        return {};
    }
    Bytes out;
};

using Decoder = Result<std::size_t> (*)(std::span<const std::byte>, exo::compress::ByteSink&);

/// `content` through a shell command.
Bytes filter(const Bytes& content, const std::string& command) {
    char name[] = "/tmp/exo-compress-XXXXXX";
    const int fd = mkstemp(name);
    EXPECT_GE(fd, 0);
    EXPECT_EQ(::write(fd, content.data(), content.size()), static_cast<ssize_t>(content.size()));
    ::close(fd);
    FILE* pipe = ::popen((command + " < " + name).c_str(), "r");
    Bytes out;
    std::byte piece[4096];
    for (std::size_t n; (n = std::fread(piece, 1, sizeof(piece), pipe)) != 0;) {
        out.insert(out.end(), piece, piece + n);
    }
    EXPECT_EQ(::pclose(pipe), 0) << command;
    ::unlink(name);
    return out;
}

Bytes random_bytes(std::size_t size, unsigned alphabet, unsigned seed) {
    std::mt19937 random(seed);
    Bytes out(size);
    for (auto& byte : out) byte = static_cast<std::byte>(random() % alphabet);
    return out;
}

/// Words repeated at all distances, as text and programs are.
Bytes text(std::size_t size) {
    std::mt19937 random(7);
    std::vector<Bytes> words;
    words.reserve(500);
    for (unsigned i = 0; i < 500; ++i) words.push_back(random_bytes(2 + i % 40, 200, i));
    Bytes out;
    while (out.size() < size) {
        const Bytes& word = words[random() % (1 + random() % words.size())];
        out.insert(out.end(), word.begin(), word.end());
    }
    return out;
}

std::vector<Bytes> contents() {
    return {{},
            random_bytes(1, 256, 1),
            Bytes(500000, std::byte{'x'}),
            random_bytes(300000, 256, 2),
            random_bytes(300000, 4, 3),
            random_bytes(50000, 20, 4),
            text(700000)};
}

void expect_round_trip(Decoder decode, const std::string& command) {
    for (const Bytes& content : contents()) {
        const Bytes packed = filter(content, command);
        Collect sink;
        const Result<std::size_t> used = decode(packed, sink);
        ASSERT_TRUE(used.has_value()) << command << ", " << content.size() << " bytes";
        EXPECT_EQ(*used, packed.size()) << command;
        EXPECT_TRUE(sink.out == content) << command << ", " << content.size() << " bytes";
    }
}

void expect_breakage_found(Decoder decode, const std::string& command) {
    const Bytes content = text(20000);
    const Bytes packed = filter(content, command);
    for (std::size_t length = 0; length < packed.size(); length += 1 + length / 50) {
        Collect sink;
        const auto used = decode(std::span(packed).first(length), sink);
        ASSERT_FALSE(used.has_value()) << "truncated to " << length;
    }
    for (std::size_t at = 0; at < packed.size(); at += 1 + at / 50) {
        Bytes broken = packed;
        broken[at] ^= std::byte{0x10};
        Collect sink;
        const auto used = decode(broken, sink);
        if (used.has_value()) EXPECT_TRUE(sink.out == content) << "changed at " << at;
    }
}

TEST(Gzip, ReadsWhatGzipWrites) {
    for (const char* command : {"gzip -1", "gzip -6", "gzip -9"}) {
        expect_round_trip(exo::compress::gunzip, command);
    }
}

TEST(Gzip, FindsBreakage) {
    expect_breakage_found(exo::compress::gunzip, "gzip -9");
}

TEST(Zstd, ReadsWhatZstdWrites) {
    for (const char* command : {"zstd -1 -c", "zstd -3 -c", "zstd -19 -c", "zstd --fast=5 -c",
                                "zstd -19 --no-check -c", "zstd --ultra -22 -c"}) {
        expect_round_trip(exo::compress::unzstd, command);
    }
}

TEST(Zstd, FindsBreakage) {
    expect_breakage_found(exo::compress::unzstd, "zstd -19 --check -c");
}

TEST(Zstd, SkipsSkippableFrames) {
    const Bytes frame = {std::byte{0x5a}, std::byte{0x2a}, std::byte{0x4d}, std::byte{0x18},
                         std::byte{2},    std::byte{0},    std::byte{0},    std::byte{0},
                         std::byte{1},    std::byte{2}};
    Collect sink;
    EXPECT_EQ(exo::compress::unzstd(frame, sink).value_or(0), frame.size());
    EXPECT_TRUE(sink.out.empty());
    EXPECT_FALSE(exo::compress::unzstd(std::span(frame).first(9), sink).has_value());
}

TEST(Zstd, RefusesHugeWindows) {
    // Window descriptor 0xff: 2^41 and more.
    const Bytes frame = {std::byte{0x28}, std::byte{0xb5}, std::byte{0x2f},
                         std::byte{0xfd}, std::byte{0},    std::byte{0xff},
                         std::byte{1},    std::byte{0},    std::byte{0}};
    Collect sink;
    EXPECT_EQ(exo::compress::unzstd(frame, sink).error(), Errno::INVAL);
}

TEST(Gzip, StopsAtTheSinksError) {
    class Full final : public exo::compress::ByteSink {
        Result<void> write(std::span<const std::byte>) override { return Errno::NOSPC; }
    } full;
    EXPECT_EQ(exo::compress::gunzip(filter(text(100000), "gzip -1"), full).error(), Errno::NOSPC);
}

}  // namespace
