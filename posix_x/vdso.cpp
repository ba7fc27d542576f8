#include "posix_x/vdso.h"

#include <cstring>
#include <new>

#include "kernel/core/time.h"
#include "kernel/mm/frames.h"
#include "kernel/mm/memory_object.h"

extern "C" const char vdso_image_start[], vdso_image_end[];  // vdso/image.S

namespace exo::posix {

namespace {

constinit MemoryObject* pages = nullptr;

std::size_t image_bytes() {
    return static_cast<std::size_t>(vdso_image_end - vdso_image_start);
}

std::uint64_t mapped_bytes() {
    return kPageSize + align_up<std::uint64_t>(image_bytes(), kPageSize);
}

}  // namespace

Result<void> start_vdso() {
    Ref<MemoryObject> object = TRY(create_anonymous_object());
    const PhysAddr clock = TRY(object->page(0));  // its reference stays: the kernel writes here
    publish_clock(*new (direct_pointer<void>(clock)) ClockPage{});
    for (std::size_t done = 0; done < image_bytes(); done += kPageSize) {
        const PhysAddr frame = TRY(object->page(1 + done / kPageSize));
        std::memcpy(direct_pointer<void>(frame), vdso_image_start + done,
                    std::min(kPageSize, image_bytes() - done));
        unref_frame(frame);
    }
    pages = &object.release();
    return {};
}

Result<std::uint64_t> map_vdso(AddressSpace& space) {
    MapRequest request;
    request.length = mapped_bytes();
    request.protection = Protection::kRead | Protection::kExecute;
    request.allowed = request.protection;
    request.sharing = Sharing::kShared;
    request.object = RefPtr<MemoryObject>(pages);
    return TRY(space.map(request)) + kPageSize;
}

}  // namespace exo::posix
