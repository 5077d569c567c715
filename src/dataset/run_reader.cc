// The reading half of a run, on its own thread.
#include <fmt/format.h>

#include <boost/crc.hpp>

#include <array>
#include <utility>

#include "dataset/byte_source.h"
#include "dataset/run.h"

namespace weir::dataset {
namespace {

constexpr std::size_t kBlock = std::size_t{64} << 10;

// Of everything before, goes on with one item.
std::uint32_t Crc(std::uint32_t before, const Item& item) {
  boost::crc_optimal<32, 0x04C11DB7, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc(before);
  crc.process_bytes(item.text.data(), item.text.size());
  crc.process_byte(item.error ? 1 : 0);
  return crc.checksum();
}

}  // namespace

Status DatasetRun::ReadFile(const std::string& path) {
  Result<std::unique_ptr<ByteSource>> source = ByteSource::Open(path);
  if (!source) return Forward(source);
  const auto splitter = MakeSplitter(options_.split);
  const auto starving = [this] {
    const MutexLock lock(mu_);
    starved_ = true;
    changed_.NotifyAll();
  };
  const auto named = [&path](const Status& status) {
    return Fail(status.error().code, fmt::format("{}: {}", path, status.error().message));
  };
  std::string block(kBlock, '\0');
  while (true) {
    const Result<std::size_t> count = (*source)->Read(block, cancel_.get_token(), starving);
    if (!count) return std::unexpected(count.error());
    {
      const MutexLock lock(mu_);
      starved_ = false;
    }
    std::vector<Item> items;
    const Status split = *count > 0 ? splitter->Feed({block.data(), *count}, items) : splitter->End(items);
    read_bytes_ += *count;
    if (cancel_.stop_requested()) return {};
    if (const Status pushed = Push(std::move(items)); !pushed) return pushed;
    if (!split) return named(split);
    if (*count == 0) return {};
  }
}

Status DatasetRun::Push(std::vector<Item> items) {
  const Progress& begun = output_.begun();
  const std::stop_token stop = cancel_.get_token();
  const MutexLock lock(mu_);
  const bool room = room_.Wait(mu_, stop, [this]() REQUIRES(mu_) {
    return pending_.size() < options_.window && pending_bytes_ < options_.window_bytes;
  });
  if (!room) return {};
  for (Item& item : items) {
    crc_ = Crc(crc_, item);
    const std::uint64_t index = read_items_++;
    if (index + 1 == begun.records && crc_ != begun.input_crc) {
      return Fail(Code::kConflict, fmt::format("the first {} records of the input are not those that were answered; "
                                               "--force begins again",
                                               begun.records));
    }
    if (index < begun.records) continue;
    pending_bytes_ += item.text.size();
    pending_.push_back({.index = index, .item = std::move(item), .crc = crc_, .position = read_bytes_});
  }
  changed_.NotifyAll();
  return {};
}

}  // namespace weir::dataset
