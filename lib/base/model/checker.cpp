// The engine of check(): threads as fibers, and the loop that lets the search take one decision
// after the other.
#include "lib/base/model/checker.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <set>
#include <tuple>

#include "lib/base/model/fiber.h"
#include "lib/base/model/memory.h"
#include "lib/base/model/races.h"
#include "lib/base/model/trace.h"
#include "lib/base/panic.h"

namespace exo::model {
namespace {

struct Thread {
    enum class State : std::uint8_t { kPending, kFinished, kDead };

    std::function<void()> body;
    Mortality mortality = Mortality::kImmortal;
    State state = State::kPending;
    Operation pending;  // announced and not executed
    Outcome outcome;    // of the one before, for the fiber to take
    bool woken = false;
    LocationSet read = 0;  // in this round of a spin loop, or since the last yield
    std::array<StoreId, kMaxLocations> first_read{};  // per location, since then
    bool in_round = false;
    Fiber fiber;
};

class Engine final : public Program {
  public:
    Engine(const Options& options)
        : options_(options),
          search_(options.preemption_bound ? Reduction::kNone : options.reduction,
                  options.preemption_bound) {
        if (const char* decisions = std::getenv("EXO_MODEL_REPLAY")) {
            search_.replay(decisions);
            replaying_ = true;
        }
    }
    ~Engine() override { destroy_objects(); }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;

    Report explore(const std::function<void(Program&)>& set_up);

    // Program
    ThreadId thread(const char* name, std::function<void()> body, Mortality mortality) override;
    void at_end(std::function<void()> body) override { at_end_ = std::move(body); }

    // Called by what runs.
    [[nodiscard]] bool in_thread() const { return current_ != nullptr; }
    Outcome perform(const Operation& op, void* address, std::size_t size, std::uint64_t initial);
    Outcome announce(const Operation& op);
    void plain(const void* address, std::size_t size, PlainAccess how, std::source_location where);
    void begin_round();
    void yield(std::source_location where);
    void constructed(const void* address) { memory_.forget(address); }
    void fail(const char* message, std::source_location where) {
        record_failure(message, where);
        abandon();
    }

  protected:
    void name_address(const void* address, const char* text) override {
        trace_.name_location(address, text);
    }

  private:
    using SourcePoint = std::tuple<const char*, unsigned, unsigned>;
    void note_orders(const Operation& op);
    [[nodiscard]] static Operation mutant(const Operation& op, const OrderSite& site);
    void run_once(const std::function<void(Program&)>& set_up);
    void run_threads();
    void step(ThreadId id);
    void execute(ThreadId id, Event& event);
    void access(ThreadId id, Event& event);
    void wake(const Operation& op, Event& event);
    void resume(ThreadId id);
    [[nodiscard]] bool enabled(ThreadId id) const;
    [[nodiscard]] bool has_news(ThreadId id) const;
    [[nodiscard]] unsigned running() const;
    void classify_end();
    void record_failure(const std::string& message, std::source_location where);
    void abandon();
    [[nodiscard]] std::string deadlock() const;
    static void run_fiber(void* engine);

