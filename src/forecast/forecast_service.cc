#include "forecast/forecast_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <utility>

#include "base/mutex.h"

namespace weir::forecast {
namespace {

using Done = std::move_only_function<void(Result<ForecastAnswer>)>;

// Says which series it is about.
Error About(const SeriesQuestion& series, Error error) {
  error.message = series.label + error.message;
  if (!series.path.empty()) error.field = error.field.empty() ? series.path : series.path + "." + error.field;
  return error;
}

std::vector<Candle> CandlesOf(std::span<const double> values) {
  std::vector<Candle> list(values.size() / kColumns);
  for (std::size_t row = 0; row < list.size(); ++row) {
    std::ranges::copy(values.subspan(row * kColumns, kColumns), list[row].begin());
  }
  return list;
}

std::vector<Candle> MeanOf(std::span<const std::vector<Candle>> samples) {
  std::vector<Candle> mean(samples.front().size(), Candle{});
  for (std::size_t step = 0; step < mean.size(); ++step) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      for (const auto& sample : samples) mean[step][column] += sample[step][column];
      mean[step][column] /= static_cast<double>(samples.size());
    }
  }
  return mean;
}

// Some samples of one series: a job.
struct Part {
  std::size_t series = 0;
  std::uint32_t first_sample = 0;
  JobRequest job;
};

// Collects the answers to the series of one request. Shared by the jobs' callbacks; the last to finish, or the first
// to fail, ends it. Thread-safe.
class Gather {
 public:
  Gather(ForecastQuestion question, std::string version, Done done)
      : question_(std::move(question)), on_cancel_(question_.stop, [this] { rest_.request_stop(); }),
        done_(std::move(done)) {
    answer_.version = std::move(version);
    for (const SeriesQuestion& series : question_.series) {
      answer_.series.emplace_back().samples.resize(series.samples);
      missing_ += series.samples;
    }
  }

  const ForecastQuestion& question() const { return question_; }
  std::stop_token stop() const { return rest_.get_token(); }

  void Finish(std::size_t index, std::uint32_t first_sample, Result<Output> output) {
    if (!output) return Fail(index, std::move(output.error()));
    Done call;
    {
      const MutexLock lock(mu_);
      if (!done_) return;
      const std::size_t each = output->tensors[0].elements();
      const std::span<const double> samples = output->tensors[1].As<double>();
      for (std::size_t at = 0; at < samples.size(); at += each, ++first_sample) {
        answer_.series[index].samples[first_sample] = CandlesOf(samples.subspan(at, each));
        --missing_;
      }
      if (output->times.ended >= answer_.times.ended) answer_.times = output->times;
      if (missing_ == 0) call = std::exchange(done_, {});
    }
    if (!call) return;
    for (SeriesForecast& series : answer_.series) series.mean = MeanOf(series.samples);
    call(std::move(answer_));
  }

  void Show(std::size_t index, const std::vector<Tensor>& part) const {
    const auto place = part[0].As<std::int32_t>();
    question_.on_candle(index,
                        {.sample = static_cast<std::uint32_t>(place[0]), .step = static_cast<std::uint32_t>(place[1])},
                        CandlesOf(part[1].As<double>()).front());
  }

  void Fail(std::size_t index, Error error) { Refuse(About(question_.series[index], std::move(error))); }

  void Refuse(Error error) {
    Done call;
    {
      const MutexLock lock(mu_);
      call = std::exchange(done_, {});
    }
    if (!call) return;
    rest_.request_stop();  // the others' answers are of no use any more
    call(std::unexpected(std::move(error)));
  }

 private:
  const ForecastQuestion question_;
  std::stop_source rest_;
  const std::stop_callback<std::function<void()>> on_cancel_;
  Mutex mu_;
  ForecastAnswer answer_;                    // written under mu_, read once nobody writes any more
  std::size_t missing_ GUARDED_BY(mu_) = 0;  // samples
  Done done_ GUARDED_BY(mu_);
};

