// Takes frames (wire.h) from a port as they come.
#pragma once

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "image/init/wire.h"

namespace init {

class FrameReader {
  public:
    /// Reads once, and calls `handle(type, payload, size)` for each frame that is complete. False:
    /// the port is gone, or what comes from it is no frame.
    template <typename Handle>
    bool read(int port, Handle handle) {
        const ssize_t got = ::read(port, bytes_ + size_, sizeof bytes_ - size_);
        if (got < 0) return errno == EINTR || errno == EAGAIN;
        if (got == 0) return false;
        size_ += static_cast<size_t>(got);
        size_t at = 0;
        while (size_ - at >= wire::kHeader) {
            const auto* frame = reinterpret_cast<const unsigned char*>(bytes_ + at);
            const size_t size = frame[1] | static_cast<size_t>(frame[2]) << 8;
            if (size > wire::kMaxPayload) return false;
            if (size_ - at < wire::kHeader + size) break;
            handle(static_cast<wire::Type>(frame[0]), bytes_ + at + wire::kHeader, size);
            at += wire::kHeader + size;
        }
        memmove(bytes_, bytes_ + at, size_ - at);
        size_ -= at;
        return true;
    }

  private:
    char bytes_[2 * (wire::kHeader + wire::kMaxPayload)];
    size_t size_ = 0;
};

}  // namespace init
