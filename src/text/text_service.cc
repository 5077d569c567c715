#include "text/text_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <future>
#include <optional>
#include <utility>

#include "base/mutex.h"
#include "text/text_answer.h"
#include "text/text_jobs.h"

namespace weir {
namespace {

// Whether an error says something about one text, rather than about the request or the server.
bool IsAboutTheText(Code code) { return code == Code::kInvalidArgument || code == Code::kUnprocessable; }

// Why a text cannot be answered whatever the model is.
std::optional<Error> Unusable(const TextRequest& request, std::size_t index) {
  if (const auto found = request.unreadable.find(index); found != request.unreadable.end()) return found->second;
  if (request.IsTokens(index)) return std::nullopt;
  const bool paired = index < request.pairs.size() && request.pairs[index];
  const bool blank = IsBlank(request.texts[index]);
  if (!blank && !(paired && IsBlank(*request.pairs[index]))) return std::nullopt;
  const std::string field = request.FieldOf(index);
  return Error{
      Code::kInvalidArgument,
      paired ? fmt::format("'{}' is a pair with an empty text", field) : fmt::format("'{}' is an empty text", field),
      field};
}

// After so many bytes of one request another one's texts have their turn: about a millisecond.
constexpr std::size_t kSlice = 16384;

// Of no work yet.
Demand NoDemand(const TextRequest& request) {
  return {.jobs = 0,
          .bytes = 0,
          .work = 0,
          .priority = request.priority.value_or(Priority::kNormal),
          .client = request.client};
}

template <typename Answer>
class Waiter {
 public:
  auto Callback() {
    return [this](Result<Answer> done) { promise_.set_value(std::move(done)); };
  }
  Result<Answer> Wait() { return promise_.get_future().get(); }

 private:
  std::promise<Result<Answer>> promise_;
};

}  // namespace

// A job on its way into the queue: a text, or one window of it.
struct TextService::Piece {
  std::size_t text = 0;
  std::size_t window = 0;
  JobRequest job;
};

Demand TextService::DemandOf(const TextRequest& request, std::span<const Piece> pieces) {
  Demand demand = NoDemand(request);
  demand.jobs = pieces.size();
  for (const Piece& piece : pieces) {
    demand.bytes += piece.job.cost.bytes;
    demand.work += piece.job.cost.length;
  }
  return demand;
}

// Collects the answers to the texts of one request. Shared by the jobs' callbacks; the last one to finish
// (or the first to fail) ends it. Thread-safe.
struct TextService::Gather final : Expires {
  using Done = std::move_only_function<void(Result<Gather*>)>;

  // What is known of one text.
  struct Slot {
    std::vector<Tensor> windows;  // what the model gave for each
    std::size_t missing = 1;      // windows that have not been answered
    std::size_t tokens = 0;
    bool cached = true;  // every window that was answered
    std::optional<Error> error;
  };

  Gather(TextRequest r, TextTask t, Done d)
      : request(std::move(r)), task(t), slots(request.texts.size()), missing(request.texts.size()), done(std::move(d)) {
  }

  // Says how many jobs a text has become, before the first is submitted.
  void Expect(std::size_t index, const TextJobs& jobs) {
    const MutexLock lock(mu);
    slots[index].windows.resize(jobs.jobs.size());
    slots[index].missing = jobs.jobs.size();
    slots[index].tokens = jobs.tokens;
  }

  void Finish(std::size_t index, std::size_t window, Result<Output> output) {
    if (!output) return FailText(index, std::move(output.error()));
    Done call;
    {
      const MutexLock lock(mu);
      if (finished) return;
      if (output->times.ended >= times.ended) times = output->times;
      Slot& slot = slots[index];
      slot.windows[window] = std::move(output->tensors[0]);
      slot.cached = slot.cached && output->cached;
      if (--slot.missing == 0 && !slot.error) call = OneLess();
    }
    if (call) call(this);
  }

  // A text has no answer: the others are answered all the same, or nothing is.
  void FailText(std::size_t index, Error error) {
    if (request.on_error == OnError::kPartial && IsAboutTheText(error.code)) return FailAlone(index, std::move(error));
    rest.request_stop();  // the other texts' answers are of no use any more
    if (request.texts.size() > 1 && error.field.empty()) {
      error.message = fmt::format("text {}: {}", index, error.message);
    }
    error.field = request.FieldOf(index);
    Fail(std::move(error));
  }

  void FailAlone(std::size_t index, Error error) {
    Done call;
    {
      const MutexLock lock(mu);
      if (finished || slots[index].error) return;  // another of its windows failed before
      slots[index].error = std::move(error);
      call = OneLess();
    }
    if (call) call(this);
  }

