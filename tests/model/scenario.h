// A model test: a scenario that is checked as it stands, and again with memory orders of the code
// under test weakened, so that the checks are known to be able to fail.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "lib/base/model/checker.h"

namespace exo::model {

struct Scenario {
    const char* name;
    Options options;
    std::function<void(Program&)> program;
};

/// All scenarios of the test program.
std::vector<Scenario>& scenarios();

/// Checks one, shows what was searched, and fails the test if it fails or is cut short.
void verify(const Scenario& scenario);

/// An order that the code's argument rests on.
struct Needed {
    std::string line;  // part of the line of source it stands in
    OrderPart part;
};

/// Weakens orders in `file`, a path from the project's root, one at a time: each of `needed` must
/// then be caught by a scenario. With EXO_MODEL_ORDERS=all every order of the file is tried, and
/// those that nothing catches are listed.
void expect_orders_needed(const std::string& file, const std::vector<Needed>& needed);

// Mutants multiply the runs and show nothing of memory safety: the plain build has them.
#define EXO_MODEL_MUTANTS (!__has_feature(address_sanitizer))

/// Defines the scenario suite.name, whose body gets `Program& program`. The options are designated
/// initializers.
#define EXO_MODEL_TEST(suite, test, ...)                                            \
    static void suite##_##test(::exo::model::Program& program);                     \
    static const ::exo::model::Scenario& suite##_##test##_scenario() {              \
        static const ::exo::model::Scenario scenario{                               \
            #suite "." #test, ::exo::model::Options{__VA_ARGS__}, &suite##_##test}; \
        return scenario;                                                            \
    }                                                                               \
    static const bool suite##_##test##_listed =                                     \
        (::exo::model::scenarios().push_back(suite##_##test##_scenario()), true);   \
    TEST(suite, test) {                                                             \
        ::exo::model::verify(suite##_##test##_scenario());                          \
    }                                                                               \
    static void suite##_##test(::exo::model::Program& program)

}  // namespace exo::model
