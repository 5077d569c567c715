// The least that embedding texts costs: tokenize, run, pool, normalise; no server and no engine.
//
//   bare_loop MODEL_FOLDER TEXTS [--count N] [--seconds S] [--threads T] [--batch B] [--order file|length]
//             [--vectors FILE]
//
// TEXTS has one text a line. T threads (2) share one ONNX Runtime session with the server's options; each takes
// the next B texts (1), tokenizes them, pads them to the longest, runs them together and pools each; from the first
// line again after the last, until N texts are done or S seconds have passed. All threads go on until then, so that
// the clock stops under full load. With --order length the texts are sorted by their number of tokens before the
// clock starts. Prints one JSON object. With --vectors each line's vector is written to FILE as raw floats, and
// nothing is timed.
#include <onnxruntime_cxx_api.h>

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <functional>
#include <limits>
#include <memory>
#include <mutex>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "text/tokenizer.h"

namespace {

using SteadyClock = std::chrono::steady_clock;

// What the model takes; the texts of the benchmark stay below it, so that nothing is cut on either side.
constexpr std::size_t kMaxTokens = 512;

struct Arguments {
  std::string folder;
  std::string texts;
  std::size_t count = std::numeric_limits<std::size_t>::max();
  double seconds = std::numeric_limits<double>::infinity();
  std::size_t threads = 2;
  std::size_t batch = 1;
  bool by_length = false;
  std::string vectors;  // a file; empty: measure
};

struct Embedded {
  std::vector<float> vector;
  std::size_t tokens = 0;
};

// A tokenizer and a session. Thread-safe.
class Encoder {
 public:
  explicit Encoder(const std::string& folder) : session_(env_, (folder + "/model.onnx").c_str(), Options()) {
    auto tokenizer = weir::Tokenizer::Load(folder + "/tokenizer.json");
    if (!tokenizer) throw std::runtime_error(tokenizer.error().message);
    tokenizer_ = *tokenizer;
  }

  // One result a text, in their order.
  std::vector<Embedded> Embed(std::span<const std::string* const> texts) {
    std::vector<weir::TokenIds> tokens;
    std::size_t longest = 0;
    for (const std::string* text : texts) {
      tokens.push_back(Encode(*text));
      longest = std::max(longest, tokens.back().ids.size());
    }
    const std::vector<Ort::Value> outputs = Run(tokens, longest);
    const auto width = static_cast<std::size_t>(outputs[0].GetTensorTypeAndShapeInfo().GetShape()[2]);
    const auto* hidden = outputs[0].GetTensorData<float>();
    std::vector<Embedded> results;
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const std::size_t rows = tokens[i].ids.size();
      results.push_back({MeanNormalised(hidden + i * longest * width, rows, width), rows});
    }
    return results;
  }
  weir::TokenIds Encode(const std::string& text) const {
    auto tokens = tokenizer_->Encode(text, {.max_tokens = kMaxTokens});
    if (!tokens) throw std::runtime_error(tokens.error().message);
    return *std::move(tokens);
  }

 private:
  static Ort::SessionOptions Options() {
    Ort::SessionOptions options;
    options.SetIntraOpNumThreads(1);
    options.SetInterOpNumThreads(1);
    options.SetExecutionMode(ORT_SEQUENTIAL);
    options.SetGraphOptimizationLevel(ORT_ENABLE_ALL);
    return options;
  }

