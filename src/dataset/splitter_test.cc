#include "dataset/splitter.h"

#include "dataset/csv_splitter.h"

namespace weir::dataset {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// "text", or "!why" for what is wrong; fed in blocks of each size, which must make no difference.
std::vector<std::string> Split(const SplitOptions& options, std::string_view bytes) {
  std::vector<std::string> first;
  for (std::size_t block = bytes.size() + 1; block > 0; block = block > 64 ? 64 : block - 1) {
    const auto splitter = MakeSplitter(options);
    std::vector<Item> items;
    Status status;
    for (std::size_t at = 0; at < bytes.size() && status; at += block) {
      status = splitter->Feed(bytes.substr(at, block), items);
    }
    if (status) status = splitter->End(items);
    std::vector<std::string> shown;
    for (const Item& item : items) shown.push_back(item.error ? "!" + item.error->message : item.text);
    if (!status) shown.push_back("!!" + status.error().message);
    if (block > bytes.size()) first = shown;
    EXPECT_EQ(shown, first) << "in blocks of " << block;
  }
  return first;
}

TEST(Lines, AreTextsWithoutTheirEnds) {
  EXPECT_THAT(Split({}, "one\ntwo\r\n three \n"), ElementsAre("one", "two", " three "));
  EXPECT_THAT(Split({}, "one\n\nlast"), ElementsAre("one", "", "last"));
  EXPECT_THAT(Split({}, ""), ElementsAre());
  EXPECT_THAT(Split({}, "\n"), ElementsAre(""));
}

TEST(Lines, SkipAByteOrderMarkAtTheBeginningOnly) {
  EXPECT_THAT(Split({}, "\xEF\xBB\xBFone\n\xEF\xBB\xBFtwo"), ElementsAre("one", "\xEF\xBB\xBFtwo"));
}

TEST(Lines, ThatAreTooLongFailAlone) {
  EXPECT_THAT(
      Split({.longest = 5}, "12345\n123456\n12345678901234567890\n1\n"),
      ElementsAre("12345", "!the line has 6 bytes, the limit is 5", "!the line has 20 bytes, the limit is 5", "1"));
  EXPECT_THAT(Split({.longest = 5}, "1234567"), ElementsAre("!the line has 7 bytes, the limit is 5"));
}

TEST(Jsonl, TakesTheFieldOfAnObjectOrAString) {
  const SplitOptions options{.format = InputFormat::kJsonl, .field = "body"};
  EXPECT_THAT(Split(options, "{\"id\": 1, \"body\": \"a\\nb\"}\n\"c\"\r\n{\"body\":\"\xC3\xA9\"}"),
              ElementsAre("a\nb", "c", "\xC3\xA9"));
}

TEST(Jsonl, SaysWhatIsWrongWithALine) {
  const std::vector<std::string> found =
      Split({.format = InputFormat::kJsonl},
            "{\"text\": 1}\n{\"txt\": \"a\"}\n{\"text\": \"a\n\n7\n[]\n\"\\ud800\"\n\"ok\"\n");
  EXPECT_THAT(found,
              ElementsAre(HasSubstr("'text'"), HasSubstr("'text'"), StartsWith("!the line is not valid JSON at byte"),
                          StartsWith("!the line is empty"), HasSubstr("not a number"), HasSubstr("not an array"),
                          StartsWith("!the line is not valid JSON"), "ok"));
}

constexpr SplitOptions Csv() { return {.format = InputFormat::kCsv}; }

TEST(Csv, TakesTheColumnThatTheHeaderNames) {
  EXPECT_THAT(Split(Csv(), "id,text,x\n1,one,a\n2, two ,b\r\n"), ElementsAre("one", " two "));
  EXPECT_THAT(Split(Csv(), "\xEF\xBB\xBFtext\none\n"), ElementsAre("one"));
  EXPECT_THAT(Split(Csv(), "\"text\"\none"), ElementsAre("one"));
}

TEST(Csv, ReadsQuotesAsTheStandardSays) {
  EXPECT_THAT(Split(Csv(), "id,text\n1,\"a, b\"\n2,\"say \"\"hi\"\"\"\n3,\"two\r\nlines\"\n4,\"\"\n5,\n"),
              ElementsAre("a, b", "say \"hi\"", "two\r\nlines", "", ""));
}

TEST(Csv, WithoutAHeaderTakesAColumnByNumber) {
  SplitOptions options = Csv();
  options.header = false;
  options.column = "2";
  EXPECT_THAT(Split(options, "1,one\n2,two\n"), ElementsAre("one", "two"));
  options.column = "text";
  EXPECT_THAT(Split(options, "1,one\n"), ElementsAre(HasSubstr("by its number")));
  options.column = "0";
  EXPECT_THAT(Split(options, "1,one\n"), ElementsAre(HasSubstr("by its number")));
}

TEST(Csv, ReadsTabs) {
  SplitOptions options = Csv();
  options.delimiter = '\t';
  EXPECT_THAT(Split(options, "id\ttext\n1\ta,b\n"), ElementsAre("a,b"));
}

TEST(Csv, ARowThatIsTooShortFailsAlone) {
  EXPECT_THAT(Split(Csv(), "id,text\n1\n2,two\n"),
              ElementsAre("!the row has 1 columns, the text is in column 2", "two"));
}

TEST(Csv, AMissingColumnEndsTheRunWithTheNearestName) {
  EXPECT_THAT(Split(Csv(), "id,texts\n1,a\n"),
              ElementsAre("!!there is no column 'text' (did you mean 'texts'?); there are: id, texts"));
}

TEST(Csv, AQuoteThatIsNeverClosedIsTold) {
  EXPECT_THAT(Split(Csv(), "text\na\n\"b\nc\n"), ElementsAre("a", "!the quote that opens in row 3 is never closed"));
}

TEST(Csv, AFieldThatGrowsForEverEndsTheRun) {
  SplitOptions options = Csv();
  options.longest = 10;
  const auto splitter = MakeSplitter(options);
  std::vector<Item> items;
  ASSERT_TRUE(splitter->Feed("text\n\"a", items));
  Status status;
  std::size_t fed = 0;
  for (; status && fed < 100; ++fed) status = splitter->Feed(std::string(100, 'x'), items);
  ASSERT_FALSE(status);
  EXPECT_THAT(status.error().message, HasSubstr("row 2"));
  EXPECT_LT(fed, 20U);
}

TEST(Csv, QuotedFieldsReadBack) {
  const std::string text = "a \"b\", c\r\nd";
  EXPECT_THAT(Split(Csv(), "text\n" + CsvQuoted(text) + "\n"), ElementsAre(text));
}

}  // namespace
}  // namespace weir::dataset
