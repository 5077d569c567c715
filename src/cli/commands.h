// The subcommands of the program, one file each.
#pragma once

namespace CLI {
class App;
}

namespace weir::cli {

// Each adds one subcommand to the command line; its callback ends by throwing CLI::RuntimeError with the
// exit code (cli/exit_code.h) when it fails.
void AddServe(CLI::App& program);
void AddPredict(CLI::App& program);
void AddEmbed(CLI::App& program);
void AddModels(CLI::App& program);
void AddBench(CLI::App& program);
void AddBenchOverload(CLI::App& bench);
void AddBenchChurn(CLI::App& bench);
void AddOptions(CLI::App& program);
void AddScripts(CLI::App& program);
void AddConfig(CLI::App& program);
void AddDoctor(CLI::App& program);
void AddKeys(CLI::App& program);
void AddSentiment(CLI::App& program);
void AddForecast(CLI::App& program);

}  // namespace weir::cli