    const Options options_;
    Search search_;
    bool replaying_ = false;
    Memory memory_;
    RaceDetector races_;
    Trace trace_;
    std::array<std::unique_ptr<Thread>, kMaxThreads> threads_;
    unsigned thread_count_ = 0;
    Thread* current_ = nullptr;
    std::function<void()> at_end_;
    unsigned deaths_left_ = 0;
    unsigned spurious_left_ = 0;
    std::set<SourcePoint> orders_noted_;
    enum class End : std::uint8_t { kRegular, kRedundant, kBlocked } end_ = End::kRegular;
    Report report_;
};

Engine* engine = nullptr;

ThreadId Engine::thread(const char* name, std::function<void()> body, Mortality mortality) {
    EXO_CHECK(thread_count_ < kMaxThreads, "model: too many threads");
    auto& slot = threads_[thread_count_];
    if (!slot) slot = std::make_unique<Thread>();
    slot->body = std::move(body);
    slot->mortality = mortality;
    slot->state = Thread::State::kPending;
    slot->woken = false;
    slot->read = 0;
    slot->in_round = false;
    slot->fiber.restart(&Engine::run_fiber, this);
    trace_.name_thread(name);
    return static_cast<ThreadId>(thread_count_++);
}

void Engine::run_fiber(void* self) {
    auto* engine_of_fiber = static_cast<Engine*>(self);
    engine_of_fiber->current_->body();
    engine_of_fiber->announce({.kind = Kind::kExit});
}

void Engine::resume(ThreadId id) {
    current_ = threads_[id].get();
    current_->fiber.resume();
    current_ = nullptr;
}

Outcome Engine::announce(const Operation& op) {
    Thread* self = current_;
    self->pending = options_.weaken ? mutant(op, *options_.weaken) : op;
    note_orders(op);
    self->fiber.suspend();
    return self->outcome;
}

// Which parts the orders of `op` have, once for each place in the source.
void Engine::note_orders(const Operation& op) {
    const SourcePoint point{op.where.file_name(), op.where.line(), op.where.column()};
    if (op.where.line() == 0 || !orders_noted_.insert(point).second) return;
    if (op.kind > Kind::kFence) return;
    for (const auto part : {OrderPart::kAcquire, OrderPart::kRelease, OrderPart::kFailureAcquire,
                            OrderPart::kSeqCst}) {
        const Operation weaker = weakened(op, part);
        if (weaker.order != op.order || weaker.failure_order != op.failure_order)
            report_.orders.insert({file_name(op.where), op.where.line(), op.where.column(), part});
    }
}

Operation Engine::mutant(const Operation& op, const OrderSite& site) {
    if (op.where.line() != site.line || op.where.column() != site.column ||
        file_name(op.where) != site.file)
        return op;
    return weakened(op, site.part);
}

Outcome Engine::perform(const Operation& op, void* address, std::size_t size,
                        std::uint64_t initial) {
    const auto location = memory_.locate(address, size, initial);
    if (!location) fail("more locations than the checker can hold", op.where);
    Operation announced = op;
    announced.location = location.value_or(0);
    announced.size = static_cast<std::uint8_t>(size);
    return announce(announced);
}

void Engine::begin_round() {
    current_->read = 0;
    current_->in_round = true;
}

void Engine::yield(std::source_location where) {
    // Else what an earlier, successful round read would pass for news, and hide a deadlock.
    if (options_.spin == Spin::kFirstTry && !current_->in_round)
        fail("Spin::kFirstTry needs begin_round()", where);
    announce({.kind = Kind::kYield, .awaited = current_->read, .where = where});
}

void Engine::plain(const void* address, std::size_t size, PlainAccess how,
                   std::source_location where) {
    ThreadId id = 0;
    while (threads_[id].get() != current_) ++id;
    const auto race = races_.access(memory_, id, address, size, how, where);
    if (!race) return;
    const auto verb = [](PlainAccess access) {
        return access == PlainAccess::kRead ? " reads at " : " writes at ";
    };
    record_failure(std::string("data race: ") + trace_.thread_name(id) + verb(how) + place(where) +
                       ", unordered with " + trace_.thread_name(race->other) + ", which" +
                       verb(race->other_access) + place(race->other_where),
                   where);
    abandon();
}

void Engine::record_failure(const std::string& message, std::source_location where) {
    if (!report_.failure.empty()) return;
    report_.failure = message;
    if (where.line() != 0) report_.failure += " [" + place(where) + "]";
}

// In a model thread, leaves it for good: whatever is on its stack is not destroyed.
void Engine::abandon() {
    if (current_ == nullptr) return;
    current_->state = Thread::State::kDead;
    current_->fiber.suspend();
}

bool Engine::enabled(ThreadId id) const {
    const Thread& thread = *threads_[id];
    if (thread.state != Thread::State::kPending) return false;
    switch (thread.pending.kind) {
        case Kind::kYield:
            return options_.spin == Spin::kRetry && has_news(id);
        case Kind::kWoken:
            return thread.woken;
        case Kind::kJoin:
            return threads_[thread.pending.thread]->state != Thread::State::kPending;
        default:
            return true;
    }
}

// Whether a round of the loop that the thread has just yielded from could go another way now: the
// oldest value it read of some location is out of date.
bool Engine::has_news(ThreadId id) const {
    const Thread& thread = *threads_[id];
    for (unsigned i = 0; i < memory_.location_count(); ++i)
        if ((thread.read >> i & 1) != 0 &&
            memory_.has_news(id, static_cast<LocationId>(i), thread.first_read[i]))
            return true;
    return false;
}

unsigned Engine::running() const {
    unsigned count = 0;
    for (unsigned i = 0; i < thread_count_; ++i)
        if (threads_[i]->state == Thread::State::kPending) ++count;
    return count;
}

// Reads and writes of a location, with every result the memory model allows.
void Engine::access(ThreadId id, Event& event) {
    Operation op = event.op;
    if (op.weak && spurious_left_ > 0 && search_.choose(2) == 1) {
        --spurious_left_;
        event.fate = Event::Fate::kSpuriousFailure;
        op.kind = Kind::kLoad;
        op.order = op.failure_order;
    }
    const auto& candidates = memory_.candidates(id, op);
    const auto count = static_cast<unsigned>(candidates.size());
    const StoreId choice = candidates[count > 1 ? search_.choose(count) : 0];
    event.effect = memory_.apply(id, op, choice);
    if (event.fate == Event::Fate::kSpuriousFailure) event.effect.success = false;
    Thread& thread = *threads_[id];
    const LocationSet here = LocationSet{1} << op.location;
    if (op.kind != Kind::kStore && (thread.read & here) == 0) {
        thread.read |= here;
        thread.first_read[op.location] = event.effect.store;
    }
    thread.outcome = {event.effect.read, event.effect.success};
}

void Engine::wake(const Operation& op, Event& event) {
    std::vector<Thread*> sleepers;
    for (unsigned i = 0; i < thread_count_; ++i) {
        Thread& thread = *threads_[i];
        if (thread.state == Thread::State::kPending && thread.pending.kind == Kind::kWoken &&
            !thread.woken && thread.pending.location == op.location)
            sleepers.push_back(&thread);
    }
    for (std::uint64_t n = 0; n < op.operand && !sleepers.empty(); ++n) {
        const auto count = static_cast<unsigned>(sleepers.size());
        // Which ones matters only if some are left asleep.
        const unsigned which = count > op.operand - n ? search_.choose(count) : 0;
        sleepers[which]->woken = true;
        sleepers.erase(sleepers.begin() + which);
        ++event.effect.read;
    }
}

void Engine::execute(ThreadId id, Event& event) {
    Thread& thread = *threads_[id];
    const Operation& op = event.op;
    thread.outcome = {};
    switch (op.kind) {
        case Kind::kFence:
            memory_.apply(id, op, 0);
            break;
        case Kind::kYield:
            memory_.catch_up(id, op.awaited);
            thread.read = 0;
            thread.in_round = false;
            break;
        case Kind::kWait:
            event.effect.read = memory_.read_newest(id, op.location);
            if (event.effect.read == op.expected) {
                event.fate = Event::Fate::kSlept;
                thread.woken = false;
                thread.pending.kind = Kind::kWoken;
            } else {
                thread.outcome.success = false;
            }
            break;
        case Kind::kWake:
            wake(op, event);
            break;
        case Kind::kJoin:
            memory_.synchronise(op.thread, id);
            thread.outcome.success = threads_[op.thread]->state == Thread::State::kDead;
            break;
        case Kind::kExit:
            thread.state = Thread::State::kFinished;
            break;
        case Kind::kWoken:
            break;
        default:
            access(id, event);
    }
}

void Engine::step(ThreadId id) {
    Thread& thread = *threads_[id];
    Event event{.thread = id, .op = thread.pending, .effect = {}};
    ++report_.steps;
    if (thread.mortality == Mortality::kMayDie && deaths_left_ > 0 &&
        thread.pending.kind != Kind::kExit && search_.choose(2) == 1) {
        --deaths_left_;
        thread.state = Thread::State::kDead;
        event.fate = Event::Fate::kDied;
        trace_.add(event);
        return;
    }
    execute(id, event);
    trace_.add(event);
    if (thread.state == Thread::State::kPending && event.fate != Event::Fate::kSlept) resume(id);
}

void Engine::run_threads() {
    for (unsigned i = 0; i < thread_count_ && report_.failure.empty(); ++i)
        resume(static_cast<ThreadId>(i));
    while (report_.failure.empty() && running() > 0) {
        ThreadSet able = 0;
        Search::Pending pending{};
        for (unsigned i = 0; i < thread_count_; ++i) {
            if (threads_[i]->state == Thread::State::kPending)
                pending[i] = footprint_of(threads_[i]->pending);
            if (enabled(static_cast<ThreadId>(i))) able |= ThreadSet{1} << i;
        }
        if (able == 0) return classify_end();
        const auto next = search_.pick(able, pending);
        if (next) step(*next);
        if (search_.diverged()) return fail("the program is not deterministic", {});
        if (!next) {
            end_ = End::kRedundant;
            return;
        }
        if (trace_.size() > options_.max_steps) return fail("no end in sight: livelock?", {});
    }
}

// Nobody can go on. Under Spin::kFirstTry that is a deadlock only if no one has anything new to
// look at.
void Engine::classify_end() {
    for (unsigned i = 0; i < thread_count_; ++i) {
        const Thread& thread = *threads_[i];
        if (thread.state == Thread::State::kPending && thread.pending.kind == Kind::kYield &&
            has_news(static_cast<ThreadId>(i))) {
            end_ = End::kBlocked;
            return;
        }
    }
    record_failure(deadlock(), {});
}

std::string Engine::deadlock() const {
    std::string text = "deadlock:";
    for (unsigned i = 0; i < thread_count_; ++i) {
        const Thread& thread = *threads_[i];
        if (thread.state != Thread::State::kPending) continue;
        const char* how = thread.pending.kind == Kind::kYield   ? " spins at "
                          : thread.pending.kind == Kind::kWoken ? " sleeps at "
                                                                : " joins at ";
        text += std::string(" ") + trace_.thread_name(static_cast<ThreadId>(i)) + how +
                place(thread.pending.where);
    }
    return text;
}

void Engine::run_once(const std::function<void(Program&)>& set_up) {
    search_.rewind();
    memory_.reset();
    races_.reset();
    trace_.reset();
    thread_count_ = 0;
    at_end_ = nullptr;
    end_ = End::kRegular;
    deaths_left_ = options_.deaths;
    spurious_left_ = options_.spurious_failures;
    set_up(*this);
    if (report_.failure.empty()) run_threads();
    if (report_.failure.empty() && end_ == End::kRegular && at_end_) at_end_();
    if (end_ == End::kRegular) ++report_.executions;
    if (end_ == End::kRedundant) ++report_.redundant;
    if (end_ == End::kBlocked) ++report_.blocked;
    if (!report_.failure.empty() || replaying_) {
        report_.trace = trace_.text(memory_);
        report_.decisions = search_.decisions();
    }
    destroy_objects();
}

Report Engine::explore(const std::function<void(Program&)>& set_up) {
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t runs = 0;; ++runs) {
        run_once(set_up);
        if (!report_.failure.empty()) break;
        if (!search_.advance()) {
            report_.complete = true;
            break;
        }
        if (runs >= options_.max_runs) break;
        constexpr std::uint64_t kRunsPerClock = 256;
        if (runs % kRunsPerClock == 0 &&
            std::chrono::steady_clock::now() - start > options_.time_limit)
            break;
    }
    return report_;
}

}  // namespace

