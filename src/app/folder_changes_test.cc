#include "app/folder_changes.h"

#include <fstream>

#include "base/test_folder.h"

namespace weir::app {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

class FolderWatchlistTest : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& file, const std::string& content) {
    fs::create_directories(root_.path() / name);
    std::ofstream(root_.path() / name / file) << content;
  }
  FolderChanges Look() {
    std::map<std::string, fs::path> present;
    for (const auto& entry : fs::directory_iterator(root_.path())) {
      present[entry.path().filename().string()] = entry.path();
    }
    return watchlist_.Look(present, pending_);
  }

  TestFolder root_;
  FolderWatchlist watchlist_;
  bool pending_ = false;
};

TEST_F(FolderWatchlistTest, ANewFolderIsToldOnceItHasComeToRest) {
  Write("m", "model.onnx", "half");
  EXPECT_TRUE(Look().empty());
  EXPECT_TRUE(pending_);
  Write("m", "model.onnx", "half and half");  // it is still being copied
  EXPECT_TRUE(Look().empty());
  EXPECT_TRUE(pending_);
  EXPECT_THAT(Look().added, ElementsAre("m"));
  EXPECT_FALSE(pending_);
  EXPECT_TRUE(Look().empty());
}

TEST_F(FolderWatchlistTest, WhatIsServedIsNotNewAndAChangeOfItIsTold) {
  Write("m", "model.onnx", "one");
  watchlist_.Know("m", root_.path() / "m");
  EXPECT_TRUE(Look().empty());
  EXPECT_FALSE(pending_);
  Write("m", "model.onnx", "another");
  EXPECT_TRUE(Look().empty());
  EXPECT_THAT(Look().changed, ElementsAre("m"));
  Write("m", "config.json", "{}");  // a file that comes too
  Look();
  EXPECT_THAT(Look().changed, ElementsAre("m"));
}

TEST_F(FolderWatchlistTest, AFolderThatIsGoneIsToldAndMayComeBack) {
  Write("m", "model.onnx", "one");
  watchlist_.Know("m", root_.path() / "m");
  fs::remove_all(root_.path() / "m");
  EXPECT_TRUE(Look().empty());
  EXPECT_THAT(Look().removed, ElementsAre("m"));
  EXPECT_TRUE(Look().empty());
  Write("m", "model.onnx", "one");
  Look();
  EXPECT_THAT(Look().added, ElementsAre("m"));
}

}  // namespace
}  // namespace weir::app
