// What uname(2) says. The release is one that Linux programs compare with: the version whose ABI is
// meant, and whose it is.
#pragma once

#include <string_view>

#include "abi/linux/process.h"

namespace exo::posix {

inline constexpr char kSystemName[] = "Linux";
inline constexpr char kRelease[] = "6.1.0-exo";
inline constexpr char kVersion[] = "#1 SMP Exo-OS";
inline constexpr std::size_t kNodeNameBytes = 65;

[[nodiscard]] abi::UtsName system_name();
/// Shorter than kNodeNameBytes.
void set_node_name(std::string_view name);
void set_domain_name(std::string_view name);

}  // namespace exo::posix