  std::vector<Ort::Value> Run(const std::vector<weir::TokenIds>& tokens, std::size_t longest) {
    static constexpr std::array<const char*, 3> kInputs = {"input_ids", "attention_mask", "token_type_ids"};
    static constexpr std::array<const char*, 1> kOutputs = {"last_hidden_state"};
    std::vector<std::int64_t> ids(tokens.size() * longest, 0);
    std::vector<std::int64_t> mask(ids.size(), 0);
    std::vector<std::int64_t> types(ids.size(), 0);
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto at = static_cast<std::ptrdiff_t>(i * longest);
      std::ranges::copy(tokens[i].ids, ids.begin() + at);
      std::ranges::copy(tokens[i].type_ids, types.begin() + at);
      std::fill_n(mask.begin() + at, tokens[i].ids.size(), 1);
    }
    const std::array<std::int64_t, 2> shape = {static_cast<std::int64_t>(tokens.size()),
                                               static_cast<std::int64_t>(longest)};
    std::array<Ort::Value, 3> inputs = {Wrap(ids, shape), Wrap(mask, shape), Wrap(types, shape)};
    return session_.Run(Ort::RunOptions(), kInputs.data(), inputs.data(), inputs.size(), kOutputs.data(),
                        kOutputs.size());
  }

  Ort::Value Wrap(std::vector<std::int64_t>& values, const std::array<std::int64_t, 2>& shape) const {
    return Ort::Value::CreateTensor<std::int64_t>(memory_, values.data(), values.size(), shape.data(), shape.size());
  }

  static std::vector<float> MeanNormalised(const float* hidden, std::size_t rows, std::size_t width) {
    std::vector<float> mean(width, 0.0F);
    for (std::size_t row = 0; row < rows; ++row) {
      for (std::size_t i = 0; i < width; ++i) mean[i] += hidden[row * width + i];
    }
    float squares = 0;
    for (float& value : mean) {
      value /= static_cast<float>(rows);
      squares += value * value;
    }
    const float norm = std::max(std::sqrt(squares), 1e-12F);
    for (float& value : mean) value /= norm;
    return mean;
  }

  Ort::Env env_{ORT_LOGGING_LEVEL_WARNING, "bare_loop"};
  Ort::Session session_;
  Ort::MemoryInfo memory_ = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  std::shared_ptr<const weir::Tokenizer> tokenizer_;
};

std::vector<std::string> ReadLines(const std::string& file) {
  std::ifstream stream(file);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  if (lines.empty()) throw std::runtime_error(file + " has no texts");
  return lines;
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

// Runs the loop and keeps its books. `Go` may be called again.
class Loop {
 public:
  Loop(Encoder& encoder, const std::vector<std::string>& texts, std::size_t batch)
      : encoder_(encoder), texts_(texts), batch_(batch) {}

  // Returns the seconds that the first `count` texts took, or about `seconds` if those are over before.
  double Go(std::size_t threads, std::size_t count, double seconds) {
    next_ = 0;
    done_ = 0;
    tokens_ = 0;
    stop_ = false;
    ended_ = {};
    const SteadyClock::time_point start = SteadyClock::now();
    std::vector<std::jthread> workers;
    for (std::size_t i = 0; i < threads; ++i) {
      workers.emplace_back([&] { Work(start, count, seconds); });
    }
    workers.clear();
    if (!failure_.empty()) throw std::runtime_error(failure_);
    return std::chrono::duration<double>(ended_ - start).count();
  }
  std::size_t done() const { return done_at_end_; }
  std::size_t tokens() const { return tokens_at_end_; }

 private:
  void Work(SteadyClock::time_point start, std::size_t count, double seconds) {
    try {
      std::vector<const std::string*> taken(batch_);
      while (!stop_) {
        const std::size_t first = next_.fetch_add(batch_);
        for (std::size_t i = 0; i < batch_; ++i) taken[i] = &texts_[(first + i) % texts_.size()];
        std::size_t tokens = 0;
        for (const Embedded& embedded : encoder_.Embed(taken)) tokens += embedded.tokens;
        if (!stop_) Book(start, tokens, count, seconds);
      }
    } catch (const std::exception& e) {
      const std::scoped_lock lock(mu_);
      failure_ = e.what();
      stop_ = true;
    }
  }

  void Book(SteadyClock::time_point start, std::size_t tokens, std::size_t count, double seconds) {
    const std::scoped_lock lock(mu_);
    if (stop_) return;
    done_ += batch_;
    tokens_ += tokens;
    const SteadyClock::time_point now = SteadyClock::now();
    if (done_ < count && std::chrono::duration<double>(now - start).count() < seconds) return;
    ended_ = now;
    done_at_end_ = done_;
    tokens_at_end_ = tokens_;
    stop_ = true;
  }

  Encoder& encoder_;
  const std::vector<std::string>& texts_;
  const std::size_t batch_;
  std::atomic<std::size_t> next_ = 0;
  std::atomic<bool> stop_ = false;

  // Guarded by mu_ while the threads run.
  std::mutex mu_;
  std::size_t done_ = 0;
  std::size_t tokens_ = 0;
  std::size_t done_at_end_ = 0;
  std::size_t tokens_at_end_ = 0;
  SteadyClock::time_point ended_;
  std::string failure_;
};

void WriteVectors(Encoder& encoder, const std::vector<std::string>& texts, const std::string& file) {
  std::ofstream out(file, std::ios::binary);
  std::size_t tokens = 0;
  for (const std::string& text : texts) {
    const std::string* const one = &text;
    const Embedded embedded = encoder.Embed({&one, 1}).front();
    tokens += embedded.tokens;
    out.write(reinterpret_cast<const char*>(embedded.vector.data()),
              static_cast<std::streamsize>(embedded.vector.size() * sizeof(float)));
  }
  std::printf("{\"texts\": %zu, \"tokens\": %zu}\n", texts.size(), tokens);
}

// The longest first, so that what is under way when the clock stops is short.
void SortByLength(const Encoder& encoder, std::vector<std::string>& texts) {
  std::vector<std::pair<std::size_t, std::string>> lengths;
  for (std::string& text : texts) {
    const std::size_t tokens = encoder.Encode(text).ids.size();
    lengths.emplace_back(tokens, std::move(text));
  }
  std::ranges::sort(lengths, std::greater());  // longest first, equal ones in the order of their text
  for (std::size_t i = 0; i < texts.size(); ++i) texts[i] = std::move(lengths[i].second);
}

void Measure(Encoder& encoder, std::vector<std::string> texts, const Arguments& arguments) {
  if (arguments.by_length) SortByLength(encoder, texts);
  Loop loop(encoder, texts, arguments.batch);
  loop.Go(arguments.threads, 64, 0.5);  // warm up: memory arenas, caches
  const double cpu_before = CpuSeconds();
  const double seconds = loop.Go(arguments.threads, arguments.count, arguments.seconds);
  std::printf("{\"texts\": %zu, \"tokens\": %zu, \"seconds\": %.6f, \"cpu_seconds\": %.6f}\n", loop.done(),
              loop.tokens(), seconds, CpuSeconds() - cpu_before);
}

Arguments Parse(int argc, char** argv) {
  if (argc < 3 || argc % 2 == 0) throw std::invalid_argument("MODEL_FOLDER and TEXTS are expected");
  Arguments arguments{.folder = argv[1], .texts = argv[2]};
  for (int i = 3; i < argc; i += 2) {
    const std::string_view flag = argv[i];
    const std::string value = argv[i + 1];
    if (flag == "--count") {
      arguments.count = std::stoul(value);
    } else if (flag == "--seconds") {
      arguments.seconds = std::stod(value);
    } else if (flag == "--threads") {
      arguments.threads = std::stoul(value);
    } else if (flag == "--batch") {
      arguments.batch = std::stoul(value);
      if (arguments.batch == 0) throw std::invalid_argument("--batch takes 1 or more");
    } else if (flag == "--order") {
      if (value != "file" && value != "length") throw std::invalid_argument("--order takes file or length");
      arguments.by_length = value == "length";
    } else if (flag == "--vectors") {
      arguments.vectors = value;
    } else {
      throw std::invalid_argument("unknown flag " + std::string(flag));
    }
  }
  return arguments;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const Arguments arguments = Parse(argc, argv);
    const std::vector<std::string> texts = ReadLines(arguments.texts);
    Encoder encoder(arguments.folder);
    if (!arguments.vectors.empty()) {
      WriteVectors(encoder, texts, arguments.vectors);
    } else {
      Measure(encoder, texts, arguments);
    }
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bare_loop: %s\n", e.what());
    return 1;
  }
}
