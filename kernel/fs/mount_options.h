// The options of mount(2): words between commas.
#pragma once

#include <algorithm>
#include <string_view>

#include "lib/base/result.h"

namespace exo {

/// Calls `visit` for each word, as far as it says no error; empty ones are passed over.
template <typename Visit>
Result<void> for_each_option(std::string_view options, Visit visit) {
    while (!options.empty()) {
        const std::string_view option = options.substr(0, options.find(','));
        if (!option.empty()) TRY(visit(option));
        options.remove_prefix(std::min(options.size(), option.size() + 1));
    }
    return {};
}

}  // namespace exo
