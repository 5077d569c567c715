// The C face of tokenizer_ffi/src/lib.rs, where each function is described. Keep the two in step.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
  uint32_t* ids;
  uint32_t* type_ids;
  size_t len;
  uint32_t* ends;
  size_t windows;
  size_t full_len;
} WeirEncoding;

typedef struct {
  const uint8_t* text;
  size_t text_len;
  const uint8_t* pair;
  size_t pair_len;
  const uint32_t* ids;
  size_t ids_len;
  bool add_special_tokens;
  size_t max_tokens;
  bool truncate;
  bool truncate_left;
  bool split;
  size_t overlap;
} WeirEncodeRequest;

char* weir_tokenizer_new(const uint8_t* json, size_t len, bool lowercase, void** out);
void weir_tokenizer_free(void* tokenizer);
size_t weir_tokenizer_vocab_size(const void* tokenizer);
uint32_t weir_tokenizer_highest_id(const void* tokenizer);
bool weir_tokenizer_is_special(const void* tokenizer, uint32_t id);
size_t weir_tokenizer_added_tokens(const void* tokenizer);
char* weir_tokenizer_describe(const void* tokenizer);
char* weir_tokenizer_encode(const void* tokenizer, const WeirEncodeRequest* request, WeirEncoding* out);
void weir_encoding_free(WeirEncoding* encoding);
void weir_error_free(char* text);

#ifdef __cplusplus
}
#endif
