#include "engine/fair_lines.h"

#include <algorithm>
#include <limits>
#include <utility>

namespace weir {
namespace {

// Clients that are remembered before those without a claim are forgotten.
constexpr std::size_t kFlows = 1024;

}  // namespace

std::size_t FairLines::size() const {
  std::size_t jobs = 0;
  for (const Line& line : lines_) jobs += line.jobs.size();
  return jobs;
}

std::size_t FairLines::clients() const {
  std::size_t clients = 0;
  for (const Line& line : lines_) clients += line.flows.size();
  return clients;
}

void FairLines::Insert(JobPtr job) {
  Line& line = lines_[Index(job->request.priority)];
  if (line.jobs.empty()) line.used = std::max(line.used, used_);
  Flow& flow = line.flows[job->request.client];
  if (job->request.work_before > 0) {
    job->turn = std::max(line.turn, flow.start) + static_cast<double>(job->request.work_before);
  } else {
    flow.start = std::max(line.turn, flow.end);
    flow.end = flow.start + job->request.cost.length;
    job->turn = flow.start;
  }
  line.jobs.Insert(std::move(job));
  if (line.flows.size() > kFlows) Forget(line);
}

// Those whose place lies behind start at the line's turn anyway, so nothing is lost with them. Where too many are
// ahead, all start anew.
void FairLines::Forget(Line& line) {
  std::erase_if(line.flows, [&](const auto& flow) { return flow.second.end <= line.turn; });
  if (line.flows.size() > kFlows / 2) line.flows.clear();
}

std::size_t FairLines::NextIndex() const {
  std::size_t next = 0;
  double least = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < lines_.size(); ++i) {
    if (lines_[i].jobs.empty() || lines_[i].used >= least) continue;
    next = i;
    least = lines_[i].used;
  }
  return next;
}

TurnQueue& FairLines::Next() { return lines_[NextIndex()].jobs; }

void FairLines::Take(std::span<const std::uint32_t> places, std::vector<JobPtr>& out) {
  const std::size_t index = NextIndex();
  Line& line = lines_[index];
  line.turn = std::max(line.turn, line.jobs[0].turn);
  used_ = line.used;
  for (const std::uint32_t place : places) line.used += line.jobs[place].request.cost.length / kShares[index];
  line.jobs.Take(places, out);
}

}  // namespace weir
