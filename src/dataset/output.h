// The file of answers, which a run that was cut can go on with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "dataset/format.h"

namespace weir::dataset {

// How far a run has come. Value type.
struct Progress {
  std::uint64_t records = 0;
  std::uint64_t failed = 0;
  std::uint32_t input_crc = 0;  // of the items up to there
};

// What must be the same when a run goes on: settings and input by name, and a sample of the model's answers.
struct RunIdentity {
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<float> sample;
};

struct OutputOptions {
  std::filesystem::path path;  // empty: standard output
  bool resume = false;
  bool replace = false;
};

// Writes answers in order. Beside a regular file F lies F.resume while the run is not over: what the run is, and
// how far it had come at the last checkpoint; bytes after that are cut off when the run goes on. Owned by the
// run, confined to its thread. Destruction makes no checkpoint.
class Output {
 public:
  // kConflict when the file is there and may be neither continued nor replaced, when another process writes to it,
  // or when it belongs to a run with another identity (the message says what differs). Blocks.
  static Result<std::unique_ptr<Output>> Open(const OutputOptions& options, const Format& format,
                                              const RunIdentity& identity);
  ~Output();
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Where an earlier run had come to.
  const Progress& begun() const { return begun_; }

  // Takes the bytes; writes them when enough have come together. May block for the disk or the reader of a pipe.
  Status Write(std::string_view bytes);
  Status Flush();
  // After it the run can go on from here, even when the machine stops. Flushes.
  Status Checkpoint(const Progress& progress);
  // Flushes, completes the head, removes the checkpoint.
  Status Finish(const Progress& progress);

 private:
  Output(std::filesystem::path path, const Format& format) : path_(std::move(path)), format_(format) {}
  Status Create(const OutputOptions& options);
  Status Continue(const RunIdentity& identity);
  std::unexpected<Error> Failed(const std::string& what) const;
  std::filesystem::path checkpoint_path() const { return path_.string() + ".resume"; }

  const std::filesystem::path path_;
  const Format& format_;
  RunIdentity identity_;
  int file_ = -1;
  bool keeps_checkpoints_ = false;  // a regular file
  std::uint64_t bytes_ = 0;         // written to the file
  std::string buffer_;
  Progress begun_;
};

}  // namespace weir::dataset
