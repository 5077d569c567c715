// Counters, gauges and histograms behind small types, so that no room above needs the library's headers.
//
// Code does not count by hand: the engine's probes (engine/probe.h) have verbs that say what
// happened and know the names; the HTTP door counts in one middleware. Label values come from closed sets (codes,
// routes, loaded models).
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

namespace weir {

using Labels = std::map<std::string, std::string>;

// Only goes up. Thread-safe, lock-free. Lives as long as its Metrics.
class Counter {
 public:
  void Add(double by = 1);

 private:
  friend class Metrics;
  explicit Counter(void* impl) : impl_(impl) {}
  void* impl_;
};

// Goes up and down. Thread-safe, lock-free. Lives as long as its Metrics.
class Gauge {
 public:
  void Set(double value);
  void Add(double by);

 private:
  friend class Metrics;
  explicit Gauge(void* impl) : impl_(impl) {}
  void* impl_;
};

// Distribution over fixed buckets. Thread-safe. Lives as long as its Metrics.
class Histogram {
 public:
  void Observe(double value);

 private:
  friend class Metrics;
  explicit Histogram(void* impl) : impl_(impl) {}
  void* impl_;
};

// Upper bounds in seconds from 50 us to 60 s, for any latency of the server.
const std::vector<double>& LatencyBuckets();

// All metrics of one process. Owned by the composition root. Thread-safe; asking for the same name and
// labels again gives the same metric. Getting a metric takes a lock: do it once, keep the handle.
class Metrics {
 public:
  Metrics();
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  Counter GetCounter(const std::string& name, const std::string& help, const Labels& labels = {});
  Gauge GetGauge(const std::string& name, const std::string& help, const Labels& labels = {});
  Histogram GetHistogram(const std::string& name, const std::string& help, const std::vector<double>& buckets,
                         const Labels& labels = {});

  // Everything in Prometheus' text format, version 0.0.4.
  std::string Render() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir
