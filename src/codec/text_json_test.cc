#include "codec/text_json.h"

#include "codec/error.h"
#include "codec/json_reader.h"
#include "codec/json_writer.h"

namespace weir::codec {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Optional;

Error Refusal(std::string_view body) {
  const auto parsed = ParseEmbeddings(body);
  EXPECT_FALSE(parsed) << body;
  return parsed ? Error{} : parsed.error();
}

TEST(ParseEmbeddings, TakesOneTextOrSeveral) {
  EXPECT_THAT(ParseEmbeddings(R"({"model":"m","input":"a"})")->request.texts, ElementsAre("a"));
  const auto body =
      ParseEmbeddings(R"({"input":["a","b\u00e9"],"encoding_format":"base64","dimensions":3,"user":"u"})");
  ASSERT_TRUE(body);
  EXPECT_THAT(body->request.texts, ElementsAre("a", "b\u00e9"));
  EXPECT_EQ(body->format, VectorFormat::kBase64);
  EXPECT_EQ(body->request.dimensions, 3U);
  EXPECT_FALSE(body->model);
}

TEST(ParseEmbeddings, NamesTheFieldThatIsWrong) {
  EXPECT_EQ(Refusal("{}").message, "'input' is missing");
  EXPECT_EQ(Refusal(R"({"input":5})").message,
            "'input' must be a string or an array of strings or tokens, not a number");
  EXPECT_EQ(Refusal(R"({"input":["a",5]})").field, "input[1]");
  EXPECT_EQ(Refusal(R"({"input":[]})").field, "input");
  EXPECT_EQ(Refusal(R"({"input":"a","model":5})").message, "'model' must be a string, not a number");
  EXPECT_EQ(Refusal(R"({"input":"a","encoding_format":"hex"})").field, "encoding_format");
  EXPECT_EQ(Refusal(R"({"input":"a","dimensions":0})").field, "dimensions");
  EXPECT_EQ(Refusal(R"({"input":"a","truncate":"yes"})").message, "'truncate' must be true or false, not a string");
  EXPECT_EQ(Refusal(R"({"inputs":"a"})").message, "unknown field 'inputs' (did you mean 'input'?)");
  EXPECT_EQ(Refusal("[]").message, "the body must be an object, not an array");
}

TEST(ParseEmbeddings, RefusesTooManyTexts) {
  std::string body = R"({"input":["a")";
  for (std::size_t i = 0; i < kMaxTexts; ++i) body += ",\"a\"";
  EXPECT_EQ(Refusal(body + "]}").code, Code::kTooLarge);
}

TEST(ParseJson, SaysAtWhichByteTheTextBreaks) {
  EXPECT_THAT(Refusal(R"({"input": "a",})").message, HasSubstr("at byte 14"));
  EXPECT_THAT(Refusal("{\"input\": \"\xff\"}").message, HasSubstr("not valid JSON at byte"));
  EXPECT_THAT(Refusal(R"({"input": "\ud800"})").message, HasSubstr("at byte 11: The surrogate pair"));
  EXPECT_THAT(Refusal("\xEF\xBB\xBF{}").message, HasSubstr("byte order mark"));
  EXPECT_THAT(Refusal("").message, HasSubstr("the body is empty"));
  EXPECT_EQ(Refusal(std::string(100'000, '[')).code, Code::kInvalidArgument);
  EXPECT_THAT(Refusal(std::string(2000, '[') + std::string(2000, ']')).message, HasSubstr("too deep"));
}

TEST(ParseJson, NamesTheItemInWhichTheTextBreaks) {
  const Error lone = Refusal(R"({"model": "m", "input": ["a", "b", "c\ud800d"]})");
  EXPECT_EQ(lone.field, "input[2]");
  EXPECT_THAT(lone.message, HasSubstr("(in 'input[2]')"));
  EXPECT_EQ(ParseClassify(R"({"input": [["a", "b"], {"text": "c", "text_pair": "\udc00"}]})").error().field,
            "input[1].text_pair");
  EXPECT_EQ(Refusal("{\"model\": \"\xff\"}").field, "model");
  EXPECT_EQ(Refusal(R"({"input": "a")").field, "");
}

TEST(ParseClassify, ReadsTopK) {
  EXPECT_EQ(ParseClassify(R"({"input":"a","top_k":1})")->request.top_k, 1U);
  EXPECT_EQ(ParseClassify(R"({"input":"a"})")->request.top_k, 0U);
  EXPECT_EQ(ParseClassify(R"({"input":"a","top_k":-1})").error().field, "top_k");
}

TEST(ParseClassify, TakesPairsInTwoForms) {
  const auto pairs = [](std::string_view body) {
    const auto parsed = ParseClassify(body);
    EXPECT_TRUE(parsed) << body << (parsed ? "" : parsed.error().message);
    return parsed ? parsed->request : TextRequest{};
  };
  TextRequest request = pairs(R"({"input":[["a","b"],"c",{"text":"d","text_pair":"e"},{"text":"f"}]})");
  EXPECT_THAT(request.texts, ElementsAre("a", "c", "d", "f"));
  EXPECT_THAT(request.pairs,
              ElementsAre(Optional(std::string("b")), std::nullopt, Optional(std::string("e")), std::nullopt));
  request = pairs(R"({"input":{"text":"d","text_pair":"e"}})");
  EXPECT_THAT(request.texts, ElementsAre("d"));
  EXPECT_THAT(request.pairs, ElementsAre(Optional(std::string("e"))));
  // Two strings are two texts.
  request = pairs(R"({"input":["a","b"]})");
  EXPECT_THAT(request.texts, ElementsAre("a", "b"));
  EXPECT_TRUE(request.pairs.empty());
}

TEST(ParseClassify, NamesThePairThatIsWrong) {
  const auto refusal = [](std::string_view body) { return ParseClassify(body).error(); };
  EXPECT_EQ(refusal(R"({"input":[["a"]]})").field, "input[0]");
  EXPECT_EQ(refusal(R"({"input":["x",["a",1]]})").message,
            "'input[1]' must be a string or a pair of strings, not an array");
  EXPECT_EQ(refusal(R"({"input":[{"text":"a","pair":"b"}]})").field, "input[0].pair");
  EXPECT_EQ(refusal(R"({"input":[{"text_pair":"b"}]})").field, "input[0].text");
  EXPECT_EQ(Refusal(R"({"input":[["a","b"]]})").message, "'input[0]' has something that is no token id at 0");
}

TEST(ParseEmbeddings, ReadsTheOptionsThatBothDoorsHave) {
  const auto body = ParseEmbeddings(R"({"input":"a","truncate":true,"truncation_side":"left","prompt_name":"query",)"
                                    R"("normalize":false,"on_error":"partial"})");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_TRUE(body->request.truncate);
  EXPECT_EQ(body->request.truncation_side, Side::kLeft);
  EXPECT_EQ(body->request.prompt_name, "query");
  EXPECT_EQ(body->request.normalize, false);
  EXPECT_EQ(body->request.on_error, OnError::kPartial);
  const auto windows =
      ParseClassify(R"({"input":"a","overlap":64,"window_pool":"max","prompt":"p: ","raw_scores":true})");
  ASSERT_TRUE(windows) << windows.error().message;
  EXPECT_EQ(windows->request.overlap, 64U);
  EXPECT_EQ(windows->request.window_pool, WindowPool::kMax);
  EXPECT_EQ(windows->request.prompt, "p: ");
  EXPECT_TRUE(windows->request.raw_scores);
}

TEST(ParseEmbeddings, RefusesOptionsThatWouldHaveNoEffect) {
  EXPECT_EQ(Refusal(R"({"input":"a","window_pool":"max"})").message, "'window_pool' needs 'overlap'");
  EXPECT_EQ(Refusal(R"({"input":"a","truncation_side":"left"})").field, "truncation_side");
  EXPECT_EQ(Refusal(R"({"input":"a","truncate":true,"truncation_side":"top"})").message,
            "'truncation_side' must be \"left\" or \"right\", not \"top\"");
  EXPECT_EQ(Refusal(R"({"input":"a","overlap":-1})").field, "overlap");
  EXPECT_EQ(Refusal(R"({"input":"a","on_error":"ignore"})").field, "on_error");
  EXPECT_EQ(Refusal(R"({"input":"a","raw_scores":true})").field, "raw_scores");
}

TEST(ParseEmbeddings, NotesWhatIsNoTextWhenTheOthersShallBeAnswered) {
  const auto body = ParseEmbeddings(R"({"input":["a",5,"b",null],"on_error":"partial"})");
  ASSERT_TRUE(body) << body.error().message;
  EXPECT_THAT(body->request.texts, ElementsAre("a", "", "b", ""));
  ASSERT_EQ(body->request.unreadable.size(), 2U);
  EXPECT_EQ(body->request.unreadable.at(1).message,
            "'input[1]' must be a string or an array of token ids, not a number");
}

Embeddings TwoVectors() {
  Embeddings embeddings;
  for (const float first : {1.0F, 3.0F}) {
    Tensor vector = Tensor::Uninitialised(DataType::kFp32, {3});
    std::ranges::copy(std::vector<float>{first, 4, 0.5F}, vector.Mutable<float>().begin());
    embeddings.vectors.push_back(vector);
  }
  embeddings.usage.tokens = 9;
  return embeddings;
}

TEST(WriteEmbeddings, HasOpenAisShape) {
  EXPECT_EQ(WriteEmbeddings(TwoVectors(), VectorFormat::kNumbers, "m"),
            R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[1,4,0.5]},)"
            R"({"object":"embedding","index":1,"embedding":[3,4,0.5]}],"model":"m",)"
            R"("usage":{"prompt_tokens":9,"total_tokens":9}})");
}

TEST(WriteEmbeddings, WritesBase64OfTheLittleEndianFloats) {
  // Source of the expectation: Python's base64.b64encode(struct.pack("<3f", 1, 4, 0.5)).
  EXPECT_THAT(WriteEmbeddings(TwoVectors(), VectorFormat::kBase64, "m"),
              HasSubstr(R"("embedding":"AACAPwAAgEAAAAA/")"));
}

TEST(WriteEmbeddings, PutsAnErrorInThePlaceOfItsText) {
  Embeddings answer = TwoVectors();
  answer.errors.emplace(0, Error{Code::kUnprocessable, "too long"});
  EXPECT_THAT(WriteEmbeddings(answer, VectorFormat::kNumbers, "m"),
              HasSubstr(R"("data":[{"object":"error","index":0,"error":{"index":0,"message":"too long",)"
                        R"("code":"unprocessable"}},{"object":"embedding","index":1,)"));
}

TEST(WriteClassifications, PutsTheLabelsInOrder) {
  Classifications answer;
  answer.labels = {{{"good", 0.75F}, {"bad", 0.25F}}};
  EXPECT_EQ(
      WriteClassifications(answer, "m"),
      R"({"model":"m","data":[{"index":0,"labels":[{"label":"good","score":0.75},{"label":"bad","score":0.25}]}],)"
      R"("usage":{"prompt_tokens":0,"total_tokens":0}})");
}

TEST(Errors, EveryCodeHasAStatusAndBothShapes) {
  const std::map<Code, int> expected = {{Code::kInvalidArgument, 400},  {Code::kUnprocessable, 422},
                                        {Code::kNotFound, 404},         {Code::kTooLarge, 413},
                                        {Code::kConflict, 409},         {Code::kResourceExhausted, 429},
                                        {Code::kDeadlineExceeded, 504}, {Code::kCancelled, 499},
                                        {Code::kUnavailable, 503},      {Code::kInternal, 500}};
  for (const auto& [code, status] : expected) EXPECT_EQ(HttpStatus(code), status);
  const Error error{Code::kResourceExhausted, "full", "", std::chrono::milliseconds(1500)};
  EXPECT_EQ(OipError({Code::kNotFound, "gone"}), R"({"error":"gone"})");
  Error refused = error;
  refused.limit = "max_jobs";
  EXPECT_EQ(OipError(refused), R"({"error":"full","limit":"max_jobs","retry_after_ms":1500})");
  EXPECT_EQ(OpenAiError(error), R"({"error":{"message":"full","type":"rate_limit_error","param":null,)"
                                R"("code":"resource_exhausted","retry_after_ms":1500}})");
}

TEST(JsonWriter, EscapesWhatJsonDoesNotAllowInText) {
  JsonWriter json;
  json.String("a\"\\\n\x01é");
  EXPECT_EQ(json.Take(), "\"a\\\"\\\\\\n\\u0001é\"");
}

TEST(JsonWriter, WritesEachTypeOfElements) {
  Tensor flags = Tensor::Uninitialised(DataType::kBool, {2});
  flags.Mutable<bool>()[0] = true;
  flags.Mutable<bool>()[1] = false;
  Tensor big = Tensor::Uninitialised(DataType::kUint64, {1});
  big.Mutable<std::uint64_t>()[0] = UINT64_MAX;
  JsonWriter json;
  json.BeginArray();
  json.Elements(flags);
  json.Elements(big);
  json.EndArray();
  EXPECT_EQ(json.Take(), "[[true,false],[18446744073709551615]]");
}

}  // namespace
}  // namespace weir::codec
