// One unit of work on its way through the engine: what to run, for how long it matters, whom to answer.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "engine/admission.h"
#include "engine/priority.h"
#include "engine/probe.h"
#include "model/tensor.h"

namespace weir {

// When a job (of a request of many: the one that ended last) passed from stage to stage. Value type.
struct StageTimes {
  TimePoint queued{};   // read, admitted, tokenized: in the line
  TimePoint started{};  // its batch runs
  TimePoint ended{};

  bool empty() const { return ended == TimePoint(); }
};

// What a job gives when it succeeds.
struct Output {
  std::vector<Tensor> tensors;
  StageTimes times;
  bool cached = false;  // not computed for this job
};

// A one-shot answer. Owned by its Job. Thread-safe: whoever answers first wins, the others' answers are
// dropped. Destroyed unanswered it answers kInternal, so that nobody waits for ever. The callback runs on
// the answering thread and must not block.
class Reply {
 public:
  using Callback = std::move_only_function<void(Result<Output>)>;

  // The right to answer once; calling it counts the answer. Empty when somebody else has the right.
  class Taken {
   public:
    Taken() = default;
    Taken(Callback callback, ModelProbe* probe, TimePoint queued)
        : callback_(std::move(callback)), probe_(probe), queued_(queued) {}
    explicit operator bool() const { return static_cast<bool>(callback_); }
    void operator()(Result<Output> result);

   private:
    Callback callback_;
    ModelProbe* probe_ = nullptr;
    TimePoint queued_;
  };

  // `probe` may be null; otherwise it outlives the reply. `queued`: since when the caller waits.
  Reply(Callback callback, ModelProbe* probe, TimePoint queued = {})
      : callback_(std::move(callback)), probe_(probe), queued_(queued) {}
  ~Reply();
  Reply(const Reply&) = delete;
  Reply& operator=(const Reply&) = delete;

  // False when it was answered before.
  bool Answer(Result<Output> result);
  // For one who must not call back yet, because a lock is held.
  Taken Take();

 private:
  std::atomic<bool> taken_ = false;
  Callback callback_;
  ModelProbe* const probe_;
  const TimePoint queued_;
};

// How much a job weighs and with which others it may share a run.
struct JobCost {
  std::uint32_t length = 1;  // tokens (or 1): what a shorter job in the same batch is padded to
  std::uint64_t group = 0;   // jobs of different groups never run together; 0 = runs alone
  std::uint64_t bytes = 0;   // memory that the inputs hold
};

// What a caller hands to Engine::Submit.
struct JobRequest {
  // 0: `inputs` are the graph's own tensors in the manifest's order. Other values belong to the Servable
  // (see text/text_model.h).
  std::uint32_t method = 0;
  std::vector<Tensor> inputs;
  JobCost cost;
  Deadline deadline;
  std::stop_token stop;
  // The lengths of the same request's jobs before this one: each text of a big request waits for those before it, and
  // lets in what others send meanwhile.
  std::uint64_t work_before = 0;
  Priority priority = Priority::kNormal;
  std::uint64_t client = 0;  // who sent it, where that matters: clients of one class have equal turns
  // What a step of it gives, before its answer: what that is, its Servable says. Called by whoever runs it; it must not
  // block. Where an answer comes from elsewhere (a deadline) it may be called once more after that. Null: not wanted.
  std::function<void(std::vector<Tensor>)> on_part = {};
};

// Created by Deployment::Submit, then owned by the queue, then by a worker. Moved as a unique_ptr, never shared.
struct Job {
  Job(JobRequest r, Permit p, Reply::Callback callback, TimePoint now, ModelProbe* probe = nullptr)
      : request(std::move(r)), permit(std::move(p)), reply(std::move(callback), probe, now), queued_at(now) {}

  // From a list of used ones: in the steady state a job costs no allocation.
  static void* operator new(std::size_t size);
  static void operator delete(void* memory);

  // kDeadlineExceeded or kCancelled when running it would be in vain.
  std::optional<Error> InVain(TimePoint now) const;

  std::shared_ptr<const void> keep;  // the Deployment that it is queued in, which lives as long as its jobs; dies last
  JobRequest request;
  Permit permit;  // given back when the job is destroyed, after `reply`
  Reply reply;
  TimePoint queued_at;
  double turn = 0;              // its place in the line; set by the queue
  std::uint32_t overtaken = 0;  // how many later ones were taken before it
  bool done = false;            // the queue's: no longer running
};

using JobPtr = std::unique_ptr<Job>;

}  // namespace weir
