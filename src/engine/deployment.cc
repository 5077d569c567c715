#include "engine/deployment.h"

#include <fmt/format.h>

#include <exception>
#include <utility>

#include "base/log.h"
#include "base/pause.h"
#include "base/thread_name.h"
#include "engine/model_version.h"
#include "engine/profiler.h"
#include "engine/step_lanes.h"

namespace weir {
namespace {

BatchLimits LimitsFor(const Servable& servable, BatchLimits limits) {
  limits.max_jobs = std::min(limits.max_jobs, servable.max_batch());
  return limits;
}

// A full queue is looked through that often at most, however many are refused.
constexpr Duration kBetweenDrops = std::chrono::milliseconds(20);
// Measuring waits so long for the cores to be free, twice as long each time that they are not.
constexpr Duration kFirstPause = std::chrono::milliseconds(100);
constexpr Duration kLongestPause = std::chrono::seconds(10);
// What is measured without being asked for: enough for what is batched at all.
constexpr std::uint32_t kLongestMeasured = 256;

}  // namespace

void Apply(const DeploymentChanges& changes, DeploymentOptions& options) {
  if (changes.workers) options.workers = *changes.workers;
  if (changes.max_jobs) options.admission.max_jobs = *changes.max_jobs;
  if (changes.max_waiting) options.max_waiting = changes.max_waiting;
  if (changes.max_bytes) options.admission.max_bytes = *changes.max_bytes;
  if (changes.max_deadline) options.max_deadline = *changes.max_deadline;
}

DeploymentChanges ChangesTo(const DeploymentOptions& options) {
  return {.workers = options.workers,
          .max_jobs = options.admission.max_jobs,
          .max_waiting = options.max_waiting,
          .max_bytes = options.admission.max_bytes,
          .max_deadline = options.max_deadline};
}

DeploymentStatus BoundsOf(const DeploymentOptions& options) {
  return {.workers = options.workers,
          .max_jobs = options.bounds().max_jobs,
          .max_bytes = options.admission.max_bytes,
          .max_deadline = options.max_deadline};
}

AdmissionLimits DeploymentOptions::bounds() const {
  AdmissionLimits limits = admission;
  if (max_waiting) limits.max_jobs = std::min(limits.max_jobs, workers + *max_waiting);
  return limits;
}

std::size_t Deployment::Lanes(const DeploymentOptions& options) const {
  return std::min({options.workers, context_.threads.count(), servable_->max_steppers()});
}

Deployment::Deployment(std::string name, std::shared_ptr<const Servable> servable, const DeploymentOptions& options,
                       const DeploymentContext& context, std::shared_ptr<RunTotals> totals)
    : name_(std::move(name)), servable_(std::move(servable)), context_(context),
      use_short_cut_(options.short_cut && !servable_->steps()), options_(options), totals_(std::move(totals)),
      probe_(context.metrics, std::string(ParseReference(name_).name), *totals_, context.clock),
      backlog_(context.backlog),
      admission_(options.bounds(), options.workers, backlog_, context.clock, probe_.in_flight()),
      queue_(LimitsFor(*servable_, options.batch), Lanes(options), costs_, context.clock),
      runs_(MakeStrategy(Lanes(options))), share_(context.threads, *runs_, Lanes(options)) {
  max_deadline_.store(options.max_deadline.count(), std::memory_order_relaxed);
  if (options.cache_bytes > 0) cache_.emplace(options.cache_bytes);
  const bool batches = servable_->max_batch() > 1 && options.batch.mode == BatchMode::kCost;
  std::optional<CostTable> known = batches && context.costs != nullptr ? context.costs->Find(name_) : std::nullopt;
  if (known) costs_.Load(*known);
  if (batches && !known && options.measure_when_idle) {
    measuring_ = std::jthread([this](const std::stop_token& stop) {
      try {
        MeasureWhenIdle(stop);
      } catch (const std::exception& e) {  // memory, most likely: it is not needed
        log::Warn("model '{}': what its runs cost could not be measured: {}", name_, e.what());
      }
    });
  }
}

Deployment::~Deployment() {
  measuring_ = {};
  StopHard();
}

WorkerContext Deployment::MakeWorkerContext() {
  return {.queue = queue_,
          .admission = admission_,
          .costs = costs_,
          .short_cut = short_cut_,
          .probe = probe_,
          .clock = context_.clock};
}

std::unique_ptr<RunStrategy> Deployment::MakeStrategy(std::size_t lanes) {
  if (servable_->steps()) {
    return std::make_unique<StepLanes>(MakeWorkerContext(), *servable_, lanes,
                                       StepProbe(context_.metrics, std::string(ParseReference(name_).name)));
  }
  return std::make_unique<Workers>(MakeWorkerContext(), *servable_, lanes);
}

Deadline Deployment::Cut(Deadline deadline) const {
  const Duration most(max_deadline_.load(std::memory_order_relaxed));
  if (most == Duration::zero()) return deadline;
  return Deadline(std::min(deadline.at(), context_.clock.Now() + most));
}

Result<Permit> Deployment::Admit(const Demand& demand, Deadline deadline) {
  if (closed_.load(std::memory_order_acquire)) {
    return Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name_));
  }
  Result<Permit> permit = admission_.Acquire(demand, Cut(deadline));
  if (!permit && permit.error().code == Code::kResourceExhausted && DropWhatIsInVain()) {
    permit = admission_.Acquire(demand, Cut(deadline));
  }
  if (!permit) probe_.Refused(permit.error());
  return permit;
}

