// Answers that are ready at about the same time, sent with one call of the kernel.
#pragma once

#include <boost/asio/io_context.hpp>

#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace weir::http {

// Who has bytes to send. Confined to the thread of its batch.
class Sender {
 public:
  virtual ~Sender() = default;
  // What one send may take; empty when it is to write by itself.
  virtual std::string_view Piece() const = 0;
  virtual int Descriptor() = 0;
  // Of the piece, so many bytes are with the kernel, maybe none. Writes the rest.
  virtual void Sent(std::size_t bytes) = 0;
  // After that, when the others have been sent, too: what comes next may take long.
  virtual void GoOn() = 0;
};

// The answers of one I/O thread. They wait until the handlers that were ready with theirs have run. Then io_uring sends
// them together, where the kernel has it and permits it: a client on the same core wakes for all of them once, not in
// the middle of each. Else, and when there is only one, each sender writes by itself. Owned by the loop, confined to
// its thread.
class SendBatch {
 public:
  SendBatch(boost::asio::io_context& context, bool use_io_uring);
  ~SendBatch();
  SendBatch(const SendBatch&) = delete;
  SendBatch& operator=(const SendBatch&) = delete;

  void Add(std::shared_ptr<Sender> sender);
  // Now: before work that takes long. Within Sent and GoOn it does nothing.
  void Flush();
  // Nothing will be sent any more.
  void Clear() { waiting_.clear(); }

 private:
  class Ring;

  boost::asio::io_context& context_;
  std::unique_ptr<Ring> ring_;  // null: there is none
  std::vector<std::shared_ptr<Sender>> waiting_;
  // While Flush is at work; else empty. Both keep their memory for the next time.
  std::vector<std::shared_ptr<Sender>> sending_;
  std::vector<std::size_t> sent_;  // of each
};

}  // namespace weir::http
