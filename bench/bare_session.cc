// The least that a process with one ONNX Runtime session costs: bare_session MODEL.onnx
//
// Opens the session with the server's options, prints "ready VERSION", and waits for its standard input to
// end. "run" on a line of its input runs the model once, on a 1 x 4 FP32 input, and prints "ran".
#include <onnxruntime_cxx_api.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <exception>

#include "server_options.h"

namespace {

void RunOnce(Ort::Session& session) {
  const Ort::MemoryInfo memory = Ort::MemoryInfo::CreateCpu(OrtArenaAllocator, OrtMemTypeDefault);
  Ort::AllocatorWithDefaultOptions allocator;
  const Ort::AllocatedStringPtr input_name = session.GetInputNameAllocated(0, allocator);
  const Ort::AllocatedStringPtr output_name = session.GetOutputNameAllocated(0, allocator);
  std::array<float, 4> values = {1, 2, 3, 4};
  const std::array<std::int64_t, 2> shape = {1, 4};
  const Ort::Value input =
      Ort::Value::CreateTensor<float>(memory, values.data(), values.size(), shape.data(), shape.size());
  const char* input_names[] = {input_name.get()};
  const char* output_names[] = {output_name.get()};
  session.Run(Ort::RunOptions(), input_names, &input, 1, output_names, 1);
}

void Serve(const char* file) {
  const Ort::Env env(ORT_LOGGING_LEVEL_WARNING, "bare_session");
  Ort::Session session(env, file, ServerOptions());
  std::printf("ready %s\n", OrtGetApiBase()->GetVersionString());
  std::fflush(stdout);
  std::array<char, 64> line{};
  while (std::fgets(line.data(), static_cast<int>(line.size()), stdin) != nullptr) {
    if (std::strcmp(line.data(), "run\n") != 0) continue;
    RunOnce(session);
    std::puts("ran");
    std::fflush(stdout);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return std::fputs("usage: bare_session MODEL.onnx\n", stderr), 2;
  try {
    Serve(argv[1]);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "bare_session: %s\n", e.what());
    return 1;
  }
}
