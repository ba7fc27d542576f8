#include "kernel/ipc/sent_handles.h"

namespace exo {

namespace {
constinit Atomic<std::uint32_t> handles_in_flight{0};
}  // namespace

/// What is to be closed, and whether somebody is at it. Closing what is in a bundle may add others.
struct SentHandles::Doomed {
    struct State {
        List<Bundle, &Bundle::link> bundles;
        bool being_closed = false;
    };
    Locked<State, SpinLock<LockRank::kFileWatches>> state;
};

[[clang::no_destroy]] constinit SentHandles::Doomed SentHandles::doomed;

Result<Ref<SentHandles>> SentHandles::create() {
    return make_ref<SentHandles>(TRY(Box<Bundle>::create()));
}

std::uint32_t SentHandles::in_flight() {
    return handles_in_flight.load(std::memory_order_relaxed);
}

Result<void> SentHandles::add(Handle handle) {
    if (bundle_->handles.size() == kMost) return Errno::INVAL;
    const Ref<Object> object = handle.object;
    TRY(bundle_->handles.push_back(std::move(handle)));
    object->opened();
    // From here on the destructor closes it and counts it off.
    if (handles_in_flight.fetch_add(1, std::memory_order_relaxed) >= kMostInFlight)
        return Errno::TOOMANYREFS;
    return {};
}

SentHandles::~SentHandles() {
    if (bundle_->handles.empty()) return;
    {
        auto state = doomed.state.lock();
        state->bundles.push_back(*bundle_.release());
        if (std::exchange(state->being_closed, true)) return;
    }
    for (;;) {
        Bundle* next;
        {
            auto state = doomed.state.lock();
            next = state->bundles.pop_front();
            if (next == nullptr) state->being_closed = false;
        }
        if (next == nullptr) return;
        const Box<Bundle> bundle(next);
        for (const Handle& each : bundle->handles) each.object->closed();
        handles_in_flight.fetch_sub(static_cast<std::uint32_t>(bundle->handles.size()),
                                    std::memory_order_relaxed);
    }
}

}  // namespace exo
