#include "http/send_batch.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <functional>
#include <stdexcept>
#include <string>

namespace weir::http {
namespace {

// One end of a pair of sockets that never waits, and the other, which a client has.
class FakeSender final : public Sender {
 public:
  explicit FakeSender(std::string text) : text_(std::move(text)) {
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends_.data());
  }
  ~FakeSender() override {
    ::close(ends_[0]);
    HangUp();
  }
  FakeSender(const FakeSender&) = delete;
  FakeSender& operator=(const FakeSender&) = delete;

  std::string_view Piece() const override { return writes_by_itself ? std::string_view() : text_; }
  int Descriptor() override { return ends_[0]; }
  void Sent(std::size_t bytes) override {
    ++told;
    taken = bytes;
    const std::string_view rest = std::string_view(text_).substr(bytes);
    if (!rest.empty()) wrote = ::send(ends_[0], rest.data(), rest.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (fails) throw std::runtime_error("no more");
  }
  void GoOn() override {
    if (goes_on) goes_on();
  }

  std::string Received() {
    std::string all(1U << 20, '\0');
    const ssize_t got = ::recv(ends_[1], all.data(), all.size(), MSG_DONTWAIT);
    all.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return all;
  }
  void HangUp() {
    if (ends_[1] >= 0) ::close(ends_[1]);
    ends_[1] = -1;
  }

  bool writes_by_itself = false;
  bool fails = false;
  std::function<void()> goes_on;
  int told = 0;
  std::size_t taken = 0;
  ssize_t wrote = 0;

 private:
  const std::string text_;
  std::array<int, 2> ends_ = {};
};

class SendBatchTest : public testing::TestWithParam<bool> {
 protected:
  std::shared_ptr<FakeSender> Add(std::string text) {
    auto sender = std::make_shared<FakeSender>(std::move(text));
    batch.Add(sender);
    return sender;
  }

  boost::asio::io_context context;
  SendBatch batch{context, GetParam()};
};

INSTANTIATE_TEST_SUITE_P(IoUring, SendBatchTest, testing::Bool(),
                         [](const auto& chosen) { return chosen.param ? "On" : "Off"; });

TEST_P(SendBatchTest, WhatIsAddedIsSentWhenTheHandlersHaveRun) {
  const auto first = Add("one");
  const auto second = Add("two");
  EXPECT_EQ(first->Received(), "");
  context.run();
  EXPECT_EQ(first->Received(), "one");
  EXPECT_EQ(second->Received(), "two");
  EXPECT_EQ(first->told + second->told, 2);
}

TEST_P(SendBatchTest, MoreThanFitTogetherAreAllSent) {
  std::vector<std::shared_ptr<FakeSender>> all;
  for (int i = 0; i < 100; ++i) all.push_back(Add(std::to_string(i)));
  context.run();
  for (int i = 0; i < 100; ++i) EXPECT_EQ(all[static_cast<std::size_t>(i)]->Received(), std::to_string(i));
}

TEST_P(SendBatchTest, WhatASocketDoesNotTakeAtOnceIsForItsSenderToWrite) {
  const auto large = Add(std::string(8U << 20, 'x'));
  const auto small = Add("small");
  context.run();
  EXPECT_LT(large->taken, 8U << 20);
  EXPECT_GT(large->taken + static_cast<std::size_t>(std::max<ssize_t>(large->wrote, 0)), 0U);
  EXPECT_EQ(small->Received(), "small");
}

TEST_P(SendBatchTest, AClientThatHasGoneHurtsNoOther) {
  const auto gone = Add("gone");
  const auto there = Add("there");
  gone->HangUp();
  context.run();
  EXPECT_EQ(gone->taken, 0U);
  EXPECT_EQ(gone->wrote, -1);
  EXPECT_EQ(there->Received(), "there");
}

TEST_P(SendBatchTest, ASenderThatFailsHurtsNoOther) {
  const auto bad = Add("bad");
  const auto good = Add("good");
  bad->fails = true;
  context.run();
  EXPECT_EQ(good->Received(), "good");
}

TEST_P(SendBatchTest, NobodyGoesOnBeforeAllHaveBeenSent) {
  const auto first = Add("one");
  const auto second = Add("two");
  second->writes_by_itself = true;
  std::string seen;
  first->goes_on = [&] { seen = second->Received(); };
  context.run();
  EXPECT_EQ(seen, "two");
}

TEST_P(SendBatchTest, SomeWriteByThemselves) {
  const auto own = Add("own");
  const auto other = Add("other");
  own->writes_by_itself = true;
  context.run();
  EXPECT_EQ(own->taken, 0U);
  EXPECT_EQ(own->Received(), "own");
  EXPECT_EQ(other->Received(), "other");
}

// A client that sends much ahead: with an answer sent, the next is there.
class EagerSender final : public Sender, public std::enable_shared_from_this<EagerSender> {
 public:
  explicit EagerSender(SendBatch& batch) : batch_(batch) {}

  std::string_view Piece() const override { return {}; }
  int Descriptor() override { return -1; }
  void Sent(std::size_t) override {}
  void GoOn() override {
    deepest = std::max(deepest, ++depth);
    if (--left > 0) batch_.Add(shared_from_this());
    if (left % 10 == 0) batch_.Flush();
    --depth;
  }

  inline static int depth = 0;
  inline static int deepest = 0;
  int left = 1000;

 private:
  SendBatch& batch_;
};

TEST_P(SendBatchTest, AnswersThatBringTheNextOnesDoNotNest) {
  std::vector<std::shared_ptr<EagerSender>> all;
  for (int i = 0; i < 100; ++i) batch.Add(all.emplace_back(std::make_shared<EagerSender>(batch)));
  context.run();
  for (const auto& sender : all) EXPECT_EQ(sender->left, 0);
  EXPECT_EQ(EagerSender::deepest, 1);
}

TEST_P(SendBatchTest, BeforeLongWorkAllOfThemAreSent) {
  const auto first = Add("one");
  const auto second = Add("two");
  batch.Flush();
  EXPECT_EQ(first->Received() + second->Received(), "onetwo");
  context.run();
  EXPECT_EQ(first->told + second->told, 2);
}

}  // namespace
}  // namespace weir::http
