#include "tests/model/scenario.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <set>

namespace exo::model {
namespace {

const char* part_name(OrderPart part) {
    switch (part) {
        case OrderPart::kAcquire:
            return "acquire";
        case OrderPart::kRelease:
            return "release";
        case OrderPart::kFailureAcquire:
            return "acquire on failure";
        case OrderPart::kSeqCst:
            return "seq_cst";
    }
    return "?";
}

std::vector<std::string> lines_of(const std::string& file) {
    std::ifstream stream(std::string(EXO_SOURCE_DIR) + "/" + file);
    EXPECT_TRUE(stream.is_open()) << file;
    std::vector<std::string> lines;
    for (std::string line; std::getline(stream, line);) lines.push_back(line);
    return lines;
}

// Enough to catch what is caught, and the same on every machine, unlike a time.
constexpr std::uint64_t kMutantRuns = 50'000;

// The scenarios that pass as they stand (one that fails would catch every mutant), and all orders
// that they meet.
struct Baseline {
    std::vector<Scenario> sound;
    std::set<OrderSite> orders;
};

const Baseline& baseline() {
    static const Baseline found = [] {
        Baseline result;
        for (const Scenario& scenario : scenarios()) {
            Options options = scenario.options;
            options.max_runs = kMutantRuns;
            const Report report = check(options, scenario.program);
            EXPECT_EQ(report.failure, "") << scenario.name;
            if (report.failure.empty()) result.sound.push_back(scenario);
            result.orders.insert(report.orders.begin(), report.orders.end());
        }
        return result;
    }();
    return found;
}

// The first scenario that fails on the mutant; empty if none does.
std::string caught_by(const OrderSite& site) {
    for (const Scenario& scenario : baseline().sound) {
        Options options = scenario.options;
        options.weaken = site;
        options.max_runs = kMutantRuns;
        if (!check(options, scenario.program).failure.empty()) return scenario.name;
    }
    return "";
}

}  // namespace

std::vector<Scenario>& scenarios() {
    static std::vector<Scenario> all;
    return all;
}

void verify(const Scenario& scenario) {
    const Report report = check(scenario.options, scenario.program);
    std::cout << "    " << report.text() << '\n';
    EXPECT_TRUE(report.passed());
}

void expect_orders_needed(const std::string& file, const std::vector<Needed>& needed) {
    const std::string base = file.substr(file.rfind('/') + 1);
    const auto lines = lines_of(file);
    std::vector<unsigned> met(needed.size());
    const bool all = std::getenv("EXO_MODEL_ORDERS") != nullptr;
    for (const OrderSite& site : baseline().orders) {
        if (site.file != base || site.line > lines.size()) continue;
        bool must = false;
        for (std::size_t i = 0; i < needed.size(); ++i) {
            if (needed[i].part != site.part ||
                lines[site.line - 1].find(needed[i].line) == std::string::npos)
                continue;
            must = true;
            ++met[i];
        }
        if (!must && !all) continue;
        const std::string by = caught_by(site);
        std::cout << "    " << base << ":" << site.line << " without " << part_name(site.part)
                  << ": " << (by.empty() ? "not caught" : by) << '\n';
        EXPECT_TRUE(!must || !by.empty()) << lines[site.line - 1];
    }
    for (std::size_t i = 0; i < needed.size(); ++i)
        EXPECT_GT(met[i], 0U) << "no such order: " << needed[i].line;
}

}  // namespace exo::model
