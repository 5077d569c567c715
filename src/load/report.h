// One run: what was asked for, where, and what came out. As JSON and back.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "load/load_options.h"
#include "load/tally.h"

namespace weir::load {

// Value type.
struct Report {
  std::string version;  // of Weir
  std::string started;  // UTC, "2026-11-21T05:00:00Z"
  std::string system;   // "Linux 6.18.0 x86_64"
  unsigned cores = 0;   // of the machine that drove the load

  std::string target;  // URL, or "in-process"
  std::string model;   // empty for a raw request
  std::string door;    // "embeddings", "classify", "infer"; or "raw"
  std::string input;   // "lognormal:median=18,p95=100,max=300", a file, or shapes
  std::size_t batch = 1;
  LoadOptions load;

  Summary summary;
};

// Fills version, started, system and cores.
void DescribeHost(Report& report);

// "16 connections, 10 s", "open loop, 200/s, 10 s": the load in a few words.
std::string LoadInWords(const Report& report);

// The keys are described in docs/bench-command.md and stay as they are.
std::string WriteReport(const Report& report);
Result<Report> ParseReport(std::string_view json);

}  // namespace weir::load