  // The whole request.
  void Fail(Error error) {
    Done call;
    {
      const MutexLock lock(mu);
      call = std::exchange(done, {});
    }
    if (call) call(std::unexpected(std::move(error)));
  }

  bool HasFailed(std::size_t index) {
    const MutexLock lock(mu);
    return finished || slots[index].error.has_value();
  }

  // Answers at the deadline, even while the texts wait to be tokenized; the jobs then find out by themselves.
  void Expire(const Error& why) override {
    rest.request_stop();
    Fail(why);
  }

  // Once everything has finished: `make` turns what the model gave for a text into its part of the answer, of which
  // texts with an error have an empty one.
  template <typename Answer, typename Part, typename Make>
  void Collect(Answer& answer, std::vector<Part>& parts, Make make) {
    std::vector<Slot> all;
    {
      const MutexLock lock(mu);
      all = std::move(slots);
      answer.times = times;
    }
    for (std::size_t i = 0; i < all.size(); ++i) {
      parts.push_back(all[i].error ? Part() : make(all[i].windows));
      answer.cached.push_back(!all[i].error && all[i].cached);
      if (all[i].error) {
        answer.errors.emplace(i, std::move(*all[i].error));
      } else {
        answer.usage.tokens += all[i].tokens;
      }
    }
  }

  // The last one ends the request; what still comes after that finds it finished.
  Done OneLess() REQUIRES(mu) {
    if (--missing > 0) return {};
    finished = true;
    return std::exchange(done, {});
  }

  // Constant after Start.
  const TextRequest request;
  const TextTask task;
  std::stop_source rest;  // stops the jobs of this request
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  DeadlineList::Entry deadline;

  // Set once, before the first job.
  std::optional<TextPlan> plan;

  // Guarded by mu; read without it once everything has finished.
  Mutex mu;
  std::vector<Slot> slots GUARDED_BY(mu);
  StageTimes times GUARDED_BY(mu);
  std::size_t missing GUARDED_BY(mu);
  bool finished GUARDED_BY(mu) = false;  // slots are gone
  Done done GUARDED_BY(mu);
};

// A request while its texts are tokenized: by one thread after the other, in slices.
struct TextService::Tokenizing {
  Tokenizing(std::shared_ptr<Gather> g, Registry::DeploymentPtr d, Permit p)
      : gather(std::move(g)), deployment(std::move(d)), permit(std::move(p)) {}

  std::shared_ptr<Gather> gather;
  Registry::DeploymentPtr deployment;
  Permit permit;  // given back before the deployment
  std::vector<Piece> pieces;
  std::size_t texts = 0;
  std::size_t next = 0;
};

void TextService::Embed(TextRequest request, std::move_only_function<void(Result<Embeddings>)> done) {
  Start(std::make_shared<Gather>(std::move(request), TextTask::kEmbedding,
                                 [done = std::move(done)](Result<Gather*> gathered) mutable {
                                   if (!gathered) return done(Forward(gathered));
                                   Gather& all = **gathered;
                                   Embeddings answer;
                                   std::optional<Error> refused;
                                   all.Collect(answer, answer.vectors, [&](std::span<const Tensor> windows) {
                                     Result<Tensor> vector = MakeEmbedding(all.plan->model(), all.request, windows);
                                     if (!vector) refused = std::move(vector.error());
                                     return vector ? std::move(*vector) : Tensor();
                                   });
                                   if (refused) return done(std::unexpected(std::move(*refused)));
                                   done(std::move(answer));
                                 }));
}

void TextService::Classify(TextRequest request, std::move_only_function<void(Result<Classifications>)> done) {
  Start(std::make_shared<Gather>(std::move(request), TextTask::kClassification,
                                 [done = std::move(done)](Result<Gather*> gathered) mutable {
                                   if (!gathered) return done(Forward(gathered));
                                   Gather& all = **gathered;
                                   Classifications answer;
                                   all.Collect(answer, answer.labels, [&](std::span<const Tensor> windows) {
                                     return MakeLabels(all.plan->model(), all.request, windows);
                                   });
                                   done(std::move(answer));
                                 }));
}

Result<Embeddings> TextService::EmbedAndWait(TextRequest request) {
  Waiter<Embeddings> waiter;
  Embed(std::move(request), waiter.Callback());
  return waiter.Wait();
}

Result<Classifications> TextService::ClassifyAndWait(TextRequest request) {
  Waiter<Classifications> waiter;
  Classify(std::move(request), waiter.Callback());
  return waiter.Wait();
}

void TextService::Start(std::shared_ptr<Gather> gather) {
  const TextRequest& request = gather->request;
  if (request.texts.empty()) return gather->Fail({Code::kInvalidArgument, "there is no text", "input"});
  if (!request.deadline.IsNever()) gather->deadline = engine_.KeepDeadline(request.deadline, gather);
  gather->on_stop.emplace(request.stop, [rest = gather->rest]() mutable { rest.request_stop(); });
  engine_.WhenReady(
      request.model, request.deadline, [this, gather, &request](Result<Registry::DeploymentPtr> ready) mutable {
        if (!ready) return gather->Fail(std::move(ready.error()));
        auto model = std::dynamic_pointer_cast<const TextModel>((*ready)->servable());
        if (!model || model->text_task() != gather->task) {
          return gather->Fail(
              {Code::kInvalidArgument,
               fmt::format("model '{}' does not do this: its task is {}", request.model, (*ready)->servable()->task()),
               "model"});
        }
        Result<TextPlan> plan = TextPlan::Make(std::move(model), request);
        if (!plan) return gather->Fail(std::move(plan.error()));
        gather->plan = std::move(*plan);
        Begin(gather, *ready);
      });
}

// Admits what may be answered at all, and has it tokenized.
void TextService::Begin(const std::shared_ptr<Gather>& gather, const Registry::DeploymentPtr& deployment) {
  const TextRequest& request = gather->request;
  Demand demand = NoDemand(request);
  std::size_t failed = 0;
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    if (std::optional<Error> why = Unusable(request, i)) {
      gather->FailText(i, std::move(*why));
      if (request.on_error == OnError::kFail) return;
      ++failed;
      continue;
    }
    demand.jobs += 1;
    demand.bytes += gather->plan->Bytes(i);
    demand.work += gather->plan->EstimatedTokens(i);
  }
  if (failed == request.texts.size()) return;  // every text has its error
  Result<Permit> permit = deployment->Admit(demand, request.deadline);
  if (!permit) return gather->Fail(std::move(permit.error()));
  Continue(std::make_unique<Tokenizing>(gather, deployment, std::move(*permit)));
}

