// The ChaCha20 block function (RFC 8439 2.3): 64 bytes of key stream from key, counter and nonce.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

namespace exo::crypto {

struct ChaCha20Key {
    std::array<std::uint32_t, 8> words = {};  ///< little-endian words of the key
};

namespace detail {

constexpr void quarter_round(std::array<std::uint32_t, 16>& s, unsigned a, unsigned b, unsigned c,
                             unsigned d) {
    s[a] += s[b];
    s[d] = std::rotl(s[d] ^ s[a], 16);
    s[c] += s[d];
    s[b] = std::rotl(s[b] ^ s[c], 12);
    s[a] += s[b];
    s[d] = std::rotl(s[d] ^ s[a], 8);
    s[c] += s[d];
    s[b] = std::rotl(s[b] ^ s[c], 7);
}

}  // namespace detail

/// The block as sixteen words, to be laid out little-endian.
[[nodiscard]] constexpr std::array<std::uint32_t, 16> chacha20_block(
    const ChaCha20Key& key, std::uint32_t counter, const std::array<std::uint32_t, 3>& nonce) {
    const auto& k = key.words;
    const std::array<std::uint32_t, 16> begin = {
        0x61707865, 0x3320646e, 0x79622d32, 0x6b206574, k[0],    k[1],     k[2],     k[3],
        k[4],       k[5],       k[6],       k[7],       counter, nonce[0], nonce[1], nonce[2]};
    std::array<std::uint32_t, 16> s = begin;
    for (int i = 0; i < 10; ++i) {
        detail::quarter_round(s, 0, 4, 8, 12);
        detail::quarter_round(s, 1, 5, 9, 13);
        detail::quarter_round(s, 2, 6, 10, 14);
        detail::quarter_round(s, 3, 7, 11, 15);
        detail::quarter_round(s, 0, 5, 10, 15);
        detail::quarter_round(s, 1, 6, 11, 12);
        detail::quarter_round(s, 2, 7, 8, 13);
        detail::quarter_round(s, 3, 4, 9, 14);
    }
    for (unsigned i = 0; i < s.size(); ++i) s[i] += begin[i];
    return s;
}

}  // namespace exo::crypto
