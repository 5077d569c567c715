#include "convert/kronos.h"

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "codec/json_writer.h"
#include "convert/blocks.h"
#include "convert/checkpoint.h"
#include "convert/onnx_graph.h"
#include "forecast/candle.h"

namespace weir::convert {
namespace {

using forecast::KronosManifest;

constexpr std::int64_t kMostCandles = 2048;
constexpr std::int64_t kMostBits = 14;  // of a part of a token
constexpr std::int64_t kMostWidth = 16'384;
constexpr std::int64_t kMostLayers = 256;
constexpr std::int64_t kMostContext = 65'536;
constexpr std::int64_t kColumns = forecast::kColumns;
constexpr std::int64_t kSecondHeads = 4;  // whatever the size of the model

// By width: Kronos-mini is the one that was trained with a long context.
constexpr std::int64_t kMiniWidth = 256;
constexpr std::int64_t kMiniContext = 2048;
constexpr std::int64_t kUsualContext = 512;

// Tables of times with their sizes, in the order of a Stamp.
constexpr std::pair<const char*, std::int64_t> kTimeTables[] = {
    {"minute", 60}, {"hour", 24}, {"weekday", 7}, {"day", 32}, {"month", 13}};

const Dimension kBatch = "batch";
const Dimension kSteps = "steps";
const Dimension kCapacity = "capacity";

// What both configurations have.
struct Sizes {
  std::int64_t bits = 0;
  BlockSizes block;

  std::int64_t vocabulary() const { return std::int64_t{1} << bits; }
};

Status ReadSizes(const Checkpoint& checkpoint, Sizes& sizes) {
  std::int64_t second_bits = 0;
  const std::pair<const char*, std::pair<std::int64_t*, std::int64_t>> entries[] = {
      {"s1_bits", {&sizes.bits, kMostBits}},
      {"s2_bits", {&second_bits, kMostBits}},
      {"d_model", {&sizes.block.width, kMostWidth}},
      {"ff_dim", {&sizes.block.feed_forward, kMostWidth}},
      {"n_heads", {&sizes.block.heads.count, kMostWidth}},
  };
  for (const auto& [key, place] : entries) {
    if (Status read = checkpoint.Read(key, 1, place.second, *place.first); !read) return read;
  }
  if (second_bits != sizes.bits) return checkpoint.config().Refuse("'s1_bits' and 's2_bits' must be equal");
  const std::int64_t heads = sizes.block.heads.count;
  if (sizes.block.width % (2 * heads) != 0) {
    return checkpoint.config().Refuse(
        fmt::format("'d_model' ({}) must be a multiple of twice 'n_heads' ({})", sizes.block.width, heads));
  }
  sizes.block.heads.size = sizes.block.width / heads;
  return {};
}

struct Tokenizer {
  Sizes sizes;
  std::int64_t encoder_blocks = 0;
  std::int64_t decoder_blocks = 0;
};

Result<Tokenizer> ReadTokenizer(const Checkpoint& checkpoint) {
  Tokenizer read;
  if (Status sizes = ReadSizes(checkpoint, read.sizes); !sizes) return Forward(sizes);
  std::int64_t columns = 0;
  if (Status found = checkpoint.Read("d_in", kColumns, kColumns, columns); !found) return Forward(found);
  // The configuration counts one more than there are.
  if (Status found = checkpoint.Read("n_enc_layers", 1, kMostLayers, read.encoder_blocks); !found)
    return Forward(found);
  if (Status found = checkpoint.Read("n_dec_layers", 1, kMostLayers, read.decoder_blocks); !found)
    return Forward(found);
  --read.encoder_blocks;
  --read.decoder_blocks;
  const std::int64_t width = read.sizes.block.width;
  std::map<std::string, Shape> expected;
  ExpectLinear("embed", width, kColumns, expected);
  ExpectLinear("head", kColumns, width, expected);
  ExpectLinear("quant_embed", 2 * read.sizes.bits, width, expected);
  ExpectLinear("post_quant_embed", width, 2 * read.sizes.bits, expected);
  for (std::int64_t i = 0; i < read.encoder_blocks; ++i) {
    ExpectBlock(fmt::format("encoder.{}.", i), read.sizes.block, expected);
  }
  for (std::int64_t i = 0; i < read.decoder_blocks; ++i) {
    ExpectBlock(fmt::format("decoder.{}.", i), read.sizes.block, expected);
  }
  // Used in training only.
  const std::set<std::string> unused{"tokenizer.bsq.basis", "tokenizer.bsq.group_basis", "post_quant_embed_pre.weight",
                                     "post_quant_embed_pre.bias"};
  if (Status fits = checkpoint.Check(expected, unused); !fits) return Forward(fits);
  return read;
}

struct Predictor {
  Sizes sizes;
  std::int64_t blocks = 0;

