#include "load/http_driver.h"

#include <fmt/format.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <algorithm>
#include <charconv>
#include <list>
#include <map>
#include <numeric>
#include <optional>
#include <thread>

#include "base/thread_name.h"

namespace weir::load {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

constexpr std::size_t kReadChunk = 32U << 10;
constexpr std::size_t kMostExample = 2048;
// After a failed connection attempt the next one waits, so that a dead server does not make a busy loop.
constexpr Duration kRest = std::chrono::milliseconds(100);
// Between two looks at who has waited or rested long enough.
constexpr Duration kShortestSleep = std::chrono::milliseconds(1);
constexpr Duration kLongestSleep = std::chrono::milliseconds(50);

Result<tcp::resolver::results_type> Resolve(const Endpoint& endpoint, asio::io_context& context) {
  tcp::resolver resolver(context);
  error_code error;
  auto found = resolver.resolve(endpoint.host, std::to_string(endpoint.port), error);
  if (error) return Fail(Code::kUnavailable, fmt::format("cannot find '{}': {}", endpoint.host, error.message()));
  return found;
}

// Reads one answer without keeping it, but for the beginning of the body of a failure.
class AnswerParser final : public bhttp::basic_parser<false> {
 public:
  AnswerParser() {
    eager(true);
    body_limit(boost::none);
  }
  int status() const { return status_; }
  const std::string& example() const { return example_; }
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

 private:
  using View = beast::string_view;
  bool failed() const { return status_ < 200 || status_ > 299; }
  void Keep(View body) {
    if (failed()) example_.append(body.data(), std::min(body.size(), kMostExample - example_.size()));
  }

  void on_request_impl(bhttp::verb, View, View, int, error_code&) override {}
  void on_response_impl(int code, View, int, error_code&) override { status_ = code; }
  void on_field_impl(bhttp::field field, View, View value, error_code&) override {
    if (field != bhttp::field::retry_after) return;
    std::int64_t seconds = 0;
    const auto [end, wrong] = std::from_chars(value.data(), value.data() + value.size(), seconds);
    if (wrong == std::errc() && end == value.data() + value.size()) retry_after_ = std::chrono::seconds(seconds);
  }
  void on_header_impl(error_code&) override {}
  void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
  std::size_t on_body_impl(View body, error_code&) override { return Keep(body), body.size(); }
  void on_chunk_header_impl(std::uint64_t, View, error_code&) override {}
  std::size_t on_chunk_body_impl(std::uint64_t, View body, error_code&) override { return Keep(body), body.size(); }
  void on_finish_impl(error_code&) override {}

  int status_ = 0;
  std::string example_;
  std::optional<std::chrono::seconds> retry_after_;
};

class Caller;

// One thread with its share of the connections. Confined to that thread.
class Loop {
 public:
  Loop(const std::vector<std::string>& wires, const tcp::resolver::results_type& where, Pacer& pacer,
       std::stop_token stop, std::size_t connections);
  ~Loop();

  void Run() {
    Sweep();
    context_.run();
  }
  asio::io_context& context() { return context_; }
  const tcp::resolver::results_type& where() const { return where_; }
  const std::string& WireOf(const Shot& shot) const { return wires_[shot.number % wires_.size()]; }

  // A caller's place in the line of those that wait for answers.
  using Place = std::list<Caller*>::iterator;
  void Waits(Place place, TimePoint give_up) {
    waiting_.splice(waiting_.end(), idle_, place);
    SweepBy(give_up);
  }
  void Ended(Caller& caller, Place place, const Shot& shot, const Outcome& outcome, bool rest);

 private:
  void Pump();
  void WakeAt(TimePoint when);
  void Sweep();
  void SweepBy(TimePoint when);

