#include "http/send_batch.h"

#include <liburing.h>
#include <sys/socket.h>

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>

#include "base/log.h"
#include "http/guarded.h"

namespace weir::http {
namespace {

constexpr unsigned kMost = 32;  // in one call of the kernel

}  // namespace

// Sends that never wait: what a socket does not take at once is for its sender to write.
class SendBatch::Ring {
 public:
  // Null where there is none.
  static std::unique_ptr<Ring> Make() {
    auto ring = std::make_unique<Ring>();
    const int failed = io_uring_queue_init(kMost, &ring->ring_, 0);
    if (failed == 0) return ring;
    ring->is_open_ = false;
    log::Debug("answers are sent one by one: io_uring is not to be had ({})", std::strerror(-failed));
    return nullptr;
  }
  Ring() = default;
  ~Ring() {
    if (is_open_) io_uring_queue_exit(&ring_);
  }
  Ring(const Ring&) = delete;
  Ring& operator=(const Ring&) = delete;

  // What was taken of each. With false the ring is not to be used again.
  bool Send(std::span<const std::shared_ptr<Sender>> senders, std::span<std::size_t> sent) {
    for (std::size_t begin = 0; begin < senders.size(); begin += kMost) {
      const std::size_t count = std::min<std::size_t>(kMost, senders.size() - begin);
      if (!SendSome(senders.subspan(begin, count), sent.subspan(begin, count))) return false;
    }
    return true;
  }

 private:
  bool SendSome(std::span<const std::shared_ptr<Sender>> senders, std::span<std::size_t> sent) {
    std::size_t asked = 0;
    for (std::size_t i = 0; i < senders.size(); ++i) {
      const std::string_view piece = senders[i]->Piece();
      if (piece.empty()) continue;
      io_uring_sqe* const entry = io_uring_get_sqe(&ring_);
      io_uring_prep_send(entry, senders[i]->Descriptor(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
      entry->user_data = i;
      ++asked;
    }
    if (asked == 0) return true;
    const int begun = io_uring_submit_and_wait(&ring_, static_cast<unsigned>(asked));
    bool is_well = begun == static_cast<int>(asked);
    for (int i = 0; i < begun; ++i) is_well = Take(sent) && is_well;
    return is_well;
  }

  bool Take(std::span<std::size_t> sent) {
    io_uring_cqe* done = nullptr;
    int failed = 0;
    do {
      failed = io_uring_wait_cqe(&ring_, &done);
    } while (failed == -EINTR);
    if (failed != 0) return false;
    const int taken = done->res;
    if (taken > 0) sent[done->user_data] = static_cast<std::size_t>(taken);
    io_uring_cqe_seen(&ring_, done);
    return taken != -EINVAL;  // a kernel older than this operation
  }

  io_uring ring_ = {};
  bool is_open_ = true;
};

SendBatch::SendBatch(boost::asio::io_context& context, bool use_io_uring)
    : context_(context), ring_(use_io_uring ? Ring::Make() : nullptr) {}

SendBatch::~SendBatch() = default;

void SendBatch::Add(std::shared_ptr<Sender> sender) {
  if (waiting_.empty()) boost::asio::post(context_, [this] { Flush(); });
  waiting_.push_back(std::move(sender));
}

void SendBatch::Flush() {
  if (!sending_.empty()) return;  // what one of them adds waits for the next time
  const struct Clearing {
    std::vector<std::shared_ptr<Sender>>& all;
    ~Clearing() { all.clear(); }
  } whatever_happens{sending_};
  sending_.swap(waiting_);
  sent_.assign(sending_.size(), 0);
  if (ring_ && sending_.size() > 1 && !ring_->Send(sending_, sent_)) {
    log::Warn("io_uring failed; answers are sent one by one from now on");
    ring_ = nullptr;
  }
  for (std::size_t i = 0; i < sending_.size(); ++i) {
    Guarded([&] { sending_[i]->Sent(sent_[i]); });
  }
  for (const auto& sender : sending_) {
    Guarded([&] { sender->GoOn(); });
  }
}

}  // namespace weir::http