  Heads second_heads() const { return {.count = kSecondHeads, .size = sizes.block.width / kSecondHeads}; }
};

Result<Predictor> ReadPredictor(const Checkpoint& checkpoint) {
  Predictor read;
  if (Status sizes = ReadSizes(checkpoint, read.sizes); !sizes) return Forward(sizes);
  if (Status found = checkpoint.Read("n_layers", 1, kMostLayers, read.blocks); !found) return Forward(found);
  if (!checkpoint.config()["learn_te"].Flag().value_or(true)) {
    return checkpoint.config().Refuse(
        "'learn_te' is false: only models that have learned their tables of times are read");
  }
  const std::int64_t width = read.sizes.block.width;
  if (width % (2 * kSecondHeads) != 0) {
    return checkpoint.config().Refuse(fmt::format("'d_model' ({}) must be a multiple of {}", width, 2 * kSecondHeads));
  }
  const std::int64_t vocabulary = read.sizes.vocabulary();
  std::map<std::string, Shape> expected;
  expected["embedding.emb_s1.weight"] = {vocabulary, width};
  expected["embedding.emb_s2.weight"] = {vocabulary, width};
  ExpectLinear("embedding.fusion_proj", width, 2 * width, expected);
  for (const auto& [name, size] : kTimeTables) expected[fmt::format("time_emb.{}_embed.weight", name)] = {size, width};
  for (std::int64_t i = 0; i < read.blocks; ++i) {
    ExpectBlock(fmt::format("transformer.{}.", i), read.sizes.block, expected);
  }
  expected["norm.weight"] = {width};
  for (const char* projection : {"q_proj", "k_proj", "v_proj", "out_proj"}) {
    ExpectLinear(std::string("dep_layer.cross_attn.") + projection, width, width, expected);
  }
  expected["dep_layer.norm.weight"] = {width};
  ExpectLinear("head.proj_s1", vocabulary, width, expected);
  ExpectLinear("head.proj_s2", vocabulary, width, expected);
  // Its one query stands at position 0, where nothing turns.
  if (Status fits = checkpoint.Check(expected, {"dep_layer.cross_attn.rotary.inv_freq"}); !fits) return Forward(fits);
  return read;
}

Rows RowsOf(OnnxGraph& graph) {
  return {.last = graph.Input("last", DataType::kInt32, {kBatch}), .total = graph.Input("total", DataType::kInt32, {})};
}

// A layer's keys and values, which the graph takes and gives.
Cache CacheOfLayer(OnnxGraph& graph, const Heads& heads, std::int64_t layer, DataType type = DataType::kFp32) {
  const Dimensions cached{kBatch, heads.count, kCapacity, heads.padded()};
  Cache cache{.past_key = graph.Input(fmt::format("past_key.{}", layer), type, cached),
              .past_value = graph.Input(fmt::format("past_value.{}", layer), type, cached),
              .present_key = fmt::format("present_key.{}", layer),
              .present_value = fmt::format("present_value.{}", layer),
              .type = type};
  graph.Output(cache.present_key, type, cached);
  graph.Output(cache.present_value, type, cached);
  return cache;
}

// Candles, normalised, to the two parts of their tokens.
Status WriteEncoder(const Checkpoint& checkpoint, const Tokenizer& tokenizer, std::int64_t positions,
                    const std::filesystem::path& out) {
  OnnxGraph graph(forecast::kEncoderGraph);
  Blocks blocks(graph, checkpoint);
  const Value candles = graph.Input("candles", DataType::kFp32, {kBatch, kSteps, kColumns});
  const Rows rows = RowsOf(graph);
  Value x = blocks.Linear(candles, "embed");
  Angles angles;
  for (std::int64_t i = 0; i < tokenizer.encoder_blocks; ++i) {
    const std::string prefix = fmt::format("encoder.{}.", i);
    if (i == 0) angles = blocks.Rotary(prefix + "self_attn.rotary.inv_freq", tokenizer.sizes.block.heads, positions);
    x = blocks.Block(x, prefix, tokenizer.sizes.block, angles, rows);
  }
  const Value bits = blocks.Linear(x, "quant_embed");
  const Value zero = graph.Weight("zero", Matrix(1, 1).AsRow());
  const Value set = graph.Node("Cast", {graph.Node("Greater", {bits, zero})}, {{"to", std::int64_t{1}}});
  // The least bit comes first. Sums of so few powers of two are exact in floats.
  Matrix powers(2 * tokenizer.sizes.bits, 2);
  for (std::int64_t bit = 0; bit < tokenizer.sizes.bits; ++bit) {
    powers.at(bit, 0) = std::exp2(bit);
    powers.at(tokenizer.sizes.bits + bit, 1) = std::exp2(bit);
  }
  const Value numbers = graph.Node("MatMul", {set, graph.Weight("powers", powers.AsTensor())});
  graph.NodeInto("Cast", {numbers}, {"tokens"}, {{"to", std::int64_t{7}}});
  graph.Output("tokens", DataType::kInt64, {kBatch, kSteps, std::int64_t{2}});
  return graph.Write(out);
}

// What the bits of a token's part add to the first value of the decoder: a row for each of its values. A bit that is
// set counts 1 / sqrt(bits of both parts), one that is not the same below zero.
Matrix BitTable(const Matrix& weights, std::int64_t bits, std::int64_t first) {
  Matrix table(std::int64_t{1} << bits, weights.rows);
  const double unit = 1 / std::sqrt(static_cast<double>(weights.columns));
  for (std::int64_t token = 0; token < table.rows; ++token) {
    for (std::int64_t bit = 0; bit < bits; ++bit) {
      const double value = ((token >> bit) & 1) != 0 ? unit : -unit;
      for (std::int64_t row = 0; row < weights.rows; ++row)
        table.at(token, row) += value * weights.at(row, first + bit);
    }
  }
  return table;
}

Value Lookup(OnnxGraph& graph, const Matrix& table, const Value& index, std::string_view hint) {
  return graph.Node("Gather", {graph.Weight(hint, table.AsTensor()), index});
}

// Tokens to candles, normalised.
Status WriteDecoder(const Checkpoint& checkpoint, const Tokenizer& tokenizer, std::int64_t positions,
                    const std::filesystem::path& out) {
  OnnxGraph graph(forecast::kDecoderGraph);
  Blocks blocks(graph, checkpoint);
  const Value first = graph.Input("first", DataType::kInt64, {kBatch, kSteps});
  const Value second = graph.Input("second", DataType::kInt64, {kBatch, kSteps});
  const Rows rows = RowsOf(graph);
  const Matrix weights(checkpoint.Take("post_quant_embed.weight"));
  Matrix table = BitTable(weights, tokenizer.sizes.bits, 0);
  const Matrix bias(checkpoint.Take("post_quant_embed.bias"));
  for (std::int64_t row = 0; row < table.rows; ++row) {
    for (std::int64_t column = 0; column < table.columns; ++column) table.at(row, column) += bias.at(0, column);
  }
  Value x = graph.Node(
      "Add", {Lookup(graph, table, first, "first_bits"),
              Lookup(graph, BitTable(weights, tokenizer.sizes.bits, tokenizer.sizes.bits), second, "second_bits")});
  const BlockSizes& sizes = tokenizer.sizes.block;
  Angles angles;
  for (std::int64_t i = 0; i < tokenizer.decoder_blocks; ++i) {
    const std::string prefix = fmt::format("decoder.{}.", i);
    if (i == 0) angles = blocks.Rotary(prefix + "self_attn.rotary.inv_freq", sizes.heads, positions);
    const Cache cache = CacheOfLayer(graph, sizes.heads, i);
    x = blocks.Block(x, prefix, sizes, angles, rows, &cache);
  }
  graph.NodeInto("Identity", {blocks.Linear(x, "head")}, {"candles"});
  graph.Output("candles", DataType::kFp32, {kBatch, kSteps, kColumns});
  return graph.Write(out);
}

// Both parts' tables with the projection that joins them folded in: row + row is what the projection of both gives.
std::pair<Matrix, Matrix> FusedTables(const Checkpoint& checkpoint, std::int64_t width) {
  const Matrix fusion(checkpoint.Take("embedding.fusion_proj.weight"));
  const Matrix bias(checkpoint.Take("embedding.fusion_proj.bias"));
  const auto table = [&](const std::string& name, std::int64_t first, bool with_bias) {
    Matrix half(width, width);
    for (std::int64_t row = 0; row < width; ++row) {
      for (std::int64_t column = 0; column < width; ++column) {
        half.at(column, row) = fusion.at(row, first + column) * std::sqrt(static_cast<double>(width));
      }
    }
    Matrix fused = Multiply(Matrix(checkpoint.Take(name)), half);
    for (std::int64_t row = 0; with_bias && row < fused.rows; ++row) {
      for (std::int64_t column = 0; column < width; ++column) fused.at(row, column) += bias.at(0, column);
    }
    return fused;
  };
  return {table("embedding.emb_s1.weight", 0, true), table("embedding.emb_s2.weight", width, false)};
}

Value Embedding(OnnxGraph& graph, const Checkpoint& checkpoint, std::int64_t width) {
  const Value first = graph.Input("first", DataType::kInt64, {kBatch, kSteps});
  const Value second = graph.Input("second", DataType::kInt64, {kBatch, kSteps});
  const Value stamps = graph.Input("stamps", DataType::kInt64, {kBatch, kSteps, std::int64_t{std::size(kTimeTables)}});
  const auto [first_table, second_table] = FusedTables(checkpoint, width);
  const Value token =
      graph.Node("Add", {Lookup(graph, first_table, first, "first"), Lookup(graph, second_table, second, "second")});
  Value time;
  std::int64_t column = 0;
  for (const auto& [name, size] : kTimeTables) {
    Tensor place = Tensor::Uninitialised(DataType::kInt64, {});
    place.Mutable<std::int64_t>()[0] = column++;
    const Value index = graph.Node("Gather", {stamps, graph.Weight("column", place)}, {{"axis", std::int64_t{2}}});
    const Matrix table(checkpoint.Take(fmt::format("time_emb.{}_embed.weight", name)));
    const Value part = Lookup(graph, table, index, name);
    time = time.empty() ? part : graph.Node("Add", {time, part});
  }
  return graph.Node("Add", {token, time});
}

// Tokens and their times to the logits of the next token's first part; with what the second head needs of each
// position.
Status WritePredictor(const Checkpoint& checkpoint, const Predictor& predictor, const KronosManifest& manifest,
                      const std::filesystem::path& out) {
  OnnxGraph graph(forecast::kPredictorGraph);
  Blocks blocks(graph, checkpoint);
  const BlockSizes& sizes = predictor.sizes.block;
  Value x = Embedding(graph, checkpoint, sizes.width);
  const Rows rows = RowsOf(graph);
  const Value place = graph.Input("place", DataType::kInt64, {kBatch, std::int64_t{1}});
  Angles angles;
  for (std::int64_t i = 0; i < predictor.blocks; ++i) {
    const std::string prefix = fmt::format("transformer.{}.", i);
    if (i == 0) angles = blocks.Rotary(prefix + "self_attn.rotary.inv_freq", sizes.heads, manifest.max_context);
    const Cache cache = CacheOfLayer(graph, sizes.heads, i, manifest.cache_type);
    x = blocks.Block(x, prefix, sizes, angles, rows, &cache);
  }
  const Value context = blocks.Norm(x, "norm");
  graph.NodeInto("GatherND", {context, place}, {"context"}, {{"batch_dims", std::int64_t{1}}});
  graph.NodeInto("Identity", {blocks.Linear("context", "head.proj_s1")}, {"logits"});
  const Heads heads = predictor.second_heads();
  for (const auto& [projection, name] : {std::pair("k_proj", "second_key"), std::pair("v_proj", "second_value")}) {
    const std::string tensor = std::string("dep_layer.cross_attn.") + projection;
    const Matrix weights = PadColumns(Matrix(checkpoint.Take(tensor + ".weight")).Transposed(), heads);
    const Matrix bias = PadColumns(Matrix(checkpoint.Take(tensor + ".bias")), heads);
    graph.NodeInto("Identity", {blocks.Linear(context, weights, bias, tensor)}, {name});
    graph.Output(name, DataType::kFp32, {kBatch, kSteps, heads.padded_width()});
  }
  graph.Output("context", DataType::kFp32, {kBatch, sizes.width});
  graph.Output("logits", DataType::kFp32, {kBatch, predictor.sizes.vocabulary()});
  return graph.Write(out);
}

// The sampled first part of a token to the logits of its second.
Status WriteSecondHead(const Checkpoint& checkpoint, const Predictor& predictor, const std::filesystem::path& out) {
  OnnxGraph graph(forecast::kSecondHeadGraph);
  Blocks blocks(graph, checkpoint);
  const Heads heads = predictor.second_heads();
  const std::string attention = "dep_layer.cross_attn.";
  const Value first = graph.Input("first", DataType::kInt64, {kBatch, std::int64_t{1}});
  const Value context = graph.Input("context", DataType::kFp32, {kBatch, predictor.sizes.block.width});
  const Dimensions one{kBatch, std::int64_t{1}, heads.padded_width()};
  const Value key = graph.Input("key", DataType::kFp32, one);
  const Value value = graph.Input("value", DataType::kFp32, one);
  const Rows rows = RowsOf(graph);
  const Dimensions cached{kBatch, heads.count, kCapacity, heads.padded()};
  const Cache cache{.past_key = graph.Input("past_key", DataType::kFp32, cached),
                    .past_value = graph.Input("past_value", DataType::kFp32, cached),
                    .present_key = "present_key",
                    .present_value = "present_value"};
  // The query of each value of the first part, looked up.
  Matrix queries = Multiply(Matrix(checkpoint.Take("embedding.emb_s1.weight")),
                            Matrix(checkpoint.Take(attention + "q_proj.weight")).Transposed());
  const Matrix bias(checkpoint.Take(attention + "q_proj.bias"));
  for (std::int64_t row = 0; row < queries.rows; ++row) {
    for (std::int64_t column = 0; column < queries.columns; ++column) queries.at(row, column) += bias.at(0, column);
  }
  const Value query = Lookup(graph, PadColumns(queries, heads), first, "queries");
  const Value attended = blocks.Attention({query, key, value}, heads, rows, nullptr, &cache);
  const Value flat = graph.Node("Squeeze", {attended, graph.Scalars("axis", {1})});
  const Matrix weights = PadColumns(Matrix(checkpoint.Take(attention + "out_proj.weight")), heads).Transposed();
  const Value projected =
      blocks.Linear(flat, weights, Matrix(checkpoint.Take(attention + "out_proj.bias")), attention + "out_proj");
  const Value normed = blocks.Norm(graph.Node("Add", {context, projected}), "dep_layer.norm");
  graph.NodeInto("Identity", {blocks.Linear(normed, "head.proj_s2")}, {"logits"});
  graph.Output("logits", DataType::kFp32, {kBatch, predictor.sizes.vocabulary()});
  graph.Output(cache.present_key, DataType::kFp32, cached);
  graph.Output(cache.present_value, DataType::kFp32, cached);
  return graph.Write(out);
}

Status WriteManifest(const KronosManifest& manifest, const std::filesystem::path& folder) {
  codec::JsonWriter json;
  json.BeginObject().Key("format").Int(forecast::kKronosFormat);
  json.Key("bits").Int(manifest.bits).Key("width").Int(manifest.width).Key("layers").Int(manifest.layers);
  json.Key("heads").Int(manifest.heads).Key("head_size").Int(manifest.head_size);
  json.Key("second_heads").Int(manifest.second_heads).Key("second_head_size").Int(manifest.second_head_size);
  json.Key("decoder_layers").Int(manifest.decoder_layers).Key("decoder_heads").Int(manifest.decoder_heads);
  json.Key("decoder_head_size").Int(manifest.decoder_head_size);
  json.Key("max_context").Int(manifest.max_context).Key("max_candles").Int(manifest.max_candles);
  json.Key("clip").Double(manifest.clip).Key("cache_type").String(DataTypeName(manifest.cache_type)).EndObject();
  const std::filesystem::path file = folder / forecast::kKronosManifest;
  std::ofstream out(file);
  out << json.Take() << '\n';
  out.close();
  if (!out) return Fail(Code::kUnavailable, fmt::format("{} cannot be written", file.string()));
  return {};
}

KronosManifest ManifestOf(const Predictor& predictor, const Tokenizer& tokenizer, const KronosOptions& options) {
  const BlockSizes& block = predictor.sizes.block;
  const std::int64_t usual = block.width == kMiniWidth ? kMiniContext : kUsualContext;
  return {.bits = predictor.sizes.bits,
          .width = block.width,
          .layers = predictor.blocks,
          .heads = block.heads.count,
          .head_size = block.heads.padded(),
          .second_heads = kSecondHeads,
          .second_head_size = predictor.second_heads().padded(),
          .decoder_layers = tokenizer.decoder_blocks,
          .decoder_heads = tokenizer.sizes.block.heads.count,
          .decoder_head_size = tokenizer.sizes.block.heads.padded(),
          .max_context = options.max_context.value_or(usual),
          .max_candles = kMostCandles,
          .clip = options.clip,
          .cache_type = options.cache_type};
}

}  // namespace

Result<KronosManifest> ConvertKronos(const KronosOptions& options, const OnStep& on_step) {
  if (options.max_context && (*options.max_context < 1 || *options.max_context > kMostContext)) {
    return InvalidArgument(fmt::format("the context must be from 1 to {} tokens", kMostContext), "max_context");
  }
  if (!(options.clip > 0) || !std::isfinite(options.clip)) return InvalidArgument("clip must be above 0", "clip");
  on_step("reading the tokenizer", 0);
  auto tokenizer_files = Checkpoint::Open(options.tokenizer);
  if (!tokenizer_files) return Forward(tokenizer_files);
  auto tokenizer = ReadTokenizer(*tokenizer_files);
  if (!tokenizer) return Forward(tokenizer);
  on_step("reading the model", 0.05);
  auto model_files = Checkpoint::Open(options.model);
  if (!model_files) return Forward(model_files);
  auto predictor = ReadPredictor(*model_files);
  if (!predictor) return Forward(predictor);
  if (predictor->sizes.bits != tokenizer->sizes.bits) {
    return Fail(Code::kUnprocessable,
                fmt::format("{} has tokens of {} bits, {} of {}: they do not belong together", options.model.string(),
                            predictor->sizes.bits, options.tokenizer.string(), tokenizer->sizes.bits));
  }
  const KronosManifest manifest = ManifestOf(*predictor, *tokenizer, options);
  const std::int64_t positions = std::max(manifest.max_candles, manifest.max_context);

  const std::filesystem::path part = options.out.string() + ".part";
  std::error_code failure;
  std::filesystem::remove_all(part, failure);
  std::filesystem::create_directories(part, failure);
  if (failure) return Fail(Code::kUnavailable, fmt::format("{} cannot be made: {}", part.string(), failure.message()));
  const auto write = [&]() -> Status {
    on_step("writing the encoder", 0.2);
    if (Status done = WriteEncoder(*tokenizer_files, *tokenizer, positions, part); !done) return done;
    on_step("writing the decoder", 0.25);
    if (Status done = WriteDecoder(*tokenizer_files, *tokenizer, positions, part); !done) return done;
    on_step("writing the predictor", 0.3);
    if (Status done = WritePredictor(*model_files, *predictor, manifest, part); !done) return done;
    on_step("writing the second head", 0.9);
    if (Status done = WriteSecondHead(*model_files, *predictor, part); !done) return done;
    return WriteManifest(manifest, part);
  };
  Status written = write();
  if (written) {
    std::filesystem::create_directories(options.out, failure);
    for (const auto& file : std::filesystem::directory_iterator(part)) {
      if (!failure) std::filesystem::rename(file.path(), options.out / file.path().filename(), failure);
    }
    if (failure) {
      written =
          Fail(Code::kUnavailable, fmt::format("{} cannot be written: {}", options.out.string(), failure.message()));
    }
  }
  std::filesystem::remove_all(part, failure);
  if (!written) return Forward(written);
  on_step("done", 1);
  return manifest;
}

}  // namespace weir::convert