// All of the request's jobs, checked; nothing has been done for them yet.
Result<std::vector<Part>> PartsOf(const Servable& servable, const std::shared_ptr<Gather>& gather, std::size_t runs) {
  std::vector<Part> parts;
  const ForecastQuestion& question = gather->question();
  for (std::size_t index = 0; index < question.series.size(); ++index) {
    const SeriesQuestion& series = question.series[index];
    if (series.samples < 1 || series.samples > kMostSamples) {
      return std::unexpected(About(
          series,
          {Code::kUnprocessable, fmt::format("'sample_count' must be from 1 to {}", kMostSamples), "sample_count"}));
    }
    const auto count = static_cast<std::uint32_t>(std::clamp<std::size_t>(runs, 1, series.samples));
    std::uint32_t first = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t samples = series.samples / count + (i < series.samples % count ? 1 : 0);
      const ForecastMethod method{.exact = series.exact, .first_sample = first};
      JobRequest job{.method = method.Encode(),
                     .inputs = ToTensors(series.candles, series.times, series.sampling, samples, series.seed),
                     .deadline = question.deadline,
                     .stop = gather->stop(),
                     .priority = question.priority,
                     .client = question.client};
      if (Status fits = servable.Check(job); !fits) return std::unexpected(About(series, std::move(fits.error())));
      job.cost = servable.CostOf(job.inputs);
      if (question.on_candle) {
        job.on_part = [gather, index](const std::vector<Tensor>& part) { gather->Show(index, part); };
      }
      parts.push_back({.series = index, .first_sample = first, .job = std::move(job)});
      first += samples;
    }
  }
  return parts;
}

void Begin(const Registry::DeploymentPtr& deployment, ForecastQuestion question, Done done) {
  const Servable& servable = *deployment->servable();
  if (servable.task() != "forecast") {
    return done(Fail(Code::kUnprocessable,
                     fmt::format("model '{}' forecasts no candles: its task is '{}'", question.model, servable.task()),
                     "model"));
  }
  if (question.series.empty()) return done(ForecastAnswer{});
  std::string version = VersionText(ParseReference(deployment->name()).version.value_or(0));
  const auto gather = std::make_shared<Gather>(std::move(question), std::move(version), std::move(done));
  const std::size_t runs = std::min(servable.max_steppers(), deployment->status().workers);
  Result<std::vector<Part>> parts = PartsOf(servable, gather, runs);
  if (!parts) return gather->Refuse(std::move(parts.error()));
  Demand demand{.jobs = parts->size(),
                .bytes = 0,
                .work = 0,
                .priority = gather->question().priority,
                .client = gather->question().client};
  for (const Part& part : *parts) {
    demand.bytes += part.job.cost.bytes;
    demand.work += part.job.cost.length;
  }
  Result<Permit> permit = deployment->Admit(demand, gather->question().deadline);
  if (!permit) return gather->Refuse(std::move(permit.error()));
  std::uint64_t work = 0;
  for (Part& part : *parts) {
    part.job.work_before = std::exchange(work, work + part.job.cost.length);
    deployment->Submit(std::move(part.job), permit->SplitOne(),
                       [gather, series = part.series, first = part.first_sample](Result<Output> output) {
                         gather->Finish(series, first, std::move(output));
                       });
  }
}

}  // namespace

std::vector<Candle> QuantileOf(std::span<const std::vector<Candle>> samples, double quantile) {
  std::vector<Candle> made(samples.empty() ? 0 : samples.front().size());
  std::vector<double> values(samples.size());
  const double place = quantile * static_cast<double>(samples.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, samples.size() - 1);
  for (std::size_t step = 0; step < made.size(); ++step) {
    for (std::size_t column = 0; column < kColumns; ++column) {
      for (std::size_t i = 0; i < samples.size(); ++i) values[i] = samples[i][step][column];
      std::ranges::sort(values);
      made[step][column] = std::lerp(values[below], values[above], place - static_cast<double>(below));
    }
  }
  return made;
}

std::uint64_t NewSeed() {
  std::random_device random;
  return ((static_cast<std::uint64_t>(random()) << 32U) | random()) & static_cast<std::uint64_t>(kLargestSeed);
}

void ForecastService::Ask(ForecastQuestion question, Done done) {
  const std::string model = question.model;
  const Deadline deadline = question.deadline;
  engine_.WhenReady(
      model, deadline,
      [question = std::move(question), done = std::move(done)](Result<Registry::DeploymentPtr> ready) mutable {
        if (!ready) return done(Forward(ready));
        Begin(*ready, std::move(question), std::move(done));
      });
}

}  // namespace weir::forecast
