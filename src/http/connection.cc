#include "http/connection.h"

#include <poll.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <array>
#include <atomic>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

#include "codec/error.h"
#include "http/answer_text.h"
#include "http/bad_request.h"
#include "http/body_share.h"
#include "http/content_coding.h"
#include "http/header_text.h"
#include "http/outgoing.h"
#include "http/stream.h"

namespace weir::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace bhttp = boost::beast::http;
using boost::system::error_code;

constexpr std::size_t kReadChunk = 64U << 10;
constexpr std::size_t kLongWork = 64U << 10;  // bodies beyond that take a while to read
constexpr std::size_t kFirstRead = 1U << 10;  // of a request; idle connections have that much each
// After so many chunks the other connections of the thread have their turn.
constexpr int kMaxChunks = 16;
// What may come while a request is being answered; the rest stays with the kernel, which holds the client up.
constexpr std::size_t kMostAhead = 64U << 10;
// Between two looks whether a client that has sent that much has gone.
constexpr std::chrono::milliseconds kEndWatch{100};
// A connection that has read more at once gives its memory back before it waits.
constexpr std::size_t kKeptBuffer = 4U << 10;
// How long a client that was refused may go on sending before the connection is cut: closing at once would
// reset it, and the client might lose the answer.
constexpr std::chrono::seconds kLinger{2};

class HttpConnection;

class HttpExchange final : public Exchange {
 public:
  HttpExchange(std::shared_ptr<HttpConnection> connection, bhttp::request<bhttp::string_body> request, const Peer& from)
      : connection_(std::move(connection)), request_(std::move(request)) {
    patience.received = Clock::Steady().Now();
    client = from.number;
    peer = from.address;
  }
  ~HttpExchange() override {
    if (is_open_) Cut();
    if (answered_) return;
    Respond(ErrorResponse({Code::kInternal, "the request was dropped without an answer; this is a defect"},
                          Dialect::kOpenAi));
  }
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  std::string_view method() const override { return request_.method_string(); }
  std::string_view path() const override { return PathOf(request_.target()); }
  std::string_view query() const override {
    const std::string_view target = Target();
    const std::size_t mark = target.find('?');
    return mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  }
  std::string_view Header(std::string_view name) const override { return request_[name]; }
  const std::string& body() const override { return request_.body(); }
  std::stop_token stop() const override { return stop_.get_token(); }
  void Respond(Response response) override;
  void BeginStream(Response head) override;
  void SendPiece(std::string piece) override;
  void EndStream() override;

  void Cancel() { stop_.request_stop(); }
  // How the answer goes over the wire.
  struct Form {
    bool head = false;
    bool keep_alive = false;
    unsigned version = 11;
    Coding coding = Coding::kIdentity;
  };

 private:
  Form FormOf() const {
    return {.head = request_.method() == bhttp::verb::head,
            .keep_alive = request_.keep_alive(),
            .version = request_.version()};
  }
  void Cut();
  std::string_view Target() const { return PathAndQuery(request_.target()); }

  const std::shared_ptr<HttpConnection> connection_;
  bhttp::request<bhttp::string_body> request_;
  std::stop_source stop_;
  std::atomic<bool> answered_ = false;
  std::atomic<bool> is_open_ = false;  // an answer in pieces has begun
};