Report check(const Options& options, const std::function<void(Program&)>& set_up) {
    EXO_CHECK(engine == nullptr, "model: a check within a check");
    Engine checker(options);
    engine = &checker;
    Report report = checker.explore(set_up);
    engine = nullptr;
    return report;
}

std::string Report::text() const {
    std::string text = std::to_string(executions) + " executions, " + std::to_string(redundant) +
                       " redundant, " + std::to_string(blocked) + " blocked, " +
                       std::to_string(steps) + " steps";
    if (failure.empty()) {
        text += complete ? "" : ", NOT COMPLETE: out of time";
    } else {
        text += "\nFAILED: " + failure;
    }
    if (!trace.empty()) text += "\n" + trace + "EXO_MODEL_REPLAY=" + decisions + "\n";
    return text;
}

unsigned bound(unsigned usual) {
    const char* more = std::getenv("EXO_MODEL_BOUND");
    return more == nullptr ? usual : usual + static_cast<unsigned>(std::strtoul(more, nullptr, 10));
}

bool in_thread() {
    return engine != nullptr && engine->in_thread();
}

Outcome perform(const Operation& op, void* address, std::size_t size, std::uint64_t initial) {
    return engine->perform(op, address, size, initial);
}

void fence(std::memory_order order, std::source_location where) {
    if (in_thread()) engine->announce({.kind = Kind::kFence, .order = order, .where = where});
}

