// Both decoders on foreign bytes; the first byte chooses. Output is bounded, so that small inputs
// that stand for gigabytes do not take the time.
#include "lib/compress/gzip.h"
#include "lib/compress/zstd.h"

namespace {

class Bounded final : public exo::compress::ByteSink {
  public:
    exo::Result<void> write(std::span<const std::byte> bytes) override {
        constexpr std::size_t kMost = 8 << 20;
        seen_ += bytes.size();
        if (seen_ > kMost) return exo::Errno::NOSPC;
        return {};
    }

  private:
    std::size_t seen_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto input = std::as_bytes(std::span(data + 1, size - 1));
    Bounded sink;
    if ((data[0] & 1) != 0) {
        static_cast<void>(exo::compress::gunzip(input, sink));
    } else {
        static_cast<void>(exo::compress::unzstd(input, sink));
    }
    return 0;
}