class HttpConnection final : public Connection, public Sender, public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(asio::ip::tcp::socket socket, TlsSession session, const Context& context)
      : stream_(std::move(socket), std::move(session)), context_(context),
        share_(context.body_bytes, std::max(context.options.max_bodies_bytes, context.options.max_body_bytes)),
        refusals_(context.refusals) {}

  void Start() override {
    error_code ignored;
    stream_.socket().non_blocking(true, ignored);
    stream_.socket().set_option(asio::ip::tcp::no_delay(true), ignored);
    const asio::ip::address address = stream_.socket().remote_endpoint(ignored).address();
    peer_ = {.number = std::hash<asio::ip::address>()(address), .address = address.to_string()};
    NextRequest();
    Enter(State::kIdle, context_.options.first_byte_timeout);
  }

  void CheckTimeouts(TimePoint now) override {
    if (state_ == State::kAnswering || state_ == State::kClosed || now < overdue_) return;
    const WaitMetrics& waits = context_.ended_waits;
    Counter wait = is_new_ ? waits.first_byte : waits.idle;
    if (state_ == State::kReading) wait = parser_->is_header_done() ? waits.body : waits.header;
    if (state_ == State::kWriting) wait = waits.answer;
    if (state_ != State::kLingering && !context_.draining) wait.Add();
    Close();
  }

  void CloseWhenIdle() override {
    if (state_ == State::kIdle) Read();  // a request that is here already is answered
    if (state_ == State::kIdle) Close();
  }

  // For the batch of answers.
  std::string_view Piece() const override {
    return state_ == State::kWriting && !stream_.is_tls() ? unsent_.OnePiece() : std::string_view();
  }
  int Descriptor() override { return stream_.socket().native_handle(); }
  void Sent(std::size_t bytes) override {
    if (state_ != State::kWriting) return;  // closed meanwhile
    unsent_.Advance(bytes);
    is_written_ = WriteRest();
  }
  void GoOn() override {
    if (std::exchange(is_written_, false)) Written();
  }

  // Called by the exchange, on any thread.
  void Send(Response response, HttpExchange::Form form) {
    if (form.coding == Coding::kIdentity) return Post(std::move(response), form);
    context_.packers.Submit([self = shared_from_this(), response = std::move(response), form]() mutable {
      response.headers.emplace_back("Vary", "Accept-Encoding");
      if (auto packed = Pack(form.coding, response.body)) {
        response.body = std::move(*packed);
        response.headers.emplace_back("Content-Encoding", CodingName(form.coding));
      }
      self->Post(std::move(response), form);
    });
  }
  // An answer in pieces. Called by the exchange, on any thread.
  void Begin(Response head, HttpExchange::Form form) {
    OnItsThread([head = std::move(head), form](HttpConnection& self) { self.StartStream(head, form); });
  }
  void Append(std::string piece, bool is_last) {
    OnItsThread([piece = std::move(piece), is_last](HttpConnection& self) { self.Push(piece, is_last); });
  }
  void Cut() { OnItsThread(std::mem_fn(&HttpConnection::Close)); }
  const Router& router() const { return context_.router; }
  const ServerOptions& options() const { return context_.options; }

 private:
  void OnItsThread(auto action) {
    asio::post(stream_.socket().get_executor(),
               [self = shared_from_this(), action = std::move(action)]() mutable { action(*self); });
  }

  void Post(Response response, HttpExchange::Form form) {
    if (routing == this) return Answer(std::move(response), form);
    OnItsThread([response = std::move(response), form](HttpConnection& self) mutable {
      self.Answer(std::move(response), form);
    });
  }

  void Answer(Response response, const HttpExchange::Form& form) {
    const bool refused = response.status == 429;
    const Duration hold = refusals_.Note(refused, refused ? Clock::Steady().Now() : TimePoint());
    if (hold > Duration::zero() && !context_.draining) return WriteLater(hold, std::move(response), form);
    StartWrite(std::move(response), form);
  }

  // Idle: between requests. Reading: some bytes of one are here. Answering: the handler has it, and it may
  // take as long as its deadline. Writing: the client takes the answer. Lingering: a last answer was
  // written, input is read and thrown away until the client closes.
  enum class State { kIdle, kReading, kAnswering, kWriting, kLingering, kClosed };

  using Parser = bhttp::request_parser<bhttp::string_body>;

  void Enter(State state, Duration time) {
    state_ = state;
    overdue_ = CoarseNow() + time;
  }
  void EnterAnswering() { state_ = State::kAnswering; }

  void NextRequest() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(context_.options.max_header_bytes));
    parser_->body_limit(context_.options.max_body_bytes);
    parser_->eager(true);
    continue_sent_ = body_wanted_ = header_seen_ = false;
    if (buffer_.size() == 0 && std::exchange(most_buffered_, 0) > kKeptBuffer) buffer_.shrink_to_fit();
    Enter(State::kIdle, context_.draining ? kLastRequest : context_.options.idle_timeout);
    if (buffer_.size() > 0 && !Parse()) return;
    readable_ && !waiting_ ? Read() : WaitReadable();
  }

  // One wait is under way at most. While a request is being answered it tells when the client goes away.
  void WaitReadable() {
    if (waiting_ || state_ == State::kClosed) return;
    waiting_ = true;
    if (stream_.HasPending()) {
      return asio::post(stream_.socket().get_executor(), [self = shared_from_this()] { self->Readable({}); });
    }
    if (stream_.is_tls()) {
      stream_.socket().async_wait(stream_.wanted(),
                                  [self = shared_from_this()](error_code error) { self->Readable(error); });
    } else {
      // The first bytes come with the wait, which costs a call of the kernel less than a wait alone.
      stream_.socket().async_receive(
          asio::buffer(first_),
          [self = shared_from_this()](error_code error, std::size_t got) { self->Received(error, got); });
    }
  }

  void Received(const error_code& error, std::size_t got) {
    waiting_ = false;
    if (state_ == State::kClosed) return;
    const bool is_answering = state_ == State::kAnswering || state_ == State::kWriting;
    if (error == asio::error::eof && is_answering && context_.options.half_close_answers) {
      readable_ = true;  // the end is read again when the answer is out
    } else if (error) {
      Close();
    } else if (state_ == State::kLingering) {
      Read();
    } else {
      buffer_.commit(asio::buffer_copy(buffer_.prepare(got), asio::buffer(first_), got));
      if (is_answering) return OnReadable();
      most_buffered_ = std::max(most_buffered_, buffer_.size());
      if (!Parse()) return;
      if (got < first_.size()) return WaitReadable();
      Read();
    }
  }

  void Readable(const error_code& error) {
    waiting_ = false;
    if (!error && state_ != State::kClosed) OnReadable();
  }

  // While a request is being answered, what comes is kept for later: the end may be behind it.
  void OnReadable() {
    if (state_ != State::kAnswering && state_ != State::kWriting) return Read();
    while (buffer_.size() < kMostAhead) {
      error_code error;
      const std::size_t got = stream_.ReadSome(buffer_.prepare(kReadChunk), error);
      if (error == asio::error::would_block) return WaitReadable();
      if (error == asio::error::eof && context_.options.half_close_answers) {
        readable_ = true;  // the end is read again when the answer is out
        return;
      }
      if (error) return Close();
      buffer_.commit(got);
    }
    readable_ = true;
    WatchForTheEnd();
  }

  // Of a client that has sent so much ahead that the rest is left where it is: the end cannot be read, but asked for.
  void WatchForTheEnd() {
    if (state_ != State::kAnswering && state_ != State::kWriting) return;
    pollfd ended{.fd = stream_.socket().native_handle(), .events = POLLRDHUP, .revents = 0};
    const bool has_ended = ::poll(&ended, 1, 0) > 0;
    if (has_ended && !context_.options.half_close_answers) return Close();
    if (has_ended) return;
    end_watch_.emplace(stream_.socket().get_executor(), kEndWatch);
    end_watch_->async_wait([self = shared_from_this()](error_code error) {
      if (!error) self->WatchForTheEnd();
    });
  }

  // Takes what has arrived, until the request is whole or nothing more is there.
  void Read() {
    readable_ = false;
    for (int chunk = 0; chunk < kMaxChunks; ++chunk) {
      error_code error;
      const std::size_t got = stream_.ReadSome(buffer_.prepare(kReadChunk), error);
      if (error == asio::error::would_block) break;
      if (error) return Close();
      if (state_ == State::kLingering) continue;  // thrown away: never committed
      buffer_.commit(got);
      most_buffered_ = std::max(most_buffered_, buffer_.size());
      if (!Parse()) return;
    }
    WaitReadable();
  }

  // True when more input is needed.
  bool Parse() {
    if (state_ == State::kIdle) {
      is_new_ = false;
      Enter(State::kReading, std::min(context_.options.header_timeout, context_.options.read_timeout));
    }
    error_code error;
    const std::size_t used = parser_->put(buffer_.data(), error);
    buffer_.consume(used);
    if (error && error != bhttp::error::need_more) {
      Refuse(NotParsed(error, context_.options));
    } else if (parser_->is_header_done() && !std::exchange(header_seen_, true) && !TakeHeader()) {
      // has been answered
    } else if (parser_->is_header_done() && BodyLength() > body_limit_) {
      Refuse(BodyTooLarge(body_limit_));
    } else if (parser_->is_header_done() && !share_.Hold(BodyLength())) {
      Refuse(NoRoomForBody());
    } else if (parser_->is_done()) {
      Dispatch();
    } else if (parser_->is_header_done() && !IsWorthABody()) {
      // has been answered
    } else if (parser_->is_header_done() && !continue_sent_) {
      SendContinue();
    }
    return state_ == State::kReading;
  }

  // Once for each request. False when its header has been refused.
  bool TakeHeader() {
    const bhttp::request<bhttp::string_body>& request = parser_->get();
    if (const auto refused = RefusedHeader(request, context_.options)) {
      Refuse(*refused);
      return false;
    }
    overdue_ +=
        context_.options.read_timeout - std::min(context_.options.header_timeout, context_.options.read_timeout);
    body_limit_ = context_.router.BodyLimitAt(PathOf(request.target()), context_.options.max_body_bytes);
    return true;
  }

  // Of the body, as far as it is known.
  std::size_t BodyLength() const {
    const auto announced = parser_->content_length();
    return announced ? static_cast<std::size_t>(*announced) : parser_->get().body().size();
  }
  // Once for each request whose body has not come with its header. False when that has been refused.
  bool IsWorthABody() {
    if (std::exchange(body_wanted_, true)) return true;
    const auto header = [this](std::string_view name) -> std::string_view { return parser_->get()[name]; };
    const std::optional<Error> error = context_.router.BeforeBody(header);
    if (error) Refuse({codec::HttpStatus(error->code), *error});
    return !error;
  }

  // For clients that ask before they send a large body.
  void SendContinue() {
    continue_sent_ = true;
    if (!beast::iequals(parser_->get()[bhttp::field::expect], "100-continue")) return;
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    error_code error;
    stream_.WriteSome(asio::buffer(kContinue), error);  // 25 bytes into an empty send buffer
    if (error) Close();
  }

  // Answers, then closes: what follows on this connection cannot be understood.
  void Refuse(const BadRequest& why) {
    EnterAnswering();
    linger_ = true;
    const auto exchange = std::make_shared<HttpExchange>(shared_from_this(), parser_->release(), peer_);
    context_.router.Refuse(exchange, why.error, why.status);
  }

  void Dispatch() {
    const bhttp::request<bhttp::string_body>& request = parser_->get();
    const auto coding = ParseContentEncoding(request[bhttp::field::content_encoding]);
    if (coding == Coding::kIdentity) return Route(parser_->release());
    if (!coding) return Refuse(UnknownContentCoding(request[bhttp::field::content_encoding]));
    body_wanted_ = false;
    if (!IsWorthABody()) return;
    EnterAnswering();
    context_.packers.Submit(
        [self = shared_from_this(), request = parser_->release(), coding = *coding, most = body_limit_]() mutable {
          Result<std::string> body = Unpack(coding, request.body(), most);
          asio::post(self->stream_.socket().get_executor(),
                     [self, request = std::move(request), body = std::move(body)]() mutable {
                       self->Unpacked(std::move(request), std::move(body));
                     });
        });
  }

  void Unpacked(bhttp::request<bhttp::string_body> request, Result<std::string> body) {
    if (state_ != State::kAnswering) return;  // closed meanwhile
    std::optional<Error> why;
    if (!body) why = body.error();
    if (body && !share_.Hold(body->size())) why = NoRoomForBody().error;
    if (why) {
      const auto exchange = std::make_shared<HttpExchange>(shared_from_this(), std::move(request), peer_);
      return context_.router.Refuse(exchange, *why);
    }
    request.body() = std::move(*body);
    request.erase(bhttp::field::content_encoding);
    Route(std::move(request));
  }

  void Route(bhttp::request<bhttp::string_body> request) {
    EnterAnswering();
    if (request.body().size() > kLongWork) context_.answers.Flush();
    const auto exchange = std::make_shared<HttpExchange>(shared_from_this(), std::move(request), peer_);
    current_ = exchange;
    routing = this;
    context_.router.Route(exchange);
    routing = nullptr;
    if (state_ == State::kAnswering) WatchTheClient();
  }
  // While its answer is not there, or it does not take it.
  void WatchTheClient() {
    if (buffer_.size() < kMostAhead) {
      WaitReadable();
    } else {
      WatchForTheEnd();
    }
  }

  void WriteLater(Duration hold, Response response, HttpExchange::Form form) {
    hold_.emplace(stream_.socket().get_executor(), hold);
    hold_->async_wait([self = shared_from_this(), response = std::move(response), form](error_code) mutable {
      self->StartWrite(std::move(response), form);
    });
  }

  void StartWrite(Response response, const HttpExchange::Form& form) {
    if (state_ != State::kAnswering) return;  // closed meanwhile
    Enter(State::kWriting, context_.options.write_timeout);
    keep_alive_ = form.keep_alive && !linger_ && !context_.draining;
    const bool is_small = response.body.size() < Outgoing::kSmall;
    std::string head = WriteHead(response, HeadOf(form), is_small ? response.body.size() : 0);
    if (form.head) response.body.clear();
    if (is_small) head.append(std::exchange(response.body, {}));
    unsent_.Set(std::move(head), std::move(response.body));
    share_.Release();
    context_.answers.Add(shared_from_this());
  }
  AnswerHead HeadOf(const HttpExchange::Form& form) const {
    return {.server = ServerName(), .date = HttpDate(), .version = form.version, .keep_alive = keep_alive_};
  }

  void StartStream(const Response& response, const HttpExchange::Form& form) {
    if (state_ != State::kAnswering) return;  // closed meanwhile
    const bool in_chunks = form.version >= kChunks;
    keep_alive_ = in_chunks && form.keep_alive && !linger_ && !context_.draining;
    AnswerHead head = HeadOf(form);
    head.is_streamed = is_streaming_ = true;
    Enter(State::kWriting, context_.options.write_timeout);
    unsent_.Begin(WriteHead(response, head, 0), in_chunks);
    if (WriteRest()) Written();
  }

  void Push(std::string_view piece, bool is_last) {
    if (!is_streaming_) return;  // closed meanwhile
    is_last ? unsent_.AddEnd() : unsent_.AddPiece(piece);
    is_streaming_ = !is_last;
    if (is_last) keep_alive_ = keep_alive_ && !context_.draining;
    if (state_ == State::kWriting) {  // the client has not taken what was there before
      if (!share_.Hold(unsent_.size())) Close();
      return;
    }
    Enter(State::kWriting, context_.options.write_timeout);
    if (WriteRest()) Written();
  }

  // Writes what the socket takes now; waits for the rest. True when there is none.
  bool WriteRest() {
    error_code error;
    share_.Release();  // before the last byte goes: a client that has its answer may send the next request anywhere
    while (!unsent_.empty()) {
      unsent_.WriteSome(stream_, error);
      if (error == asio::error::would_block) {
        WaitWritable();
      } else if (error) {
        Close();
      }
      if (error) return false;
    }
    return true;
  }
  void WaitWritable() {
    share_.Hold(unsent_.size());
    WatchTheClient();
    stream_.socket().async_wait(stream_.wanted(), [self = shared_from_this()](error_code failed) {
      if (failed || self->state_ != State::kWriting) return;
      if (self->is_streaming_) self->Enter(State::kWriting, self->context_.options.write_timeout);
      if (self->WriteRest()) self->Written();
    });
  }
  void Written() {
    if (state_ != State::kWriting) return;  // closed meanwhile
    if (is_streaming_) return EnterAnswering();
    if (keep_alive_) return NextRequest();
    if (!linger_) return Close();
    Enter(State::kLingering, kLinger);
    stream_.EndSending();
    Read();
  }

  // Work that is under way for it ends.
  void Close() {
    if (state_ == State::kClosed) return;
    state_ = State::kClosed;
    is_streaming_ = false;
    unsent_ = {};
    if (const std::shared_ptr<HttpExchange> exchange = current_.lock()) exchange->Cancel();
    hold_.reset();
    end_watch_.reset();
    share_.Release();
    stream_.Close();
    context_.closed(this);
  }

  // The connection whose request this thread hands to the router just now: its answer needs no post.
  inline static thread_local const HttpConnection* routing = nullptr;

  Stream stream_;
  const Context context_;

  std::array<char, kFirstRead> first_;  // filled while waiting_
  beast::flat_buffer buffer_;
  std::optional<Parser> parser_;
  Outgoing unsent_;
  BodyShare share_;
  std::weak_ptr<HttpExchange> current_;
  RepeatedRefusals refusals_;
  std::optional<asio::steady_timer> hold_;       // of a refusal's answer
  std::optional<asio::steady_timer> end_watch_;  // while much has been sent ahead

  Peer peer_;  // constant after Start
  State state_ = State::kIdle;
  TimePoint overdue_;
  bool waiting_ = false;   // an async_wait for input is under way
  bool readable_ = false;  // input came while a request was being answered
  bool continue_sent_ = false;
  bool body_wanted_ = false;
  bool header_seen_ = false;
  bool is_new_ = true;             // without a byte so far
  std::size_t body_limit_ = 0;     // of the route, once its header is here
  std::size_t most_buffered_ = 0;  // since the buffer was last given back
  bool keep_alive_ = true;
  bool is_written_ = false;    // the answer, by the batch
  bool linger_ = false;        // the input after this answer is not worth parsing
  bool is_streaming_ = false;  // an answer in pieces has begun, and not ended
};

