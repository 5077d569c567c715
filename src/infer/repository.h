// Models come and go on request: what the doors' load and unload calls have in common.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace weir {

// A version as lists of the repository show it.
struct IndexRow {
  std::string name;
  std::string version;
  std::string_view state;  // "READY", "LOADING", "UNAVAILABLE"
  std::string reason;
};
// Each version of each model; with `ready` those alone that serve.
std::vector<IndexRow> IndexOf(const std::vector<ModelStatus>& models, bool ready);

// Owned by the composition root; `engine` outlives it. Thread-safe, never blocks; `done` runs exactly once, on this
// thread or another, at the deadline at the latest: the load goes on.
class Repository {
 public:
  // Has what a model's folder holds now known, then calls `then` on another thread.
  using Look = std::function<void(const std::string& model, std::function<void()> then)>;

  Repository(Engine& engine, Look look) : engine_(engine), look_(std::move(look)) {}

  // Only a model that is known is loaded, or a request would make models.
  void Load(const std::string& model, Deadline deadline, Registry::Done done) const;
  void Reload(const std::string& model, Deadline deadline, Registry::Done done) const;
  void Unload(const std::string& model, Deadline deadline, Registry::Done done) const {
    engine_.Unload(model, deadline, std::move(done));
  }

  Engine& engine() const { return engine_; }

 private:
  Engine& engine_;
  const Look look_;
};

}  // namespace weir
