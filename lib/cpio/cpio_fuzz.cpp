// Foreign bytes, fed in two pieces whose border the first byte chooses.
#include <algorithm>

#include "lib/cpio/cpio.h"

namespace {

class Touch final : public exo::cpio::Visitor {
  public:
    exo::Result<void> begin(const exo::cpio::Entry& entry) override {
        for (const char c : entry.name) sum_ += static_cast<unsigned char>(c);
        return {};
    }
    exo::Result<void> data(std::span<const std::byte> bytes) override {
        for (const std::byte byte : bytes) sum_ += static_cast<unsigned>(byte);
        return {};
    }
    exo::Result<void> end() override { return {}; }
    void end_of_archive() override {}

  private:
    volatile unsigned sum_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto input = std::as_bytes(std::span(data + 1, size - 1));
    const std::size_t border = std::min<std::size_t>(data[0], input.size());
    Touch visitor;
    exo::cpio::Reader reader(visitor);
    if (reader.feed(input.first(border)) && reader.feed(input.subspan(border))) {
        static_cast<void>(reader.finish());
    }
    return 0;
}
