// Instantiates the header-only ring for the kernel's flags, so that the freestanding build shows
// that it needs no host. The event count's port stands in for the kernel's wait queue.
#include "lib/ring/blocking.h"
#include "lib/ring/layout.h"
#include "lib/ring/mpmc.h"
#include "lib/ring/mpsc.h"
#include "lib/ring/pool.h"
#include "lib/ring/reap.h"
#include "lib/ring/spsc.h"

namespace exo::ring {

namespace {

struct PollingPort {
    static void wait(Atomic<std::uint32_t>&, std::uint32_t) { cpu_relax(); }
    static void wake_all(Atomic<std::uint32_t>&) {}
};

}  // namespace

template class Reservation<SpscProducer>;
template class Reservation<MpmcProducer>;
template class Acquisition<SpscConsumer>;
template class Acquisition<MpscConsumer>;
template class Acquisition<MpmcConsumer>;
template class EventCount<PollingPort>;
template Result<void> Pool::try_send(SpscProducer&, Buffer&, std::size_t, std::size_t,
                                     std::uint16_t);
template Result<void> Pool::try_send(MpmcProducer&, Buffer&, std::size_t, std::size_t,
                                     std::uint16_t);
template class BlockingSender<SpscProducer, PollingPort>;
template class BlockingSender<MpmcProducer, PollingPort>;
template class BlockingReceiver<SpscConsumer, PollingPort>;
template class BlockingReceiver<MpscConsumer, PollingPort>;
template class BlockingReceiver<MpmcConsumer, PollingPort>;

}  // namespace exo::ring
