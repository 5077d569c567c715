#include "text/text_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <future>
#include <optional>
#include <utility>

#include "base/mutex.h"

namespace weir {
namespace {

// Tokens are not counted before admission; English has about four bytes a token, and two are special.
std::uint64_t EstimatedTokens(std::string_view text, std::size_t limit) {
  return std::min<std::uint64_t>(text.size() / 4 + 2, limit);
}

bool Blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\v\f") == std::string_view::npos; }

}  // namespace

// Collects the answers to the texts of one request. Shared by the jobs' callbacks; the last one to finish
// (or the first to fail) ends it. Thread-safe.
struct TextService::Gather final : Expires {
  using Done = std::move_only_function<void(Result<Gather*>)>;

  Gather(TextRequest r, TextTask t, Done d)
      : request(std::move(r)), task(t), outputs(request.texts.size()), missing(request.texts.size()),
        done(std::move(d)) {}

  void Finish(std::size_t index, Result<Output> output) {
    Done call;
    std::optional<Error> error;
    {
      const MutexLock lock(mu);
      if (output) {
        if (output->times.ended >= times.ended) times = output->times;
        outputs[index] = std::move(output->tensors[0]);
      } else {
        error = std::move(output.error());
        if (request.texts.size() > 1) error->message = fmt::format("text {}: {}", index, error->message);
        error->field = request.texts.size() > 1 ? fmt::format("input[{}]", index) : "input";
      }
      --missing;
      if (error || missing == 0) call = std::exchange(done, {});
    }
    if (error) rest.request_stop();  // the other texts' answers are of no use any more
    if (!call) return;
    if (error) return call(std::unexpected(std::move(*error)));
    call(this);
  }

  void Fail(Error error) {
    Done call;
    {
      const MutexLock lock(mu);
      call = std::exchange(done, {});
    }
    if (call) call(std::unexpected(std::move(error)));
  }

  // Answers at the deadline, even while the texts wait to be tokenized; the jobs then find out by themselves.
  void Expire(const Error& why) override {
    rest.request_stop();
    Fail(why);
  }

  // Constant after Start.
  const TextRequest request;
  const TextTask task;
  std::stop_source rest;  // stops the jobs of this request
  std::optional<std::stop_callback<std::function<void()>>> on_stop;
  DeadlineList::Entry deadline;

  // Set once, before the first job.
  std::shared_ptr<const TextModel> model;
  std::atomic<std::size_t> tokens = 0;