void TextService::Continue(std::unique_ptr<Tokenizing> work) {
  tokenizers_.Submit([this, work = std::move(work)]() mutable { Tokenize(std::move(work)); });
}

void TextService::Tokenize(std::unique_ptr<Tokenizing> work) {
  Gather& gather = *work->gather;
  const TextRequest& request = gather.request;
  const std::stop_token stop = gather.rest.get_token();
  // Everything is tokenized before the first job runs: a bad text costs its neighbours no work.
  for (std::size_t bytes = 0; work->next < request.texts.size(); ++work->next) {
    const std::size_t i = work->next;
    if (stop.stop_requested()) return gather.Fail({Code::kCancelled, "the caller cancelled the request"});
    if (gather.HasFailed(i)) continue;
    if (bytes >= kSlice) return Continue(std::move(work));
    bytes += gather.plan->Bytes(i);
    ++work->texts;
    Result<TextJobs> made = gather.plan->Encode(i, stop);
    if (!made) {
      const bool rest_goes_on = request.on_error == OnError::kPartial;
      if (!rest_goes_on) work->permit.Release();
      gather.FailText(i, std::move(made.error()));
      if (!rest_goes_on) return;
      continue;
    }
    gather.Expect(i, *made);
    for (std::size_t window = 0; window < made->jobs.size(); ++window) {
      work->pieces.push_back({.text = i, .window = window, .job = std::move(made->jobs[window])});
    }
  }
  if (work->pieces.size() > work->texts) {  // long texts became several jobs: the permit is for one each
    work->permit.Release();
    Result<Permit> whole = work->deployment->Admit(DemandOf(request, work->pieces), request.deadline);
    if (!whole) return gather.Fail(std::move(whole.error()));
    work->permit = std::move(*whole);
  }
  Submit(work->gather, *work->deployment, std::move(work->pieces), std::move(work->permit));
}

void TextService::Submit(const std::shared_ptr<Gather>& gather, Deployment& deployment, std::vector<Piece> pieces,
                         Permit permit) {
  std::uint64_t work = 0;
  for (Piece& piece : pieces) {
    piece.job.work_before = work;
    piece.job.priority = gather->request.priority.value_or(Priority::kNormal);
    piece.job.client = gather->request.client;
    work += piece.job.cost.length;
    deployment.Submit(std::move(piece.job), permit.SplitOne(),
                      [gather, text = piece.text, window = piece.window](Result<Output> output) {
                        gather->Finish(text, window, std::move(output));
                      });
  }
}

}  // namespace weir
