#include "infer/repository.h"

#include <memory>
#include <utility>

namespace weir {
namespace {

Registry::Ready WithoutModel(std::shared_ptr<Registry::Done> done) {
  return [done = std::move(done)](const Result<Registry::DeploymentPtr>& loaded) {
    (*done)(loaded ? Status() : Status(std::unexpected(loaded.error())));
  };
}

}  // namespace

std::vector<IndexRow> IndexOf(const std::vector<ModelStatus>& models, bool ready) {
  std::vector<IndexRow> rows;
  for (const ModelStatus& model : models) {
    for (const VersionStatus& version : model.versions) {
      const bool serves = version.state == ModelState::kReady;
      if (ready && !serves) continue;
      const bool loads = version.state == ModelState::kLoading;
      const bool say_state = !serves && version.reason.empty();
      rows.push_back({.name = model.name,
                      .version = VersionText(version.version),
                      .state = serves  ? "READY"
                               : loads ? "LOADING"
                                       : "UNAVAILABLE",
                      .reason = say_state ? std::string(ModelStateName(version.state)) : version.reason});
    }
  }
  return rows;
}

void Repository::Load(const std::string& model, Deadline deadline, Registry::Done done) const {
  look_(model, [&engine = engine_, model, deadline, done = std::make_shared<Registry::Done>(std::move(done))] {
    const Result<ModelStatus> known = engine.StateOf(model);
    if (!known) return (*done)(std::unexpected(known.error()));
    engine.Load(model, deadline, WithoutModel(done));
  });
}

void Repository::Reload(const std::string& model, Deadline deadline, Registry::Done done) const {
  look_(model, [&engine = engine_, model, deadline, done = std::make_shared<Registry::Done>(std::move(done))] {
    engine.Reload(model, deadline, WithoutModel(done));
  });
}

}  // namespace weir
