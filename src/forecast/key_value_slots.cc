#include "forecast/key_value_slots.h"

#include <cstring>
#include <memory>

namespace weir::forecast {

SlotTensor::SlotTensor(std::int64_t slots, std::int64_t heads, std::int64_t capacity, std::int64_t head_size)
    : heads_(heads), capacity_(capacity), head_size_(head_size),
      memory_(Tensor::Uninitialised(DataType::kFp32, {slots, heads, capacity, head_size})) {}

Tensor SlotTensor::View(std::int64_t first, std::int64_t count) const {
  const std::int64_t slot = heads_ * capacity_ * head_size_;
  auto owner = std::make_shared<Tensor>(memory_);
  return Tensor::Wrap(DataType::kFp32, {count, heads_, capacity_, head_size_}, std::move(owner),
                      memory_.As<float>().subspan(static_cast<std::size_t>(first * slot)).data());
}

void SlotTensor::Copy(std::int64_t from, std::int64_t to, std::int64_t positions) {
  float* const memory = memory_.Mutable<float>().data();
  for (std::int64_t head = 0; head < heads_; ++head) {
    const auto place = [&](std::int64_t slot) { return memory + (slot * heads_ + head) * capacity_ * head_size_; };
    std::memcpy(place(to), place(from), static_cast<std::size_t>(positions * head_size_) * sizeof(float));
  }
}

void SlotTensor::Fill(std::int64_t slot, std::span<const float> rows) {
  float* const memory = memory_.Mutable<float>().data() + slot * heads_ * capacity_ * head_size_;
  const std::int64_t width = heads_ * head_size_;
  const std::int64_t positions = static_cast<std::int64_t>(rows.size()) / width;
  for (std::int64_t position = 0; position < positions; ++position) {
    for (std::int64_t head = 0; head < heads_; ++head) {
      std::memcpy(memory + (head * capacity_ + position) * head_size_,
                  rows.data() + position * width + head * head_size_,
                  static_cast<std::size_t>(head_size_) * sizeof(float));
    }
  }
}

KeyValueSlots::KeyValueSlots(const KronosManifest& manifest, std::int64_t slots) {
  for (std::int64_t i = 0; i < 2 * manifest.layers; ++i) {
    layers_.emplace_back(slots, manifest.heads, manifest.max_context, manifest.head_size);
  }
  for (int i = 0; i < 2; ++i) {
    second_.emplace_back(slots, manifest.second_heads, manifest.max_context, manifest.second_head_size);
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
