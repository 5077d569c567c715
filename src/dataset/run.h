// Many texts through a model: read, answered by the engine, written in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/result.h"
#include "dataset/format.h"
#include "dataset/output.h"
#include "dataset/splitter.h"
#include "text/text_service.h"

namespace weir::dataset {

// A text model as the output needs it.
struct ModelFacts {
  TextTask task = TextTask::kEmbedding;
  std::vector<std::string> labels;
  std::vector<float> sample;  // the first values of its answer to a fixed text
  std::size_t width = 0;      // of a vector; 0 for labels
};
// Loads the model and asks it once. Blocks. kInvalidArgument when it is no text model.
Result<ModelFacts> AskModel(Engine& engine, TextService& texts, const std::string& model);

struct RunOptions {
  std::string model;
  TextTask task = TextTask::kEmbedding;
  std::size_t top_k = 0;  // labels; 0 = all
  bool truncate = false;
  std::vector<std::string> inputs;  // files in this order; "-" is standard input
  SplitOptions split;
  bool fail_on_error = false;  // end at the first item that cannot be answered
  // Items that are sorted by length and handed to the engine together; at most twice as many are under way.
  std::size_t window = 4096;
  std::size_t window_bytes = std::size_t{32} << 20;
  Duration checkpoint_every = std::chrono::seconds(1);
};

// How far a run is, for a progress bar.
struct RunView {
  Progress progress;
  std::uint64_t bytes = 0;  // of the input, roughly up to the last answer
  std::uint64_t total = 0;  // 0 when not known
};

struct RunReport {
  Progress progress;
  std::optional<Error> first_failure;  // of this run's items; the message names the record
  bool stopped = false;                // by the stop request: the rest is not answered
};

// One run. Each item is a request of its own to the TextService, so that it fails alone; within a window longer
// items go first, which lets the engine pack equal lengths. Memory is bounded by the windows, not by the input.
// Used once, from one thread, which blocks; a second thread reads.
class DatasetRun {
 public:
  // All of them outlive the run. `show` is called on the thread of Run after each piece that was written.
  DatasetRun(TextService& texts, RunOptions options, const Format& format, Output& output,
             std::function<void(const RunView&)> show);

  // Until the input is over, `stop` is requested, or an error ends it. In the latter two cases the output keeps a
  // checkpoint to go on from.
  Result<RunReport> Run(const std::stop_token& stop);

 private:
  struct Slot {
    std::uint64_t index = 0;
    Item item;
    std::uint32_t crc = 0;       // of the items up to this one
    std::uint64_t position = 0;  // in the input
    std::optional<Answer> answer = {};
  };
  struct Work {
    std::vector<Slot> finished;
    std::vector<Slot*> fresh;
    bool idle = false;  // nothing is under way once this work is done
    bool over = false;
  };

  Status Loop();
  Work WaitForWork();
  bool CanTake() const REQUIRES(mu_);
  void Take(std::vector<Slot*>& fresh) REQUIRES(mu_);
  void Submit(const std::vector<Slot*>& fresh);
  void Answered(Slot* slot, Answer answer);
  Status WriteAll(const std::vector<Slot>& finished);
  Status CheckpointWhenDue();
  void Cancel();

  // On the reader's thread.
  void ReadAll();
  Status ReadFile(const std::string& path);
  Status Push(std::vector<Item> items);

  TextService& texts_;
  const RunOptions options_;
  const Format& format_;
  Output& output_;
  const std::function<void(const RunView&)> show_;
  std::stop_source cancel_;

  // Of the thread of Run.
  RunReport report_;
  std::string bytes_;
  TimePoint next_checkpoint_;
  bool unsaved_ = false;  // something was written since the last checkpoint
  std::uint64_t total_ = 0;

  // Of the reader's thread.
  std::uint64_t read_items_ = 0;
  std::uint64_t read_bytes_ = 0;
  std::uint32_t crc_ = 0;

  // Guarded by mu_.
  Mutex mu_;
  CondVar changed_;                           // for the thread of Run
  CondVar room_;                              // for the reader
  std::deque<Slot> pending_ GUARDED_BY(mu_);  // read, not yet submitted
  std::size_t pending_bytes_ GUARDED_BY(mu_) = 0;
  std::deque<Slot> slots_ GUARDED_BY(mu_);  // submitted, not yet written; in order
  std::size_t in_flight_ GUARDED_BY(mu_) = 0;
  bool starved_ GUARDED_BY(mu_) = false;  // the reader waits for bytes
  bool ended_ GUARDED_BY(mu_) = false;    // the reader has ended
  Status read_status_ GUARDED_BY(mu_);
};

}  // namespace weir::dataset