  const std::vector<std::string>& wires_;
  const tcp::resolver::results_type& where_;
  Pacer& pacer_;
  const std::stop_token stop_;
  asio::io_context context_{1};
  asio::steady_timer due_{context_};
  asio::steady_timer sweep_{context_};
  TimePoint wake_at_ = TimePoint::max();
  TimePoint sweep_at_ = TimePoint::max();
  bool pumping_ = false;
  std::vector<std::unique_ptr<Caller>> callers_;
  std::list<Caller*> idle_;
  std::list<Caller*> waiting_;  // for an answer; in the order in which they give up
  std::vector<Caller*> free_;
  std::multimap<TimePoint, Caller*> resting_;
};

// One connection, kept open from request to request. Confined to its loop's thread.
class Caller {
 public:
  explicit Caller(Loop& loop) : loop_(loop), socket_(loop.context()) {}
  void SetPlace(Loop::Place place) { place_ = place; }
  TimePoint gives_up() const { return shot_.give_up; }

  void Send(const Shot& shot) {
    shot_ = shot;
    loop_.Waits(place_, shot.give_up);
    wire_ = &loop_.WireOf(shot);
    reused_ = socket_.is_open();
    if (!reused_) return Connect();
    Begin();
  }

  void GiveUp() { End({.error = "timeout", .example = "no answer in time", .gave_up = true}, false, false); }

 private:
  void Connect() {
    asio::async_connect(socket_, loop_.where(), [this, epoch = epoch_](error_code error, const tcp::endpoint&) {
      if (epoch != epoch_) return;
      if (error) return End({.error = error.message(), .example = "when connecting"}, false, true);
      error_code ignored;
      socket_.non_blocking(true, ignored);
      socket_.set_option(tcp::no_delay(true), ignored);
      Begin();
    });
  }

  void Begin() {
    written_ = 0;
    buffer_.clear();
    parser_.emplace();
    Write();
  }

  void Write() {
    error_code error;
    while (written_ < wire_->size()) {
      written_ += socket_.write_some(asio::buffer(*wire_) + written_, error);
      if (error == asio::error::would_block) {
        return socket_.async_wait(tcp::socket::wait_write, [this, epoch = epoch_](error_code failed) {
          if (epoch == epoch_ && !failed) Write();
        });
      }
      // An answer may have come before the server closed (a refusal of a large body): read it.
      if (error) break;
    }
    Read();
  }

  void Read() {
    socket_.async_read_some(buffer_.prepare(kReadChunk), [this, epoch = epoch_](error_code error, std::size_t got) {
      if (epoch != epoch_) return;
      if (error) return OnLost(error);
      buffer_.commit(got);
      Parse();
    });
  }

  void Parse() {
    error_code error;
    buffer_.consume(parser_->put(buffer_.data(), error));
    if (error && error != bhttp::error::need_more) {
      return End({.error = "not HTTP", .example = error.message()}, false, true);
    }
    if (parser_->is_done()) return Answered();
    Read();
  }

  void OnLost(const error_code& error) {
    error_code ignored;
    if (error == asio::error::eof && parser_->got_some()) {
      parser_->put_eof(ignored);
      if (parser_->is_done()) return Answered();
    }
    // The server may close a connection that was idle, just when it is used again: that is no failure of the request.
    if (reused_ && !parser_->got_some()) {
      reused_ = false;
      CloseSocket();
      return Connect();
    }
    End({.error = "connection lost", .example = error.message()}, false, true);
  }

  void Answered() {
    const int status = parser_->status();
    if (status >= 200 && status <= 299) return End({.status = status}, parser_->keep_alive(), false);
    End({.error = std::to_string(status),
         .example = parser_->example(),
         .status = status,
         .retry_after = parser_->retry_after()},
        parser_->keep_alive(), false);
  }

  void CloseSocket() {
    ++epoch_;  // what is still under way on it means nothing any more
    error_code ignored;
    socket_.close(ignored);
  }

  void End(const Outcome& outcome, bool keep, bool rest) {
    wire_ = nullptr;
    if (!keep) CloseSocket();
    loop_.Ended(*this, place_, shot_, outcome, rest);
  }

