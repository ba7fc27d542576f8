#include "kernel/core/random.h"

#include <algorithm>
#include <cstring>

#include "kernel/arch/random.h"
#include "kernel/core/spin_lock.h"
#include "lib/crypto/chacha20.h"

namespace exo {

namespace {

struct Generator {
    crypto::ChaCha20Key key;
    bool seeded = false;

    void seed() {
        for (std::size_t i = 0; i < key.words.size(); i += 2) {
            const std::uint64_t word = arch::random_seed();
            key.words[i] ^= static_cast<std::uint32_t>(word);
            key.words[i + 1] ^= static_cast<std::uint32_t>(word >> 32);
        }
        seeded = true;
    }

    /// A key for one request; the generator's own moves on.
    crypto::ChaCha20Key next_key() {
        if (!seeded) seed();
        const std::uint64_t now = read_tsc();
        const auto block = crypto::chacha20_block(
            key, 0, {static_cast<std::uint32_t>(now), static_cast<std::uint32_t>(now >> 32), 0});
        crypto::ChaCha20Key given;
        std::copy_n(block.begin(), key.words.size(), key.words.begin());
        std::copy_n(block.begin() + key.words.size(), given.words.size(), given.words.begin());
        return given;
    }
};

constinit Locked<Generator, IrqSpinLock<LockRank::kRandom>> generator;

}  // namespace

void fill_random(void* to, std::size_t bytes) {
    const crypto::ChaCha20Key key = generator.lock()->next_key();
    auto* at = static_cast<std::byte*>(to);
    // A counter of 32 bits and a nonce word: far more than any request.
    for (std::uint64_t counter = 0; bytes != 0; ++counter) {
        const auto block =
            crypto::chacha20_block(key, static_cast<std::uint32_t>(counter),
                                   {static_cast<std::uint32_t>(counter >> 32), 0, 0});
        const std::size_t piece = std::min(bytes, sizeof(block));
        std::memcpy(at, block.data(), piece);
        at += piece;
        bytes -= piece;
    }
}

}  // namespace exo
