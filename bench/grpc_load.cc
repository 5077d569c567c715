// Calls ModelInfer over so many channels, one call at a time on each, and tells calls a second and latencies: of
// `identity`, or of a text model with the lines of a file in turn.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "inference.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

// What is sent: the same tensor again and again, or texts in turn. Thread-safe.
class Requests {
 public:
  Requests(std::string model, std::vector<std::string> texts) : model_(std::move(model)), texts_(std::move(texts)) {}

  // Into a request that Fill has filled before, or a new one.
  void Fill(inference::ModelInferRequest& request) {
    if (texts_.empty() && request.inputs_size() > 0) return;
    request.Clear();
    request.set_model_name(model_);
    auto& input = *request.add_inputs();
    input.add_shape(1);
    if (texts_.empty()) {
      input.set_name("INPUT0");
      input.set_datatype("FP32");
      input.add_shape(4);
      request.add_raw_input_contents(std::string(16, '\0'));
      return;
    }
    const std::string& text = texts_[next_++ % texts_.size()];
    input.set_name("text");
    input.set_datatype("BYTES");
    std::string bytes;
    for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(text.size() >> shift);
    request.add_raw_input_contents(bytes + text);
  }

 private:
  const std::string model_;
  const std::vector<std::string> texts_;
  std::atomic<std::size_t> next_ = 0;
};

// One channel; confined to its callbacks, which follow each other.
class Caller {
 public:
  Caller(const std::string& target, int number, Clock::time_point until, Requests& requests, std::atomic<int>& open)
      : stub_(inference::GRPCInferenceService::NewStub(Channel(target, number))), until_(until), requests_(requests),
        open_(open) {}

  void Call() {
    requests_.Fill(request_);
    begun_ = Clock::now();
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->async()->ModelInfer(context_.get(), &request_, &response_, [this](const grpc::Status& status) {
      if (!status.ok() || response_.raw_output_contents_size() < 1) ++failed;
      const Clock::time_point now = Clock::now();
      latencies.push_back(std::chrono::duration<double, std::micro>(now - begun_).count());
      if (now < until_) return Call();
      if (open_.fetch_sub(1) == 1) open_.notify_all();
    });
  }

  std::vector<double> latencies;  // us
  std::size_t failed = 0;

 private:
  // Each with a connection of its own.
  static std::shared_ptr<grpc::Channel> Channel(const std::string& target, int number) {
    grpc::ChannelArguments arguments;
    arguments.SetInt("weir.channel", number);
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(target, grpc::InsecureChannelCredentials(), arguments);
  }

  const std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
  const Clock::time_point until_;
  Requests& requests_;
  std::atomic<int>& open_;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  std::unique_ptr<grpc::ClientContext> context_;
  Clock::time_point begun_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4 && argc != 6) {
    return std::fputs("usage: weir_grpc_load HOST:PORT CHANNELS SECONDS [MODEL FILE_OF_TEXTS]\n", stderr), 2;
  }
  std::vector<std::string> texts;
  if (argc == 6) {
    std::ifstream file(argv[5]);
    for (std::string line; std::getline(file, line);) texts.push_back(line);
    if (texts.empty()) return std::fprintf(stderr, "there are no texts in %s\n", argv[5]), 2;
  }
  Requests requests(argc == 6 ? argv[4] : "identity", std::move(texts));
  const int channels = std::atoi(argv[2]);
  const double seconds = std::atof(argv[3]);
  std::atomic<int> open = channels;
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < channels; ++i) callers.push_back(std::make_unique<Caller>(argv[1], i, until, requests, open));
  for (const auto& caller : callers) caller->Call();
  for (int left = open.load(); left > 0; left = open.load()) open.wait(left);
  std::vector<double> all;
  std::size_t failed = 0;
  for (const auto& caller : callers) {
    all.insert(all.end(), caller->latencies.begin(), caller->latencies.end());
    failed += caller->failed;
  }
  std::ranges::sort(all);
  std::printf("{\"calls_per_second\": %.0f, \"p50_us\": %.1f, \"p99_us\": %.1f, \"failed\": %zu}\n",
              static_cast<double>(all.size()) / seconds, all[all.size() / 2], all[all.size() * 99 / 100], failed);
  return failed == 0 ? 0 : 1;
}