void HttpExchange::Respond(Response response) {
  if (answered_.exchange(true)) return;
  connection_->router().Finish(*this, response);
  lease = {};  // a client that has its answer may ask again
  Form form = FormOf();
  const std::size_t large = connection_->options().compress_from;
  if (large > 0 && response.body.size() >= large) form.coding = ChooseCoding(request_[bhttp::field::accept_encoding]);
  connection_->Send(std::move(response), form);
}

void HttpExchange::BeginStream(Response head) {
  if (answered_.exchange(true)) return;
  is_open_ = true;
  connection_->router().Finish(*this, head);
  std::string().swap(request_.body());  // its room is given back with the first bytes of the answer
  connection_->Begin(std::move(head), FormOf());
}

void HttpExchange::SendPiece(std::string piece) {
  if (is_open_) connection_->Append(std::move(piece), false);
}

void HttpExchange::EndStream() {
  if (!is_open_.exchange(false)) return;
  lease = {};
  connection_->Append({}, true);
}

void HttpExchange::Cut() { connection_->Cut(); }

}  // namespace

std::shared_ptr<Connection> Connection::Make(asio::ip::tcp::socket socket, TlsSession session, const Context& context) {
  return std::make_shared<HttpConnection>(std::move(socket), std::move(session), context);
}

}  // namespace weir::http
