// Result<T>: a value or an Errno, the return type of everything that can fail (style: result, try).
#pragma once

#include <expected>
#include <utility>

#include "abi/errno.h"
#include "lib/base/panic.h"

namespace exo {

template <typename T>
class [[nodiscard]] Result : public std::expected<T, Errno> {
  public:
    using std::expected<T, Errno>::expected;
    // Errors convert implicitly, so that `return Errno::INVAL;` reads as it should.
    constexpr Result(Errno error) : std::expected<T, Errno>(std::unexpect, error) {}
};

}  // namespace exo

/// The value of `expr`, or return its error from the enclosing function. One to a line: the name it
/// hides its result under makes a TRY within a TRY a -Wshadow error.
#define TRY(expr)                                         \
    ({                                                    \
        auto exo_try_result = (expr);                     \
        if (!exo_try_result.has_value()) [[unlikely]]     \
            return exo_try_result.error();                \
        ::exo::detail::unwrap(std::move(exo_try_result)); \
    })

/// The value of `expr`, which cannot fail here: the comment beside each use proves it.
#define MUST(expr)                                                 \
    ({                                                             \
        auto exo_must_result = (expr);                             \
        EXO_CHECK(exo_must_result.has_value(), "MUST(" #expr ")"); \
        ::exo::detail::unwrap(std::move(exo_must_result));         \
    })

namespace exo::detail {

template <typename T>
constexpr T unwrap(Result<T>&& result) {
    if constexpr (!std::is_void_v<T>) return *std::move(result);
}

}  // namespace exo::detail
