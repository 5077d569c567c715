#include "dataset/run.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <future>
#include <thread>
#include <tuple>
#include <utility>

#include "base/thread_name.h"

namespace weir::dataset {
namespace {

// While the input trickles, this many under way are enough to keep the workers busy.
constexpr std::size_t kFew = 64;

// Bytes of all inputs; 0 when one of them cannot tell.
std::uint64_t TotalBytes(const std::vector<std::string>& inputs) {
  std::uint64_t total = 0;
  for (const std::string& path : inputs) {
    std::error_code error;
    const std::uint64_t size = path == "-" ? 0 : std::filesystem::file_size(path, error);
    if (path == "-" || error) return 0;
    total += size;
  }
  return total;
}

}  // namespace

Result<ModelFacts> AskModel(Engine& engine, TextService& texts, const std::string& model) {
  Status loaded = engine.LoadAndWait(model);
  if (!loaded) return Forward(loaded);
  std::promise<std::shared_ptr<const Servable>> promise;
  engine.WhenReady(model, Deadline::Never(), [&promise](const Result<Registry::DeploymentPtr>& ready) {
    promise.set_value(ready ? (*ready)->servable() : nullptr);
  });
  const auto text_model = std::dynamic_pointer_cast<const TextModel>(promise.get_future().get());
  if (!text_model) {
    return InvalidArgument(
        fmt::format("model '{}' takes tensors, not texts; serve it and use /v2/models/{}/infer", model, model));
  }
  ModelFacts facts{.task = text_model->text_task(), .labels = text_model->labels()};
  constexpr std::size_t kSample = 8;
  TextRequest request{.model = model, .texts = {"A fixed text, to know the model again."}, .truncate = true};
  if (facts.task == TextTask::kClassification) {
    const Result<Classifications> answer = texts.ClassifyAndWait(std::move(request));
    if (!answer) return std::unexpected(answer.error());
    for (const ScoredLabel& scored : answer->labels[0]) facts.sample.push_back(scored.score);
  } else {
    const Result<Embeddings> answer = texts.EmbedAndWait(std::move(request));
    if (!answer) return std::unexpected(answer.error());
    const std::span<const float> vector = answer->vectors[0].As<float>();
    facts.sample.assign(vector.begin(), vector.end());
    facts.width = vector.size();
  }
  if (facts.sample.size() > kSample) facts.sample.resize(kSample);
  return facts;
}

DatasetRun::DatasetRun(TextService& texts, RunOptions options, const Format& format, Output& output,
                       std::function<void(const RunView&)> show)
    : texts_(texts), options_(std::move(options)), format_(format), output_(output), show_(std::move(show)) {
  report_.progress = output_.begun();
  total_ = TotalBytes(options_.inputs);
}

Result<RunReport> DatasetRun::Run(const std::stop_token& stop) {
  const std::stop_callback on_stop(stop, [this] { Cancel(); });
  next_checkpoint_ = Clock::Steady().Now() + options_.checkpoint_every;
  std::jthread reader([this] { ReadAll(); });
  Status status = Loop();
  report_.stopped = stop.stop_requested();
  Cancel();
  reader.join();
  {
    // The callbacks of what was cancelled still come here.
    const MutexLock lock(mu_);
    changed_.Wait(mu_, [this]() REQUIRES(mu_) { return in_flight_ == 0; });
    if (status && !report_.stopped) status = read_status_;
  }
  Status kept = status && !report_.stopped ? output_.Finish(report_.progress) : output_.Checkpoint(report_.progress);
  if (!status) return Forward(status);
  if (!kept) return Forward(kept);
  return report_;
}

Status DatasetRun::Loop() {
  while (true) {
    const Work work = WaitForWork();
    Submit(work.fresh);  // first, so that the workers have something while this thread writes
    if (cancel_.stop_requested()) return {};
    Status written = WriteAll(work.finished);
    // Nothing is under way: who reads the output along shall see all of it.
    if (written && work.idle) written = output_.Flush();
    if (written) written = CheckpointWhenDue();
    if (!written) return written;
    if (work.over) return {};
  }
}

DatasetRun::Work DatasetRun::WaitForWork() {
  Work work;
  const MutexLock lock(mu_);
  const auto front_done = [this]() REQUIRES(mu_) { return !slots_.empty() && slots_.front().answer.has_value(); };
  const auto over = [this]() REQUIRES(mu_) { return ended_ && pending_.empty() && slots_.empty(); };
  const auto anything = [&]() REQUIRES(mu_) { return front_done() || CanTake() || over() || cancel_.stop_requested(); };
  if (unsaved_) {
    changed_.WaitUntil(mu_, {}, next_checkpoint_, anything);
  } else {
    changed_.Wait(mu_, anything);
  }
  for (; front_done(); slots_.pop_front()) work.finished.push_back(std::move(slots_.front()));
  if (CanTake()) Take(work.fresh);
  work.over = over();
  work.idle = slots_.empty() && pending_.empty();
  return work;
}

bool DatasetRun::CanTake() const {
  if (pending_.empty() || in_flight_ > options_.window / 2 || slots_.size() > options_.window) return false;
  const bool full = pending_.size() >= options_.window || pending_bytes_ >= options_.window_bytes;
  return full || ended_ || (starved_ && in_flight_ < kFew);
}

void DatasetRun::Take(std::vector<Slot*>& fresh) {
  std::size_t bytes = 0;
  for (std::size_t n = 0; n < options_.window && bytes < options_.window_bytes && !pending_.empty(); ++n) {
    slots_.push_back(std::move(pending_.front()));
    pending_.pop_front();
    Slot& slot = slots_.back();
    bytes += slot.item.text.size();
    if (slot.item.error) {
      slot.answer = std::move(*slot.item.error);
    } else {
      fresh.push_back(&slot);  // a deque's elements stay where they are
    }
  }
  pending_bytes_ -= bytes;
  in_flight_ += fresh.size();
  room_.NotifyAll();
  // Longest first, and of one length in their order.
  std::ranges::sort(fresh, [](const Slot* a, const Slot* b) {
    return std::tuple(b->item.text.size(), a->index) < std::tuple(a->item.text.size(), b->index);
  });
}

void DatasetRun::Submit(const std::vector<Slot*>& fresh) {
  for (Slot* slot : fresh) {
    TextRequest request{.model = options_.model, .texts = {}, .truncate = options_.truncate};
    request.top_k = options_.top_k;
    request.stop = cancel_.get_token();
    request.texts.push_back(std::move(slot->item.text));
    if (options_.task == TextTask::kClassification) {
      texts_.Classify(std::move(request), [this, slot](Result<Classifications> answer) {
        Answered(slot, answer ? Answer(std::move(answer->labels[0])) : Answer(std::move(answer.error())));
      });
    } else {
      texts_.Embed(std::move(request), [this, slot](Result<Embeddings> answer) {
        Answered(slot, answer ? Answer(std::move(answer->vectors[0])) : Answer(std::move(answer.error())));
      });
    }
  }
}

void DatasetRun::Answered(Slot* slot, Answer answer) {
  const MutexLock lock(mu_);
  slot->answer = std::move(answer);
  --in_flight_;
  // Under the lock: the run may end as soon as it sees that nothing is in flight.
  if (slot == &slots_.front() || in_flight_ == 0 || CanTake()) changed_.NotifyAll();
}

Status DatasetRun::WriteAll(const std::vector<Slot>& finished) {
  if (finished.empty()) return {};
  for (const Slot& slot : finished) {
    if (const auto* error = std::get_if<Error>(&*slot.answer)) {
      const Error told{error->code, fmt::format("record {}: {}", slot.index, error->message)};
      if (options_.fail_on_error) return std::unexpected(told);
      if (!report_.first_failure) report_.first_failure = told;
      ++report_.progress.failed;
    }
    bytes_.clear();
    format_.Append(slot.index, *slot.answer, bytes_);
    if (Status written = output_.Write(bytes_); !written) return written;
    report_.progress.records = slot.index + 1;
    report_.progress.input_crc = slot.crc;
  }
  unsaved_ = true;
  show_({report_.progress, finished.back().position, total_});
  return {};
}

Status DatasetRun::CheckpointWhenDue() {
  const TimePoint now = Clock::Steady().Now();
  if (!unsaved_ || now < next_checkpoint_) return {};
  unsaved_ = false;
  next_checkpoint_ = now + options_.checkpoint_every;
  return output_.Checkpoint(report_.progress);
}

void DatasetRun::Cancel() {
  cancel_.request_stop();
  const MutexLock lock(mu_);
  changed_.NotifyAll();
}

void DatasetRun::ReadAll() {
  SetThreadName("read");
  Status status;
  for (const std::string& path : options_.inputs) {
    if (status) status = ReadFile(path);
  }
  const bool short_input = read_items_ < output_.begun().records && !cancel_.stop_requested();
  if (status && short_input) {
    status = Fail(Code::kConflict, fmt::format("the input has {} records, but {} are answered already: it is another "
                                               "one; --force begins again",
                                               read_items_, output_.begun().records));
  }
  const MutexLock lock(mu_);
  read_status_ = std::move(status);
  ended_ = true;
  changed_.NotifyAll();
}

}  // namespace weir::dataset
