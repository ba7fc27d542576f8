// A set of files of which those that are ready are told without looking at the others (epoll(7)).
//
// An item stands in the wait queues that its file named, and is put on the ready list when one is
// woken; wait() then asks the file. A set may be in another set, four deep: a wake-up climbs
// through their queues, whose ranks fall with the level, so that the order of locks holds.
//
// Locks: the set's mutex > a file's watches, queues of files > the ready list > the set's own
// queue.
#pragma once

#include <compare>
#include <span>

#include "kernel/core/mutex.h"
#include "kernel/fs/file.h"
#include "kernel/object/handle_table.h"
#include "lib/base/box.h"
#include "lib/base/tree.h"
#include "lib/base/vector.h"

namespace exo {

/// What is wanted of a file, and what comes with the answer.
struct Interest {
    PollEvents events = PollEvents::kNone;  ///< errors and hang-ups are always told
    bool edge = false;                      ///< only once for each wake-up
    bool once = false;                      ///< only once, until it is changed
    bool exclusive = false;                 ///< of the sets that wait so, one is woken
    std::uint64_t data = 0;
};

struct ReadyFile {
    PollEvents events = PollEvents::kNone;
    std::uint64_t data = 0;
};

/// Takes what is ready, one file at a time.
class ReadySink {
  public:
    /// An error: it was not taken, and no more is to come. May fault.
    virtual Result<void> put(const ReadyFile& ready) = 0;

  protected:
    ~ReadySink() = default;
};

class ReadySet final : public File {
  public:
    static Result<Ref<ReadySet>> create();

    /// A file counts once for each number it is added with. EXIST: it is in it; PERM: it is always
    /// ready, as files on disk are; LOOP: sets too deep, or in a circle; NOMEM; BADF: closed
    /// meanwhile. May sleep.
    Result<void> add(File& file, Fd number, const Interest& interest);
    /// NOENT: it is not in it.
    Result<void> change(File& file, Fd number, const Interest& interest);
    Result<void> remove(File& file, Fd number);

    /// How many files, up to `most`, `to` has taken; 0 at the deadline. RESTARTSYS, and what `to`
    /// says of the first. May sleep.
    Result<std::size_t> wait(std::size_t most, ReadySink& to, Deadline deadline);

    PollEvents poll(PollTable* table) override;

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "[eventpoll]"; }
    struct Key {
        const File* file;
        Fd number;
        auto operator<=>(const Key&) const = default;
    };

    struct Item;
    /// A waiter in one of the queues that an item's file named.
    struct Place : Waiter {
        Place(ReadySet& s, Item& i, WaitQueue& q, RefPtr<RefCounted> k)
            : Waiter(&notify), set(s), item(i), queue(q), keeper(std::move(k)) {}
        static bool notify(Waiter& waiter, WakeHint hint);
        ReadySet& set;
        Item& item;
        WaitQueue& queue;
        const RefPtr<RefCounted> keeper;  // of the queue
    };

    struct Item {
        Item(ReadySet& set, File& f, Fd number, const Interest& i)
            : key{&f, number}, file(f), exclusive(i.exclusive), interest(i), watch(set) {}
        const Key key;
        const Ref<File> file;
        const bool exclusive;
        Interest interest;
        bool told_once = false;   // of interest.once: silent until changed
        std::uint64_t round = 0;  // of the last harvest that met it
        TreeLink link;
        FileWatch watch;
        Vector<Box<Place>> places;
        ListLink ready_link;  // guarded by ready_'s lock
    };
    class PlaceMaker;
    using Items = Tree<Item, &Item::link, &Item::key>;
    using ReadyList = List<Item, &Item::ready_link>;

    template <typename T, typename... Arguments>
    friend Result<Ref<T>> make_ref(Arguments&&... arguments);
    ReadySet();
    ~ReadySet() override;
    void hang_up() override;
    void forget(File& file) override;

    Result<void> insert(File& file, Fd number, const Interest& interest);
    Result<void> raise_level(unsigned level, const File& inner);
    void set_level(unsigned level);

    Item* find(const File& file, Fd number);
    void drop(Item& item);
    [[nodiscard]] PollEvents look(Item& item);
    void make_ready(Item& item);
    Item* take_ready(std::uint64_t round, Item* put_back);
    /// `left`: something may be, for others that wait.
    Result<std::size_t> harvest(std::size_t most, ReadySink& to, bool& left);
    [[nodiscard]] bool any_ready() { return !ready_.lock()->empty(); }

    // The set's mutex, and what it guards.
    BasicMutex mutex_;
    Items items_;
    std::uint64_t round_ = 0;
    bool closed_ = false;

    unsigned level_ = 1;  // guarded by the mutex of nesting
    Locked<ReadyList, NestingIrqSpinLock> ready_;
    WaitQueue readable_;
};

}  // namespace exo