bool Deployment::DropWhatIsInVain() {
  const TimePoint now = context_.clock.Now();
  TimePoint::rep due = next_drop_.load(std::memory_order_relaxed);
  const TimePoint::rep next = (now + kBetweenDrops).time_since_epoch().count();
  if (now.time_since_epoch().count() < due || !next_drop_.compare_exchange_strong(due, next)) return false;
  queue_.Expire(now);
  return true;
}

std::unique_ptr<Job> Deployment::MakeJob(JobRequest request, Permit permit, Reply::Callback callback) {
  probe_.Queued();
  request.deadline = Cut(request.deadline);
  auto job =
      std::make_unique<Job>(std::move(request), std::move(permit), std::move(callback), context_.clock.Now(), &probe_);
  job->keep = weak_from_this().lock();  // none where it is not shared: its owner sees to it
  return job;
}

void Deployment::Offer(JobRequest request, Reply::Callback callback) {
  if (Status fits = servable_->Check(request); !fits) return callback(Forward(fits));
  if (request.method == 0) request.cost = servable_->CostOf(request.inputs);
  Result<Permit> permit = Admit({.bytes = request.cost.bytes,
                                 .work = request.cost.length,
                                 .priority = request.priority,
                                 .client = request.client},
                                request.deadline);
  if (!permit) return callback(Forward(permit));
  context_.note_deadline(request.deadline);
  const bool cheap = use_short_cut_ && request.cost.group == 0 && short_cut_.IsCheap(request.cost.bytes);
  JobPtr job = MakeJob(std::move(request), std::move(*permit), std::move(callback));
  if (cheap && short_cut_.Run(MakeWorkerContext(), *servable_, job)) return;
  Enqueue(std::move(job));
}

void Deployment::Submit(JobRequest request, Permit permit, Reply::Callback callback) {
  PendingJob job{std::move(request), std::move(permit), std::move(callback)};
  if (!cache_ || job.request.on_part) return Run(std::move(job));  // parts are not kept
  const TimePoint begun = context_.clock.Now();
  job.since = begun;
  PredictionCache::Found found = cache_->Find(job);
  if (found.flight) return Lead(std::move(*found.flight), std::move(job));
  if (!found.answer) return probe_.Cached(CacheUse::kJoined, {});
  const TimePoint now = context_.clock.Now();
  probe_.Cached(CacheUse::kHit, now - begun);
  job.permit.Release();
  job.callback(Output{
      .tensors = std::move(*found.answer), .times = {.queued = begun, .started = begun, .ended = now}, .cached = true});
}

void Deployment::Run(PendingJob job) {
  Enqueue(MakeJob(std::move(job.request), std::move(job.permit), std::move(job.callback)));
}

