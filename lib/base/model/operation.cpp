#include "lib/base/model/operation.h"

namespace exo::model {
namespace {

using Order = std::memory_order;

Order without_seq_cst(Kind kind) {
    if (kind == Kind::kLoad) return std::memory_order_acquire;
    return kind == Kind::kStore ? std::memory_order_release : std::memory_order_acq_rel;
}

Order without(Order order, OrderPart part) {
    if (order == std::memory_order_acq_rel)
        return part == OrderPart::kAcquire ? std::memory_order_release : std::memory_order_acquire;
    return std::memory_order_relaxed;
}

}  // namespace

Operation weakened(const Operation& op, OrderPart part) {
    Operation result = op;
    const bool seq_cst = op.order == std::memory_order_seq_cst;
    switch (part) {
        case OrderPart::kAcquire:
            if (is_acquire(op.order) && !seq_cst) result.order = without(op.order, part);
            break;
        case OrderPart::kRelease:
            if (is_release(op.order) && !seq_cst) result.order = without(op.order, part);
            break;
        case OrderPart::kFailureAcquire:
            if (op.kind == Kind::kCompareExchange && is_acquire(op.failure_order))
                result.failure_order = std::memory_order_relaxed;
            break;
        case OrderPart::kSeqCst:
            if (seq_cst) result.order = without_seq_cst(op.kind);
            break;
    }
    return result;
}

Footprint footprint_of(const Operation& op) {
    Footprint footprint;
    const LocationSet here = LocationSet{1} << op.location;
    const bool seq_cst = op.order == std::memory_order_seq_cst;
    switch (op.kind) {
        case Kind::kLoad:
            (seq_cst ? footprint.updates : footprint.loads) = here;
            footprint.sc_access = seq_cst;
            break;
        case Kind::kStore:
            (seq_cst ? footprint.updates : footprint.stores) = here;
            footprint.sc_access = seq_cst;
            break;
        case Kind::kCompareExchange:
            footprint.updates = here;
            footprint.sc_access = seq_cst || op.failure_order == std::memory_order_seq_cst;
            break;
        case Kind::kExchange:
        case Kind::kAdd:
        case Kind::kSub:
        case Kind::kAnd:
        case Kind::kOr:
        case Kind::kXor:
            footprint.updates = here;
            footprint.sc_access = seq_cst;
            break;
        case Kind::kFence:
            footprint.sc_fence = seq_cst;
            break;
        case Kind::kYield:
            footprint.loads = op.awaited;
            break;
        case Kind::kWait:
            footprint.updates = here;
            break;
        case Kind::kWoken:
            footprint.woken_by = here;
            break;
        case Kind::kWake:
            footprint.updates = here;
            footprint.wakes = here;
            break;
        case Kind::kJoin:
            footprint.joins = ThreadSet{1} << op.thread;
            break;
        case Kind::kExit:
            break;
    }
    return footprint;
}

const char* kind_name(Kind kind) {
    switch (kind) {
        case Kind::kLoad:
            return "load";
        case Kind::kStore:
            return "store";
        case Kind::kExchange:
            return "exchange";
        case Kind::kAdd:
            return "fetch_add";
        case Kind::kSub:
            return "fetch_sub";
        case Kind::kAnd:
            return "fetch_and";
        case Kind::kOr:
            return "fetch_or";
        case Kind::kXor:
            return "fetch_xor";
        case Kind::kCompareExchange:
            return "cas";
        case Kind::kFence:
            return "fence";
        case Kind::kYield:
            return "yield";
        case Kind::kWait:
            return "wait";
        case Kind::kWoken:
            return "woken";
        case Kind::kWake:
            return "wake";
        case Kind::kJoin:
            return "join";
        case Kind::kExit:
            return "exit";
    }
    return "?";
}

const char* order_name(std::memory_order order) {
    switch (order) {
        case std::memory_order_relaxed:
            return "relaxed";
        case std::memory_order_consume:
            return "consume";
        case std::memory_order_acquire:
            return "acquire";
        case std::memory_order_release:
            return "release";
        case std::memory_order_acq_rel:
            return "acq_rel";
        case std::memory_order_seq_cst:
            return "seq_cst";
    }
    return "?";
}

}  // namespace exo::model
