#include "load/refusal.h"

#include <gtest/gtest.h>

namespace weir::load {
namespace {

TEST(Refusal, ReadsCodeMessageAndWhenToComeBackOfOpenAisShape) {
  const Refusal refusal = ReadRefusal(
      R"({"error":{"message":"a wait of 1.25 s, over 500 ms","code":"resource_exhausted","retry_after_ms":37}})");
  EXPECT_EQ(refusal.reason, "resource_exhausted: a wait of # s, over # ms");
  EXPECT_EQ(refusal.retry_after, std::chrono::milliseconds(37));
}

TEST(Refusal, ReadsWhatStandsBesideTheTextOfAnError) {
  const Refusal refusal = ReadRefusal(R"({"error":"full: 3 jobs","limit":"max_jobs","retry_after_ms":5})");
  EXPECT_EQ(refusal.reason, "max_jobs: full: # jobs");
  EXPECT_EQ(refusal.retry_after, std::chrono::milliseconds(5));
}

TEST(Refusal, PrefersTheBoundThatTheServerNames) {
  EXPECT_EQ(ReadRefusal(R"({"error":{"message":"full","code":"x","limit":"jobs"}})").reason, "jobs: full");
  EXPECT_EQ(ReadRefusal(R"({"error":{"message":"full","code":"x","reason":"jobs"}})").reason, "jobs: full");
}

TEST(Refusal, ReadsTheOpenInferenceProtocolsAndOtherShapes) {
  EXPECT_EQ(ReadRefusal(R"({"error":"the queue is full: 12 of 1,024 jobs"})").reason, "the queue is full: # of # jobs");
  EXPECT_EQ(ReadRefusal(R"({"detail":"Too many"})").reason, "Too many");
  EXPECT_EQ(ReadRefusal("Service\nUnavailable").reason, "Service Unavailable");
  EXPECT_EQ(ReadRefusal("").reason, "");
  EXPECT_EQ(ReadRefusal(R"({"error":7})").reason, "");
  EXPECT_EQ(ReadRefusal("[1]").reason, "[#]");
}

TEST(Refusal, KeepsLongMessagesShortAndWholeInUtf8) {
  std::string message;
  for (int i = 0; i < 100; ++i) message += i == 0 ? "-ä" : "ä";
  const std::string reason = ReadRefusal(message).reason;
  EXPECT_LT(reason.size(), 100);
  EXPECT_EQ(reason.size() % 2, 1) << "half a character at the end";
}

}  // namespace
}  // namespace weir::load