// Runs the job for all who wait for its answer.
void Deployment::Lead(PredictionCache::Flight flight, PendingJob job) {
  probe_.Cached(CacheUse::kMiss, {});
  job.callback = [this, keep = weak_from_this().lock(), flight = std::move(flight),
                  callback = std::move(job.callback)](Result<Output> output) mutable {
    Landed(flight, output);
    callback(std::move(output));
  };
  Run(std::move(job));
}

// An error that is the leader's own affair is not theirs who wait: the next of them leads.
void Deployment::Landed(const PredictionCache::Flight& flight, const Result<Output>& output) {
  const Code code = output ? Code::kInternal : output.error().code;
  const bool next = !output && (code == Code::kCancelled || code == Code::kDeadlineExceeded);
  std::vector<PendingJob> waiting = cache_->Land(flight, output ? &output->tensors : nullptr, next);
  probe_.CacheHolds(cache_->bytes());
  if (next && !waiting.empty()) return Lead(flight, std::move(waiting.front()));
  for (PendingJob& job : waiting) {
    job.permit.Release();
    totals_->Answered(output.has_value(), context_.clock.Now() - job.since);
    Result<Output> shared = output;
    if (shared) shared->cached = true;
    job.callback(std::move(shared));
  }
}

void Deployment::Enqueue(JobPtr job) {
  const Deadline deadline = job->request.deadline;
  const JobPtr refused = queue_.Push(std::move(job));
  context_.note_deadline(deadline);  // after the push: a sweep in between would miss the job
  share_.Wake();
  if (refused) {
    refused->reply.Answer(Fail(Code::kUnavailable, fmt::format("model '{}' is being unloaded", name_)));
  }
}

void Deployment::MeasureWhenIdle(const std::stop_token& stop) {
  SetThreadName("measure");
  Duration pause = kFirstPause;
  const auto rest = [&] {
    const bool whole = Pause(pause, stop);
    pause = std::min(pause * 2, kLongestPause);
    return whole;
  };
  const auto measure = [&](const Profiler::Run& run) {
    for (;;) {
      std::stop_source disturbed;
      const std::stop_callback on_stop(stop, [&] { disturbed.request_stop(); });
      if (context_.threads.TryMeasure(disturbed)) {
        struct Turn {
          RunThreads& threads;
          ~Turn() { threads.EndMeasuring(); }
        };
        const Turn turn{context_.threads};
        if (run(disturbed.get_token())) {
          pause = kFirstPause;
          return true;
        }
      }
      if (!rest()) return false;
    }
  };
  CostTable table;
  if (!rest() || !Profiler(*servable_, {.longest = kLongestMeasured}).Profile(measure, table)) return;
  costs_.Load(table);
  if (context_.costs != nullptr) context_.costs->Keep(name_, table);
  log::Info("model '{}': measured what its runs cost; batches are chosen by that from now on", name_);
}

DeploymentStatus Deployment::status() const {
  const QueueCounts counts = queue_.counts();
  const MutexLock lock(change_);
  DeploymentStatus status = BoundsOf(options_);
  status.jobs = admission_.jobs();
  status.queued = counts.queued;
  status.running = counts.running;
  return status;
}

void Deployment::Change(const DeploymentChanges& changes) {
  const MutexLock lock(change_);
  Apply(changes, options_);
  const std::size_t lanes = Lanes(options_);
  max_deadline_.store(options_.max_deadline.count(), std::memory_order_relaxed);
  admission_.SetLimits(options_.bounds(), options_.workers);
  queue_.SetLanes(lanes);
  runs_->SetCount(lanes);
  share_.SetWorkers(lanes);
}

bool Deployment::Drain(Deadline deadline, const std::stop_token& hurry) {
  Close();
  measuring_.request_stop();
  // First the permits, which texts hold while they are tokenized too, then the answers.
  const bool all = admission_.WaitIdle(deadline, hurry) && queue_.WaitIdle(deadline, hurry);
  if (!all) StopHard();
  return all;
}

void Deployment::StopHard() {
  Close();
  measuring_.request_stop();
  queue_.Close();
  runs_->Stop();
  for (const JobPtr& job : queue_.TakeAll()) {
    job->reply.Answer(Fail(Code::kUnavailable,
                           fmt::format("model '{}' was unloaded, or the server stopped, before this ran", name_)));
  }
}

}  // namespace weir
