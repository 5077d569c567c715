// Writes JSON text.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "model/tensor.h"

namespace weir::codec {

// Values in the order of the text; the caller keeps objects and arrays balanced. Confined to one thread.
// Numbers are the shortest text that reads back as the same value; what JSON has no number for (NaN,
// infinity) is written as null.
class JsonWriter {
 public:
  JsonWriter();
  ~JsonWriter();

  JsonWriter& BeginObject();
  JsonWriter& EndObject();
  JsonWriter& BeginArray();
  JsonWriter& EndArray();
  JsonWriter& Key(std::string_view key);
  JsonWriter& String(std::string_view value);
  JsonWriter& Int(std::int64_t value);
  JsonWriter& Bool(bool value);
  JsonWriter& Float(float value);
  JsonWriter& Double(double value);
  JsonWriter& Null();
  // All elements of a tensor, flat, as one array. False when some are BYTES that JSON cannot hold, being no UTF-8.
  bool Elements(const Tensor& tensor);

  std::string Take() const;

 private:
  template <typename T>
  void Number(T value);

  struct Impl;
  static std::unique_ptr<Impl>& Spare();
  std::unique_ptr<Impl> impl_;
};

}  // namespace weir::codec
