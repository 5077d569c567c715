// The keys and values of the rows of a running batch.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "forecast/kronos_manifest.h"
#include "model/tensor.h"

namespace weir::forecast {

// One layer's keys or values: [slots, heads, capacity, head size]. Confined to one thread.
class SlotTensor {
 public:
  SlotTensor(DataType type, std::int64_t slots, std::int64_t heads, std::int64_t capacity, std::int64_t head_size);

  // With memory of its own.
  SlotTensor Fork() const;
  // The slots from `first` on, sharing the memory.
  Tensor View(std::int64_t first, std::int64_t count) const;
  // The first `positions` of a slot to another.
  void Copy(std::int64_t from, std::int64_t to, std::int64_t positions);
  // Rows of FP32 [positions, heads x head size], as a graph writes them, to a slot's first positions.
  void Fill(std::int64_t slot, std::span<const float> rows);

 private:
  // Of that position in memory.
  std::byte* Place(std::int64_t slot, std::int64_t head, std::int64_t position);

  std::int64_t heads_;
  std::int64_t capacity_;
  std::int64_t head_size_;
  std::size_t position_bytes_;  // of one head
  Tensor memory_;               // touched, and so taken from the machine, only where something was written
};

// All layers' keys and values, and those of the second head. Confined to one thread.
class KeyValueSlots {
 public:
  KeyValueSlots(const KronosManifest& manifest, std::int64_t slots);

  // Per layer a key and a value, as the predictor takes and gives them.
  std::vector<Tensor> Layers(std::int64_t first, std::int64_t count) const;
  // Key and value.
  std::vector<Tensor> Second(std::int64_t first, std::int64_t count) const;
  void FillSecond(std::int64_t slot, std::span<const float> keys, std::span<const float> values);
  void Copy(std::int64_t from, std::int64_t to, std::int64_t positions);

 private:
  std::vector<SlotTensor> layers_;
  std::vector<SlotTensor> second_;
};

}  // namespace weir::forecast
