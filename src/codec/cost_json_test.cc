#include "codec/cost_json.h"

#include "engine/batch_simulation.h"

namespace weir::codec {
namespace {

TEST(CostJson, WhatIsWrittenIsReadAgain) {
  const CostFile file{.machine = "a \"fast\" one", .model = "m", .table = MiniLmTable()};
  const Result<CostFile> again = ParseCosts(WriteCosts(file));
  ASSERT_TRUE(again);
  EXPECT_EQ(again->machine, file.machine);
  EXPECT_EQ(again->model, file.model);
  for (std::size_t batch = 0; batch < CostGrid::kBatches.size(); ++batch) {
    for (std::size_t length = 0; length < CostGrid::kLengths.size(); ++length) {
      EXPECT_NEAR(again->table.seconds[batch][length], file.table.seconds[batch][length], 1e-6);
    }
  }
}

TEST(CostJson, RefusesWhatIsNoTable) {
  const std::string good = WriteCosts({.machine = "a", .model = "m", .table = MiniLmTable()});
  const auto with = [&](std::string_view from, std::string_view to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    return text;
  };
  ASSERT_TRUE(ParseCosts(good));
  EXPECT_FALSE(ParseCosts(""));
  EXPECT_FALSE(ParseCosts("[]"));
  EXPECT_FALSE(ParseCosts(with("[1,2,4", "[1,3,4")));
  EXPECT_FALSE(ParseCosts(with("\"seconds\":[[", "\"seconds\":[[-1,")));

  EXPECT_FALSE(ParseCosts(with("\"machine\"", "\"engine\"")));
  EXPECT_FALSE(ParseCosts(with("\"seconds\":[[0", "\"seconds\":[[5e-322")));
  EXPECT_FALSE(ParseCosts(with("\"seconds\":[[0", "\"seconds\":[[1e6")));
  EXPECT_FALSE(ParseCosts(WriteCosts({.machine = "a", .model = "m", .table = {}})));
}

}  // namespace
}  // namespace weir::codec
