#include "dataset/candle_csv.h"

namespace weir::dataset {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(std::string_view csv) {
  const auto read = ParseCandles(csv);
  return read ? "accepted" : read.error().message;
}

TEST(CandleCsv, ReadsColumnsInAnyOrderAndCase) {
  const auto table = ParseCandles(
      "\xEF\xBB\xBF"
      "Close,note,Timestamps,LOW,high,open,Volume,amount\r\n"
      "1.5,x,2025-01-01T00:00:00,0.5,2,1,10,15\r\n"
      "2.5,\"a, b\",2025-01-01 00:05,1.5,3,2,20,50\r\n");
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_THAT(table->candles,
              ElementsAre(forecast::Candle{1, 2, 0.5, 1.5, 10, 15}, forecast::Candle{2, 3, 1.5, 2.5, 20, 50}));
  EXPECT_EQ(WriteCandles(*table),
            "timestamps,open,high,low,close,volume,amount\n"
            "2025-01-01T00:00:00,1,2,0.5,1.5,10,15\n"
            "2025-01-01T00:05:00,2,3,1.5,2.5,20,50\n");
}

TEST(CandleCsv, FillsVolumeAndAmountAsTheModelsWereTrained) {
  const auto bare = ParseCandles("time,open,high,low,close\n2025-01-01,1,2,0.5,1.5\n");
  ASSERT_TRUE(bare) << bare.error().message;
  EXPECT_EQ(bare->candles[0], (forecast::Candle{1, 2, 0.5, 1.5, 0, 0}));
  const auto volume = ParseCandles("time,open,high,low,close,volume\n2025-01-01,1,3,1,3,10\n");
  ASSERT_TRUE(volume) << volume.error().message;
  EXPECT_EQ(volume->candles[0], (forecast::Candle{1, 3, 1, 3, 10, 20}));
}

TEST(CandleCsv, SaysWhereItIsWrong) {
  EXPECT_EQ(Refusal(""), "there are no candles in it");
  EXPECT_THAT(Refusal("time,open,high,lo,close\n"), HasSubstr("there is no column 'low' (did you mean 'lo'?)"));
  EXPECT_THAT(Refusal("open,high,low,close\n1,1,1,1\n"), HasSubstr("there is no column of times"));
  constexpr char kHeader[] = "time,open,high,low,close\n";
  EXPECT_THAT(Refusal(std::string(kHeader) + "2025-01-01,1,2,x,1\n"),
              HasSubstr("row 2, column 'low': 'x' is not a number"));
  EXPECT_THAT(Refusal(std::string(kHeader) + "2025-01-01,1,nan,1,1\n"), HasSubstr("'nan' is not a number"));
  EXPECT_THAT(Refusal(std::string(kHeader) + "soon,1,2,1,1\n"), HasSubstr("'soon' must be a time"));
  EXPECT_THAT(Refusal(std::string(kHeader) + "2025-01-01,1,2,1\n"), HasSubstr("row 2 has 4 fields, the header 5"));
  EXPECT_THAT(Refusal(std::string(kHeader) + "2025-01-02,1,1,1,1\n2025-01-01,1,1,1,1\n"),
              HasSubstr("row 3, column 'time': '2025-01-01' is not after"));
  EXPECT_THAT(Refusal(std::string(kHeader) + "\"2025-01-01,1,1,1,1\n"), HasSubstr("quote"));
}

}  // namespace
}  // namespace weir::dataset
