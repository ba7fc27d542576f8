#include "kernel/ipc/abstract_names.h"

#include "lib/base/tree.h"

namespace exo {

namespace {

struct Entry {
    UnixName name;
    TreeLink link;
    RefPtr<UnixEndpoint> endpoint;
};

using Names = Tree<Entry, &Entry::link, &Entry::name>;
[[clang::no_destroy]] constinit Locked<Names, SpinLock<LockRank::kHandles>> names;

Entry* find(Names& table, const UnixName& name) {
    Entry* found = table.at_or_after(name);
    return found != nullptr && found->name == name ? found : nullptr;
}

}  // namespace

Result<void> add_abstract_name(const UnixName& name, Ref<UnixEndpoint> endpoint) {
    auto entry = TRY(Box<Entry>::create());
    entry->name = name;
    entry->endpoint = std::move(endpoint);
    auto table = names.lock();
    if (find(*table, name) != nullptr) return Errno::ADDRINUSE;
    table->insert(*entry.release());
    return {};
}

void remove_abstract_name(const UnixName& name, const UnixEndpoint& endpoint) {
    Entry* found;
    {
        auto table = names.lock();
        found = find(*table, name);
        if (found == nullptr || found->endpoint.get() != &endpoint) return;
        table->erase(*found);
    }
    delete found;
}

RefPtr<UnixEndpoint> find_abstract_name(const UnixName& name) {
    auto table = names.lock();
    Entry* const found = find(*table, name);
    return found == nullptr ? RefPtr<UnixEndpoint>() : found->endpoint;
}

}  // namespace exo
