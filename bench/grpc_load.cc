// Calls ModelInfer of `identity` over so many channels, one call at a time on each, and tells calls a second and
// latencies.
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "inference.grpc.pb.h"

namespace {

using Clock = std::chrono::steady_clock;

// One channel; confined to its callbacks, which follow each other.
class Caller {
 public:
  Caller(const std::string& target, int number, Clock::time_point until, std::atomic<int>& open)
      : stub_(inference::GRPCInferenceService::NewStub(Channel(target, number))), until_(until), open_(open) {
    request_.set_model_name("identity");
    auto& input = *request_.add_inputs();
    input.set_name("INPUT0");
    input.set_datatype("FP32");
    input.add_shape(1);
    input.add_shape(4);
    request_.add_raw_input_contents(std::string(16, '\0'));
  }

  void Call() {
    begun_ = Clock::now();
    context_ = std::make_unique<grpc::ClientContext>();
    stub_->async()->ModelInfer(context_.get(), &request_, &response_, [this](const grpc::Status& status) {
      if (!status.ok() || response_.raw_output_contents_size() != 1) ++failed;
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
  std::atomic<int>& open_;
  inference::ModelInferRequest request_;
  inference::ModelInferResponse response_;
  std::unique_ptr<grpc::ClientContext> context_;
  Clock::time_point begun_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fputs("usage: weir_grpc_load HOST:PORT CHANNELS SECONDS\n", stderr), 2;
  const int channels = std::atoi(argv[2]);
  const double seconds = std::atof(argv[3]);
  std::atomic<int> open = channels;
  const auto until = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  std::vector<std::unique_ptr<Caller>> callers;
  for (int i = 0; i < channels; ++i) callers.push_back(std::make_unique<Caller>(argv[1], i, until, open));
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
