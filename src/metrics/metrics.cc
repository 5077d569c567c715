#include "metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

namespace weir {

struct Metrics::Impl {
  prometheus::Registry registry;
};

void Counter::Add(double by) { static_cast<prometheus::Counter*>(impl_)->Increment(by); }
void Gauge::Set(double value) { static_cast<prometheus::Gauge*>(impl_)->Set(value); }
void Gauge::Add(double by) { static_cast<prometheus::Gauge*>(impl_)->Increment(by); }
void Histogram::Observe(double value) { static_cast<prometheus::Histogram*>(impl_)->Observe(value); }

const std::vector<double>& LatencyBuckets() {
  static const std::vector<double> buckets = {5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2,
                                              5e-2, 0.1,  0.25,   0.5,  1,    2.5,    5,    10,   60};
  return buckets;
}

Metrics::Metrics() : impl_(std::make_unique<Impl>()) {}
Metrics::~Metrics() = default;

Counter Metrics::GetCounter(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildCounter().Name(name).Help(help).Register(impl_->registry);
  return Counter(&family.Add(labels));
}

Gauge Metrics::GetGauge(const std::string& name, const std::string& help, const Labels& labels) {
  auto& family = prometheus::BuildGauge().Name(name).Help(help).Register(impl_->registry);
  return Gauge(&family.Add(labels));
}

Histogram Metrics::GetHistogram(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                                const Labels& labels) {
  auto& family = prometheus::BuildHistogram().Name(name).Help(help).Register(impl_->registry);
  return Histogram(&family.Add(labels, prometheus::Histogram::BucketBoundaries(buckets)));
}

std::string Metrics::Render() const { return prometheus::TextSerializer().Serialize(impl_->registry.Collect()); }

}  // namespace weir
