#include "forecast/key_value_slots.h"

#include <cstring>
#include <memory>

namespace weir::forecast {

SlotTensor::SlotTensor(DataType type, std::int64_t slots, std::int64_t heads, std::int64_t capacity,
                       std::int64_t head_size)
    : heads_(heads), capacity_(capacity), head_size_(head_size),
      position_bytes_(static_cast<std::size_t>(head_size) * DataTypeSize(type)),
      memory_(Tensor::Uninitialised(type, {slots, heads, capacity, head_size})) {}

SlotTensor SlotTensor::Fork() const {
  SlotTensor fork = *this;
  fork.memory_ = Tensor::Uninitialised(memory_.type(), memory_.shape());
  std::memcpy(fork.memory_.Mutable<std::byte>().data(), memory_.data(), memory_.bytes());
  return fork;
}

std::byte* SlotTensor::Place(std::int64_t slot, std::int64_t head, std::int64_t position) {
  const auto at = static_cast<std::size_t>((slot * heads_ + head) * capacity_ + position);
  return memory_.Mutable<std::byte>().data() + at * position_bytes_;
}

Tensor SlotTensor::View(std::int64_t first, std::int64_t count) const {
  const auto before = static_cast<std::size_t>(first * heads_ * capacity_);
  return Tensor::Wrap(memory_.type(), {count, heads_, capacity_, head_size_}, std::make_shared<Tensor>(memory_),
                      memory_.data() + before * position_bytes_);
}

void SlotTensor::Copy(std::int64_t from, std::int64_t to, std::int64_t positions) {
  for (std::int64_t head = 0; head < heads_; ++head) {
    std::memcpy(Place(to, head, 0), Place(from, head, 0), static_cast<std::size_t>(positions) * position_bytes_);
  }
}

void SlotTensor::Fill(std::int64_t slot, std::span<const float> rows) {
  const std::int64_t width = heads_ * head_size_;
  const std::int64_t positions = static_cast<std::int64_t>(rows.size()) / width;
  for (std::int64_t position = 0; position < positions; ++position) {
    for (std::int64_t head = 0; head < heads_; ++head) {
      std::memcpy(Place(slot, head, position), rows.data() + position * width + head * head_size_, position_bytes_);
    }
  }
}

KeyValueSlots::KeyValueSlots(const KronosManifest& manifest, std::int64_t slots) {
  for (std::int64_t i = 0; i < 2 * manifest.layers; ++i) {
    layers_.emplace_back(manifest.cache_type, slots, manifest.heads, manifest.max_context, manifest.head_size);
  }
  for (int i = 0; i < 2; ++i) {
    second_.emplace_back(DataType::kFp32, slots, manifest.second_heads, manifest.max_context,
                         manifest.second_head_size);
  }
}

std::vector<Tensor> KeyValueSlots::Layers(std::int64_t first, std::int64_t count) const {
  std::vector<Tensor> views;
  for (const SlotTensor& layer : layers_) views.push_back(layer.View(first, count));
  return views;
}

std::vector<Tensor> KeyValueSlots::Second(std::int64_t first, std::int64_t count) const {
  return {second_[0].View(first, count), second_[1].View(first, count)};
}

void KeyValueSlots::FillSecond(std::int64_t slot, std::span<const float> keys, std::span<const float> values) {
  second_[0].Fill(slot, keys);
  second_[1].Fill(slot, values);
}

void KeyValueSlots::Copy(std::int64_t from, std::int64_t to, std::int64_t positions) {
  for (SlotTensor& layer : layers_) layer.Copy(from, to, positions);
  for (SlotTensor& second : second_) second.Copy(from, to, positions);
}

}  // namespace weir::forecast
