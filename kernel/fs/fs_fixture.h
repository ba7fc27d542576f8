// For unit tests of files: a tmpfs of its own, mounted nowhere, and who walks in it.
#pragma once

#include <gtest/gtest.h>

#include "kernel/fs/dentry_cache.h"
#include "kernel/fs/names.h"
#include "kernel/fs/tmpfs.h"
#include "kernel/host/cpu.h"

namespace exo {

inline constexpr Errno kFine{};

/// kFine, or why not.
template <typename T>
Errno error_of(const Result<T>& result) {
    return result ? kFine : result.error();
}

class FsTest : public testing::Test {
  protected:
    void SetUp() override { make_root({}); }
    void TearDown() override {
        root_ = {};
        DentryCache::get().drop_unused(*files_);
        files_ = {};
        EXPECT_EQ(host::frames_in_use(), 0u);
        EXPECT_EQ(DentryCache::get().size(), 0u);
    }

    void make_root(const TmpfsOptions& options) {
        ASSERT_TRUE(DentryCache::start().has_value());
        auto files = create_tmpfs(options);
        ASSERT_TRUE(files.has_value());
        files_ = *files;
        auto inode = (*files)->create_root();
        ASSERT_TRUE(inode.has_value());
        auto made = Dentry::create_root(std::move(*inode));
        ASSERT_TRUE(made.has_value());
        root_ = *made;
    }

    [[nodiscard]] Dentry& root() const { return *root_; }
    [[nodiscard]] WalkStart start() const { return {root_.to_ref(), root_.to_ref()}; }

    Result<Ref<Dentry>> look(std::string_view path, LastLink last = LastLink::kFollow) {
        return walk(start(), path, last, who_);
    }
    Errno find(std::string_view path, LastLink last = LastLink::kFollow) {
        return error_of(look(path, last));
    }
    Result<Ref<File>> open(std::string_view path, bool create = false) {
        OpenRequest request;
        request.access = Rights::kRead | Rights::kWrite;
        request.create = create;
        request.mode = 0644;
        return open_path(start(), path, request, who_);
    }
    Result<void> directory(std::string_view path, Mode mode = 0755) {
        return make_node(start(), path, FileType::kDirectory, mode, {}, who_);
    }
    Errno link_to(std::string_view path, std::string_view target) {
        return error_of(make_symlink(start(), path, target, who_));
    }
    Errno rename(std::string_view from, std::string_view to,
                 RenameMode mode = RenameMode::kReplace) {
        return error_of(rename_path(start(), from, start(), to, mode, who_));
    }
    Errno remove(std::string_view path, Remove what = Remove::kFile) {
        return error_of(remove_path(start(), path, what, who_));
    }

    host::Cpu cpu_;
    Credentials who_;

  private:
    RefPtr<FileSystem> files_;
    RefPtr<Dentry> root_;
};

}  // namespace exo
