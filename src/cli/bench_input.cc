// What `weir bench` sends: texts or tensors, as the command line says.
#include <fmt/format.h>

#include "cli/bench.h"
#include "load/texts.h"

namespace weir::cli {
namespace {

constexpr std::size_t kTexts = 4096;

}  // namespace

Status OnlyTexts(const BenchFlags& flags) {
  if (flags.shapes.empty()) return {};
  return InvalidArgument("--shape is for models that take tensors; this one takes texts");
}

Status OnlyTensors(const BenchFlags& flags) {
  if (!flags.lengths && flags.texts.empty() && !flags.batch && !flags.truncate) return {};
  return InvalidArgument(
      "--lengths, --texts, --batch and --truncate are for texts; this model takes tensors (see --shape)");
}

Result<load::Shapes> ShapesOf(const BenchFlags& flags) {
  load::Shapes shapes;
  for (const std::string& shape : flags.shapes) {
    Status added = load::AddShape(shape, shapes);
    if (!added) return Forward(added);
  }
  return shapes;
}

Result<BenchTexts> TextsFor(const BenchFlags& flags) {
  if (!flags.texts.empty()) {
    if (flags.lengths) return InvalidArgument("--lengths and --texts do not go together");
    Result<std::vector<std::string>> texts = load::ReadTexts(flags.texts);
    if (!texts) return Forward(texts);
    return BenchTexts{std::move(*texts), flags.texts};
  }
  const std::string spec = flags.lengths.value_or("lognormal:median=18,p95=100,max=300");
  const Result<load::LengthDistribution> lengths = load::LengthDistribution::Parse(spec);
  if (!lengths) return InvalidArgument("--lengths: " + lengths.error().message);
  return BenchTexts{load::MakeTexts(*lengths, kTexts, flags.seed), spec};
}

std::vector<std::string> BatchOf(const BenchTexts& texts, std::uint64_t number, std::size_t batch) {
  std::vector<std::string> some;
  for (std::size_t i = 0; i < batch; ++i) some.push_back(texts.texts[(number * batch + i) % texts.texts.size()]);
  return some;
}

std::string ShapesInWords(const std::vector<TensorSpec>& specs, const std::vector<Tensor>& inputs) {
  std::string words;
  for (std::size_t i = 0; i < specs.size(); ++i) {
    words += fmt::format("{}{} {}", i > 0 ? ", " : "", specs[i].name, ShapeString(inputs[i].shape()));
  }
  return words;
}

}  // namespace weir::cli