  // Guarded by mu; read without it once everything has finished.
  Mutex mu;
  std::vector<Tensor> outputs;
  StageTimes times;
  std::size_t missing;
  Done done;
};

void TextService::Embed(TextRequest request, std::move_only_function<void(Result<Embeddings>)> done) {
  Start(std::make_shared<Gather>(
      std::move(request), TextTask::kEmbedding, [done = std::move(done)](Result<Gather*> gathered) mutable {
        if (!gathered) return done(Forward(gathered));
        Gather& all = **gathered;
        done(Embeddings{.vectors = std::move(all.outputs), .usage = {all.tokens}, .times = all.times});
      }));
}

void TextService::Classify(TextRequest request, std::size_t top_k,
                           std::move_only_function<void(Result<Classifications>)> done) {
  Start(std::make_shared<Gather>(std::move(request), TextTask::kClassification,
                                 [top_k, done = std::move(done)](Result<Gather*> gathered) mutable {
                                   if (!gathered) return done(Forward(gathered));
                                   Gather& all = **gathered;
                                   Classifications answer{.labels = {}, .usage = {all.tokens}, .times = all.times};
                                   for (const Tensor& scores : all.outputs) {
                                     answer.labels.push_back(TopLabels(all.model->labels(), scores.As<float>(), top_k));
                                   }
                                   done(std::move(answer));
                                 }));
}

Result<Embeddings> TextService::EmbedAndWait(TextRequest request) {
  std::promise<Result<Embeddings>> promise;
  std::future<Result<Embeddings>> answer = promise.get_future();
  Embed(std::move(request), [&promise](Result<Embeddings> done) { promise.set_value(std::move(done)); });
  return answer.get();
}

Result<Classifications> TextService::ClassifyAndWait(TextRequest request, std::size_t top_k) {
  std::promise<Result<Classifications>> promise;
  std::future<Result<Classifications>> answer = promise.get_future();
  Classify(std::move(request), top_k, [&promise](Result<Classifications> done) { promise.set_value(std::move(done)); });
  return answer.get();
}

void TextService::Start(std::shared_ptr<Gather> gather) {
  const TextRequest& request = gather->request;
  if (request.texts.empty()) return gather->Fail({Code::kInvalidArgument, "there is no text", "input"});
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    if (!Blank(request.texts[i])) continue;
    const std::string field = request.texts.size() > 1 ? fmt::format("input[{}]", i) : "input";
    return gather->Fail({Code::kInvalidArgument, fmt::format("'{}' is an empty text", field), field});
  }
  if (!request.deadline.IsNever()) gather->deadline = engine_.KeepDeadline(request.deadline, gather);
  gather->on_stop.emplace(request.stop, [rest = gather->rest]() mutable { rest.request_stop(); });
  engine_.WhenReady(
      request.model, request.deadline, [this, gather, &request](Result<Registry::DeploymentPtr> ready) mutable {
        if (!ready) return gather->Fail(std::move(ready.error()));
        gather->model = std::dynamic_pointer_cast<const TextModel>((*ready)->servable());
        if (!gather->model || gather->model->text_task() != gather->task) {
          return gather->Fail(
              {Code::kInvalidArgument,
               fmt::format("model '{}' does not do this: its task is {}", request.model, (*ready)->servable()->task()),
               "model"});
        }
        if (request.dimensions > gather->model->width() && gather->model->width() > 0) {
          return gather->Fail({Code::kInvalidArgument,
                               fmt::format("'dimensions' is {}, the model's vectors have {}", request.dimensions,
                                           gather->model->width()),
                               "dimensions"});
        }
        Demand demand{.jobs = request.texts.size(), .bytes = 0, .work = 0};
        for (const std::string& text : request.texts) {
          demand.bytes += text.size();
          demand.work += EstimatedTokens(text, gather->model->max_tokens());
        }
        Result<Permit> permit = (*ready)->Admit(demand, request.deadline);
        if (!permit) return gather->Fail(std::move(permit.error()));
        // `deployment` before `permit` in the capture: the permit must be given back first.
        tokenizers_.Submit([gather, deployment = *ready, permit = std::move(*permit)]() mutable {
          Tokenize(gather, *deployment, std::move(permit));
        });
      });
}

void TextService::Tokenize(const std::shared_ptr<Gather>& gather, Deployment& deployment, Permit permit) {
  const TextRequest& request = gather->request;
  const EncodeOptions options{.max_tokens = gather->model->max_tokens(), .truncate = request.truncate};
  const std::stop_token stop = gather->rest.get_token();
  // Everything is tokenized before the first job runs: a bad text costs its neighbours no work.
  std::vector<JobRequest> jobs;
  jobs.reserve(request.texts.size());
  for (std::size_t i = 0; i < request.texts.size(); ++i) {
    if (stop.stop_requested()) return gather->Fail({Code::kCancelled, "the caller cancelled the request"});
    Result<TokenIds> tokens = gather->model->tokenizer().Encode(request.texts[i], options);
    if (tokens && tokens->ids.empty()) tokens = Fail(Code::kUnprocessable, "the text has no tokens");
    if (!tokens) {
      permit.Release();
      return gather->Finish(i, Forward(tokens));
    }
    gather->tokens += tokens->ids.size();
    jobs.push_back(gather->model->EncodeRequest(*tokens, request.deadline, stop));
  }
  Duration turn{};  // each text waits for those before it, and lets in what others send meanwhile
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    jobs[i].turn_delay = turn;
    turn += deployment.TurnAfter(jobs[i].cost.length);
    deployment.Submit(std::move(jobs[i]), permit.SplitOne(),
                      [gather, i](Result<Output> output) { gather->Finish(i, std::move(output)); });
  }
}

}  // namespace weir
