#include "kernel/ipc/packet_queue.h"

#include <cstring>

#include "kernel/core/ktest.h"
#include "kernel/core/thread.h"
#include "kernel/fs/unnamed_inode.h"
#include "kernel/ipc/pipe.h"
#include "kernel/ipc/unix_socket.h"

namespace exo {

namespace {

using Take = PacketQueue::Take;

Result<void> push_text(PacketQueue& queue, std::string_view text,
                       RefPtr<SentHandles> handles = {}) {
    auto packet = TRY(Box<Packet>::create());
    TRY(packet->data.resize(text.size()));
    if (!text.empty()) std::memcpy(packet->data.data(), text.data(), text.size());
    packet->handles = std::move(handles);
    return queue.push(std::move(packet), FileFlags::kNonBlocking);
}

struct Received {
    Result<std::size_t> size = Errno::AGAIN;
    std::byte bytes[16] = {};
    PacketQueue::About about;
    [[nodiscard]] std::string_view text() const {
        return {reinterpret_cast<const char*>(bytes), size.value_or(0)};
    }
};

void receive(PacketQueue& queue, Received& into, std::size_t room = 16, Take take = Take::kPacket) {
    IoCursor cursor(std::span(into.bytes).first(room));
    into.size = queue.receive(cursor, FileFlags::kNonBlocking, take, into.about);
}

KERNEL_TEST(packet_queue_keeps_packets_whole_and_in_order) {
    auto queue = make_ref<PacketQueue>();
    KTEST_REQUIRE(queue.has_value());
    PacketQueue& q = **queue;
    KTEST_REQUIRE(push_text(q, "first").has_value());
    KTEST_REQUIRE(push_text(q, "").has_value());
    KTEST_REQUIRE(push_text(q, "third").has_value());
    Received got;
    KTEST_EXPECT_EQ(q.first_size(), 5u);
    receive(q, got, 2, Take::kLook);
    KTEST_EXPECT(got.text() == "fi" && got.about.full_size == 5);
    receive(q, got, 3);
    KTEST_EXPECT(got.text() == "fir" && got.about.full_size == 5);
    receive(q, got);
    KTEST_EXPECT(got.size.has_value() && got.text().empty());
    receive(q, got);
    KTEST_EXPECT(got.text() == "third");
    receive(q, got);
    KTEST_EXPECT_EQ(got.size.error(), Errno::AGAIN);
}

KERNEL_TEST(packet_queue_tells_full_ended_and_closed_apart) {
    auto queue = make_ref<PacketQueue>();
    KTEST_REQUIRE(queue.has_value());
    PacketQueue& q = **queue;
    for (std::size_t i = 0; i < PacketQueue::kMostPackets; ++i)
        KTEST_REQUIRE(push_text(q, "x").has_value());
    KTEST_EXPECT(!q.has_room());
    KTEST_EXPECT_EQ(push_text(q, "x").error(), Errno::AGAIN);
    q.end();
    KTEST_EXPECT_EQ(push_text(q, "x").error(), Errno::PIPE);
    Received got;
    for (std::size_t i = 0; i < PacketQueue::kMostPackets; ++i) {
        receive(q, got);
        KTEST_REQUIRE(got.text() == "x");
    }
    receive(q, got);
    KTEST_EXPECT(got.size.has_value() && *got.size == 0);
    q.close();
    KTEST_EXPECT_EQ(push_text(q, "x").error(), Errno::CONNREFUSED);
}

KERNEL_TEST(packet_queue_keeps_handles_open_until_they_are_dropped) {
    auto queue = make_ref<PacketQueue>();
    KTEST_REQUIRE(start_unnamed_inodes().has_value());  // nobody has
    auto ends = create_pipe(FileFlags::kNonBlocking, 0, 0);
    KTEST_REQUIRE(queue.has_value() && ends.has_value());
    const std::uint32_t before = SentHandles::in_flight();
    std::byte byte[1];
    ends->writer->opened();
    {
        auto handles = SentHandles::create();
        KTEST_REQUIRE(handles.has_value());
        KTEST_REQUIRE((*handles)->add({ends->writer, Rights::kAll}).has_value());
        KTEST_REQUIRE(push_text(**queue, "x", *handles).has_value());
    }
    ends->writer->closed();
    KTEST_EXPECT_EQ(SentHandles::in_flight(), before + 1);
    IoCursor still(byte);
    KTEST_EXPECT_EQ(ends->reader->read(still).error(), Errno::AGAIN);
    (*queue)->close();
    KTEST_EXPECT_EQ(SentHandles::in_flight(), before);
    IoCursor gone(byte);
    KTEST_EXPECT_EQ(ends->reader->read(gone).value_or(1), 0u);
}

/// Tells a read who wrote.
struct Note final : PipeAttachment {
    explicit Note(int w) : who(w) {}
    [[nodiscard]] bool continues(const PipeAttachment& before) const override {
        return static_cast<const Note&>(before).who == who;
    }
    const int who;
};

Result<std::size_t> write_noted(Pipe& pipe, std::string_view text, int who) {
    std::byte bytes[16];
    std::memcpy(bytes, text.data(), text.size());
    IoCursor cursor(std::span(bytes).first(text.size()));
    if (who == 0) return pipe.write(cursor, FileFlags::kNonBlocking);
    PipeAttachment* note = TRY(Box<Note>::create(who)).release();
    const Result<std::size_t> done = pipe.write(cursor, FileFlags::kNonBlocking, &note);
    delete note;
    return done;
}

/// Bytes read, and who is said to have written them; 0: nobody.
struct Read {
    std::size_t bytes;
    int who;
    bool within;
};

Read read_noted(Pipe& pipe, std::size_t most) {
    std::byte bytes[16];
    IoCursor cursor(std::span(bytes).first(most));
    AttachedRead attached;
    const std::size_t done = pipe.read(cursor, FileFlags::kNonBlocking, &attached).value_or(0);
    const Box<Note> note(static_cast<Note*>(attached.taken));
    return {done, note.get() == nullptr ? 0 : note->who, attached.within};
}

KERNEL_TEST(pipe_hands_out_attachments_with_their_bytes) {
    auto made = Pipe::create_with_ends();
    KTEST_REQUIRE(made.has_value());
    Pipe& pipe = **made;
    KTEST_REQUIRE(write_noted(pipe, "plain", 0).has_value());
    KTEST_REQUIRE(write_noted(pipe, "first", 1).has_value());
    KTEST_REQUIRE(write_noted(pipe, "second", 2).has_value());
    KTEST_REQUIRE(write_noted(pipe, "after", 0).has_value());
    const auto is = [](const Read& read, std::size_t bytes, int who, bool within) {
        return read.bytes == bytes && read.who == who && read.within == within;
    };
    KTEST_EXPECT(is(read_noted(pipe, 16), 5, 0, false));
    KTEST_EXPECT(is(read_noted(pipe, 2), 2, 1, true));
    KTEST_EXPECT(is(read_noted(pipe, 16), 3, 0, true));
    KTEST_EXPECT(is(read_noted(pipe, 16), 6, 2, true));
    KTEST_EXPECT(is(read_noted(pipe, 16), 5, 0, false));
    KTEST_EXPECT(is(read_noted(pipe, 16), 0, 0, false));
}

KERNEL_TEST(pipe_read_goes_on_only_where_attachments_continue) {
    auto made = Pipe::create_with_ends();
    KTEST_REQUIRE(made.has_value());
    Pipe& pipe = **made;
    for (const int who : {1, 1, 2}) KTEST_REQUIRE(write_noted(pipe, "four", who).has_value());
    const Note before(1);
    std::byte bytes[16];
    AttachedRead attached{.goes_on = true, .after = &before, .taken = nullptr, .within = false};
    for (const std::size_t wanted : {4u, 4u, 0u}) {
        IoCursor cursor(bytes);
        KTEST_EXPECT_EQ(pipe.read(cursor, FileFlags::kNonBlocking, &attached).value_or(9), wanted);
        delete attached.taken;
        attached.taken = nullptr;
    }
    pipe.end();
    IoCursor refused(bytes);
    KTEST_EXPECT_EQ(pipe.write(refused, FileFlags::kNonBlocking).error(), Errno::PIPE);
    KTEST_EXPECT_EQ(pipe.bytes(), 4u);
    pipe.end_and_drop();
    KTEST_EXPECT_EQ(pipe.bytes(), 0u);
}

KERNEL_TEST(sockets_that_are_sent_into_each_other_are_closed_without_recursing) {
    const std::uint32_t before = SentHandles::in_flight();
    KTEST_REQUIRE(start_unnamed_inodes().has_value());
    RefPtr<File> inner;
    constexpr int kDepth = 3000;
    for (int i = 0; i < kDepth; ++i) {
        auto pair = UnixSocket::create_pair(UnixSocket::Kind::kDatagram, FileFlags::kNone, {});
        KTEST_REQUIRE(pair.has_value());
        pair->first->opened();
        pair->second->opened();
        if (inner) {
            auto handles = SentHandles::create();
            KTEST_REQUIRE(handles.has_value());
            KTEST_REQUIRE((*handles)->add({inner.to_ref(), Rights::kAll}).has_value());
            std::byte byte[1] = {};
            IoCursor cursor(byte);
            UnixSocket::Outgoing message;
            message.handles = *handles;
            KTEST_REQUIRE(pair->first->send(cursor, message).has_value());
            inner->closed();
        }
        pair->first->closed();
        inner = pair->second;
    }
    KTEST_EXPECT_EQ(SentHandles::in_flight(), before + kDepth - 1);
    inner->closed();
    inner = {};
    KTEST_EXPECT_EQ(SentHandles::in_flight(), before);
}

}  // namespace

}  // namespace exo
