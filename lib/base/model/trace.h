// Trace: what happened in a run, for a person to read.
#pragma once

#include <string>
#include <vector>

#include "lib/base/model/memory.h"

namespace exo::model {

struct Event {
    ThreadId thread = 0;
    Operation op;
    Memory::Effect effect;
    enum class Fate : std::uint8_t { kDone, kDied, kSlept, kSpuriousFailure } fate = Fate::kDone;
};

class Trace {
  public:
    void reset() {
        events_.clear();
        names_.clear();
        threads_.clear();
    }
    void add(const Event& event) { events_.push_back(event); }
    void name_location(const void* address, const char* name) { names_.push_back({address, name}); }
    void name_thread(const char* name) { threads_.push_back(name); }
    [[nodiscard]] const char* thread_name(ThreadId thread) const { return threads_[thread]; }
    [[nodiscard]] std::size_t size() const { return events_.size(); }

    /// One line an event.
    [[nodiscard]] std::string text(const Memory& memory) const;
    /// "name" or "#number" of a location.
    [[nodiscard]] std::string location_name(const Memory& memory, LocationId location) const;

  private:
    struct Name {
        const void* address;
        const char* text;
    };
    [[nodiscard]] std::string line(const Event& event, const Memory& memory) const;
    [[nodiscard]] std::string location_and_kind(const Event& event, const Memory& memory) const;
    [[nodiscard]] static std::string values(const Event& event);

    std::vector<Event> events_;
    std::vector<Name> names_;
    std::vector<const char*> threads_;
};

/// "file.h", without folders.
[[nodiscard]] std::string file_name(const std::source_location& where);

/// "file.h:12".
[[nodiscard]] std::string place(const std::source_location& where);

}  // namespace exo::model