  Loop& loop_;
  tcp::socket socket_;
  beast::flat_buffer buffer_;
  std::optional<AnswerParser> parser_;
  Shot shot_;
  const std::string* wire_ = nullptr;  // null between requests
  std::size_t written_ = 0;
  std::uint64_t epoch_ = 0;
  bool reused_ = false;
  Loop::Place place_;
};

Loop::Loop(const std::vector<std::string>& wires, const tcp::resolver::results_type& where, Pacer& pacer,
           std::stop_token stop, std::size_t connections)
    : wires_(wires), where_(where), pacer_(pacer), stop_(std::move(stop)) {
  for (std::size_t i = 0; i < connections; ++i) {
    callers_.push_back(std::make_unique<Caller>(*this));
    free_.push_back(callers_.back().get());
    callers_.back()->SetPlace(idle_.insert(idle_.end(), callers_.back().get()));
  }
}

Loop::~Loop() = default;

void Loop::Ended(Caller& caller, Place place, const Shot& shot, const Outcome& outcome, bool rest) {
  idle_.splice(idle_.end(), waiting_, place);
  const TimePoint now = Clock::Steady().Now();
  const TimePoint free_at = std::max(pacer_.Ended(shot, now, outcome), rest ? now + kRest : now);
  if (free_at > now) {
    resting_.emplace(free_at, &caller);
    SweepBy(free_at);
  } else {
    free_.push_back(&caller);
  }
  Pump();
}

void Loop::Pump() {
  if (pumping_) return;  // called by what it calls: the loop below goes on
  pumping_ = true;
  while (!free_.empty()) {
    const Pacer::Turn turn = pacer_.Next(Clock::Steady().Now());
    if (!turn.shot) {
      WakeAt(turn.ask_again);
      break;
    }
    Caller& caller = *free_.back();
    free_.pop_back();
    caller.Send(*turn.shot);
  }
  pumping_ = false;
  if (pacer_.finished()) context_.stop();
}

void Loop::WakeAt(TimePoint when) {
  if (when == wake_at_) return;
  wake_at_ = when;
  if (when == TimePoint::max()) return;
  due_.expires_at(when);
  due_.async_wait([this](error_code error) {
    if (error) return;
    wake_at_ = TimePoint::max();
    Pump();
  });
}

void Loop::Sweep() {
  const TimePoint now = Clock::Steady().Now();
  if (stop_.stop_requested()) pacer_.Stop(now);
  while (!waiting_.empty() && waiting_.front()->gives_up() <= now) waiting_.front()->GiveUp();
  while (!resting_.empty() && resting_.begin()->first <= now) {
    free_.push_back(resting_.begin()->second);
    resting_.erase(resting_.begin());
  }
  pacer_.NoteEnd(now);
  Pump();
  TimePoint next = now + kLongestSleep;
  if (!waiting_.empty()) next = std::min(next, waiting_.front()->gives_up());
  if (!resting_.empty()) next = std::min(next, resting_.begin()->first);
  sweep_at_ = TimePoint::max();
  SweepBy(std::max(next, now + kShortestSleep));
}

// Looks then, if not earlier.
void Loop::SweepBy(TimePoint when) {
  if (when >= sweep_at_) return;
  sweep_at_ = when;
  sweep_.expires_at(when);
  sweep_.async_wait([this](error_code error) {
    if (!error) Sweep();
  });
}

}  // namespace

Result<Duration> DriveHttp(const HttpLoad& load, Pacer& pacer, std::stop_token stop) {
  asio::io_context resolving;
  const auto where = Resolve(load.endpoint, resolving);
  if (!where) return std::unexpected(where.error());
  std::vector<std::string> wires;
  for (const HttpRequest& request : load.requests) wires.push_back(WireBytes(request, load.endpoint));
  const std::size_t connections = pacer.options().in_flight;
  const std::size_t count = std::clamp<std::size_t>(load.threads, 1, connections);
  std::vector<std::unique_ptr<Loop>> loops;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t share = connections / count + (i < connections % count ? 1 : 0);
    loops.push_back(std::make_unique<Loop>(wires, *where, pacer, stop, share));
  }
  std::vector<Duration> took(count);
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < count; ++i) {
      threads.emplace_back([&loop = *loops[i], &time = took[i]] {
        SetThreadName("load");
        loop.Run();
        time = ThreadTime();
      });
    }
  }
  return std::accumulate(took.begin(), took.end(), Duration::zero());
}

}  // namespace weir::load
