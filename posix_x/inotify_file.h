// An inotify instance (inotify(7)): watches by number, and a queue of events that is read.
//
// Locks: the mutex of who changes watches > an inode's watches > watches and queue. A watch is in
// the instance from before it is started until it has ended, and its inode's list keeps it.
#pragma once

#include "kernel/core/mutex.h"
#include "kernel/fs/file.h"
#include "kernel/fs/inode_watches.h"
#include "lib/base/tree.h"
#include "posix_x/inotify_queue.h"
#include "posix_x/inotify_users.h"

namespace exo::posix {

class InotifyFile final : public File {
  public:
    /// MFILE: `uid` has as many as it may; NOMEM.
    static Result<Ref<InotifyFile>> create(Uid uid, FileFlags flags);

    /// Watches `inode` as `mask` of inotify_add_watch(2) says; the watch's number. EXIST: there is
    /// one, and IN_MASK_CREATE; NOSPC: the user has too many; NOMEM; BADF: closed meanwhile. May
    /// sleep.
    Result<std::int32_t> add(Inode& inode, std::uint32_t mask);
    /// INVAL: no such watch. May sleep.
    Result<void> remove(std::int32_t number);

    /// Whole events. INVAL: no room for the first.
    Result<std::size_t> read(IoCursor& to) override;
    PollEvents poll(PollTable* table) override;
    Result<std::size_t> readable_bytes() override { return state_.lock()->queue.bytes(); }

    /// The watch with the lowest number from `least` on; number 0: none. For /proc/PID/fdinfo.
    struct WatchInfo {
        std::int32_t number = 0;
        std::uint32_t mask = 0;
        RefPtr<Inode> inode;
    };
    [[nodiscard]] WatchInfo next_watch(std::int32_t least);

  private:
    [[nodiscard]] std::string_view kind_name() const override { return "inotify"; }

    class Watch final : public InodeWatch {
      public:
        Watch(InotifyFile& of, Inode& inode, std::uint32_t wanted)
            : InodeWatch(inode), key(&inode), mask(wanted), owner_(of) {}
        std::int32_t number = 0;
        Inode* const key;
        TreeLink number_link, key_link;
        std::uint32_t mask;

      private:
        Next tell(const FileEvent& event) override { return owner_.tell(*this, event); }
        void ended() override { owner_.ended(*this); }
        InotifyFile& owner_;  // stops its watches before it goes
    };

    struct State {
        Tree<Watch, &Watch::number_link, &Watch::number> by_number;
        Tree<Watch, &Watch::key_link, &Watch::key> by_inode;
        std::int32_t last_number = 0;
        InotifyQueue queue;

        explicit State(std::uint32_t most) : queue(most) {}
        Watch* find(std::int32_t number) const;
        Watch* find(Inode& inode) const;
        void insert(Watch& watch);
        void erase(Watch& watch);
    };

    template <typename T, typename... Arguments>
    friend Result<Ref<T>> exo::make_ref(Arguments&&... arguments);
    InotifyFile(InotifyUser user, FileFlags flags, std::uint32_t most);
    void hang_up() override;

    Result<std::int32_t> change(Inode& inode, std::uint32_t mask);
    InodeWatch::Next tell(const Watch& watch, const FileEvent& event);
    void ended(Watch& watch);

    InotifyUser user_;
    Mutex<LockRank::kFile> changing_;
    bool closed_ = false;  // guarded by changing_
    Locked<State, SpinLock<LockRank::kInotify>> state_;
    WaitQueue readable_;
};

}  // namespace exo::posix
