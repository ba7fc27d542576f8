// Restartable sequences as Linux's ABI has them (include/uapi/linux/rseq.h).
#pragma once

#include <cstdint>

namespace exo::abi {

/// Places in the area that a thread registers, and its first size and alignment.
inline constexpr std::uint64_t kRseqCpuStart = 0, kRseqCpu = 4, kRseqSection = 8, kRseqFlags = 16,
                               kRseqNode = 20;
inline constexpr std::uint32_t kRseqBytes = 32, kRseqAlignment = 32;
/// AT_RSEQ_FEATURE_SIZE: up to the node's number.
inline constexpr std::uint32_t kRseqFeatureBytes = 24;

inline constexpr std::uint32_t kRseqUnregister = 1;
inline constexpr std::uint32_t kRseqNoCpu = ~std::uint32_t{0};

/// struct rseq_cs.
struct RseqSection {
    std::uint32_t version, flags;
    std::uint64_t start, bytes, abort;
};
static_assert(sizeof(RseqSection) == 32);

}  // namespace exo::abi