void yield(std::source_location where) {
    if (in_thread()) engine->yield(where);
}

void begin_round() {
    if (in_thread()) engine->begin_round();
}

void plain_read(const void* address, std::size_t size, std::source_location where) {
    if (in_thread()) engine->plain(address, size, PlainAccess::kRead, where);
}

void plain_write(const void* address, std::size_t size, std::source_location where) {
    if (in_thread()) engine->plain(address, size, PlainAccess::kWrite, where);
}

void constructed(const void* address) {
    if (engine != nullptr) engine->constructed(address);
}

void fail(const char* message, std::source_location where) {
    EXO_CHECK(engine != nullptr, "model: a failure outside a check");
    engine->fail(message, where);
}

bool join(ThreadId thread, std::source_location where) {
    return engine->announce({.kind = Kind::kJoin, .thread = thread, .where = where}).success;
}

bool wait(Atomic<std::uint32_t>& word, std::uint32_t expected, std::source_location where) {
    return word.run({.kind = Kind::kWait, .expected = expected, .where = where}).success;
}

void wake(Atomic<std::uint32_t>& word, std::uint32_t count, std::source_location where) {
    word.run({.kind = Kind::kWake, .operand = count, .where = where});
}

}  // namespace exo::model

namespace exo {

// In a model check, what panics is a failure with an interleaving.
void panic(const char* message) {
    if (model::engine != nullptr) model::engine->fail(message, {});
    std::fprintf(stderr, "exo: %s\n", message);
    std::abort();
}

}  // namespace exo
