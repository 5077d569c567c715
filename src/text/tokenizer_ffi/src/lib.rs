//! The C face of the Hugging Face tokenizers library: make, encode, free.
//!
//! Rules that hold for every function here:
//! - no panic of the library crosses the face: where its code reads outside input, a panic is caught and comes back
//!   as an error text;
//! - a tokenizer never changes after it was made, so any number of threads may encode with it;
//! - what this side allocates, this side frees (`weir_*_free`).

use std::ffi::{c_char, CString};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::{ptr, slice, str};

use tokenizers::utils::truncation::{
    truncate_encodings, TruncationDirection, TruncationParams, TruncationStrategy,
};
use tokenizers::normalizers::{Lowercase, Sequence};
use tokenizers::{Encoding, ModelWrapper, NormalizerWrapper, PostProcessor, Token, Tokenizer};

/// Token ids of one text (or of one pair of texts), owned by this side until `weir_encoding_free`.
#[repr(C)]
pub struct WeirEncoding {
    /// Token ids and segment ids of all windows one after the other, `len` of each; null when `len` is 0.
    pub ids: *mut u32,
    pub type_ids: *mut u32,
    pub len: usize,
    /// Where each window ends in `ids`: `windows` positions, one when the text was not split; null when there is none.
    pub ends: *mut u32,
    pub windows: usize,
    /// Tokens before truncation, special tokens included.
    pub full_len: usize,
}

/// What to encode, and how much of it to keep.
#[repr(C)]
pub struct WeirEncodeRequest {
    pub text: *const u8,
    pub text_len: usize,
    /// Null when the input is a single text.
    pub pair: *const u8,
    pub pair_len: usize,
    /// Instead of the text, its tokens; null when there is a text. They are given their special tokens unless they begin
    /// or end with one.
    pub ids: *const u32,
    pub ids_len: usize,
    pub add_special_tokens: bool,
    /// Most tokens to keep, special tokens included; 0 means no limit.
    pub max_tokens: usize,
    /// When false, a text over `max_tokens` yields no ids, only `full_len`.
    pub truncate: bool,
    /// Cut away the beginning instead of the end.
    pub truncate_left: bool,
    /// Instead of cutting, split a single text into windows of `max_tokens` that share `overlap` tokens with their
    /// neighbour, each with its special tokens. `overlap` is less than what a window holds beside these.
    pub split: bool,
    pub overlap: usize,
}

fn error_text(message: String) -> *mut c_char {
    CString::new(message.replace('\0', " ")).unwrap_or_default().into_raw()
}

/// Runs `body`, turning an error or a panic into an owned C string; null means success.
fn guarded(body: impl FnOnce() -> Result<(), String>) -> *mut c_char {
    match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => ptr::null_mut(),
        Ok(Err(message)) => error_text(message),
        Err(_) => error_text("the tokenizer library panicked".to_string()),
    }
}

unsafe fn utf8<'a>(bytes: *const u8, len: usize) -> Result<&'a str, String> {
    if len == 0 {
        return Ok("");
    }
    str::from_utf8(slice::from_raw_parts(bytes, len))
        .map_err(|e| format!("not valid UTF-8 at byte {}", e.valid_up_to()))
}

fn into_raw(values: Vec<u32>) -> *mut u32 {
    if values.is_empty() {
        return ptr::null_mut();
    }
    Box::into_raw(values.into_boxed_slice()).cast()
}

unsafe fn drop_raw(values: *mut u32, len: usize) {
    if !values.is_null() {
        drop(Box::from_raw(ptr::slice_from_raw_parts_mut(values, len)));
    }
}

/// Reads a `tokenizer.json`. Truncation and padding that the file asks for are cleared: the server
/// decides both per request. With `lowercase`, texts are put into lower case before all else. On success stores the
/// tokenizer in `out` and returns null.
///
/// # Safety
/// `json` points to `len` readable bytes; `out` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_new(
    json: *const u8,
    len: usize,
    lowercase: bool,
    out: *mut *mut Tokenizer,
) -> *mut c_char {
    guarded(|| {
        let bytes = slice::from_raw_parts(json, len);
        let mut tokenizer = Tokenizer::from_bytes(bytes).map_err(|e| e.to_string())?;
        tokenizer.with_truncation(None).map_err(|e| e.to_string())?;
        tokenizer.with_padding(None);
        if lowercase {
            let mut steps = vec![NormalizerWrapper::Lowercase(Lowercase)];
            steps.extend(tokenizer.get_normalizer().cloned());
            tokenizer.with_normalizer(Some(Sequence::new(steps))).map_err(|e| e.to_string())?;
        }
        *out = Box::into_raw(Box::new(tokenizer));
        Ok(())
    })
}

/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new` and is not used afterwards.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_free(tokenizer: *mut Tokenizer) {
    if !tokenizer.is_null() {
        drop(Box::from_raw(tokenizer));
    }
}

/// Ids that the tokenizer knows, added tokens included.
///
/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new`.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_vocab_size(tokenizer: *const Tokenizer) -> usize {
    (*tokenizer).get_vocab_size(true)
}

/// The largest token id, added tokens included; 0 when there is no token.
///
/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new`.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_highest_id(tokenizer: *const Tokenizer) -> u32 {
    (*tokenizer).get_vocab(true).values().copied().max().unwrap_or(0)
}

/// Whether an id is a special token's.
///
/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new`.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_is_special(tokenizer: *const Tokenizer, id: u32) -> bool {
    is_special(&*tokenizer, id)
}

/// How many special tokens a single text is given.
///
/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new`.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_added_tokens(tokenizer: *const Tokenizer) -> usize {
    added_tokens(&*tokenizer, false, true)
}

/// The special tokens, each followed by a line feed, and the kind of the model ("WordPiece") before them. Freed by
/// `weir_error_free`.
///
/// # Safety
/// `tokenizer` comes from `weir_tokenizer_new`.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_describe(tokenizer: *const Tokenizer) -> *mut c_char {
    let kind = match (*tokenizer).get_model() {
        ModelWrapper::BPE(_) => "BPE",
        ModelWrapper::WordPiece(_) => "WordPiece",
        ModelWrapper::WordLevel(_) => "WordLevel",
        ModelWrapper::Unigram(_) => "Unigram",
    };
    let mut text = format!("{kind}\n");
    let mut known: Vec<_> = (*tokenizer).get_added_tokens_decoder().iter().map(|(id, t)| (*id, t.clone())).collect();
    known.sort_by_key(|(id, _)| *id);
    for (_, token) in known.iter().filter(|(_, token)| token.special) {
        text.push_str(&token.content);
        text.push('\n');
    }
    error_text(text)
}

fn added_tokens(tokenizer: &Tokenizer, is_pair: bool, add_special_tokens: bool) -> usize {
    match tokenizer.get_post_processor() {
        Some(processor) if add_special_tokens => processor.added_tokens(is_pair),
        _ => 0,
    }
}

/// Cuts the texts so that, with the special tokens, `max_tokens` remain: the longer one first.
fn truncated(
    first: Encoding,
    second: Option<Encoding>,
    max_length: usize,
    direction: TruncationDirection,
) -> Result<(Encoding, Option<Encoding>), String> {
    let params = TruncationParams {
        max_length,
        strategy: TruncationStrategy::LongestFirst,
        stride: 0,
        direction,
    };
    truncate_encodings(first, second, &params).map_err(|e| e.to_string())
}

fn is_special(tokenizer: &Tokenizer, id: u32) -> bool {
    tokenizer.get_added_tokens_decoder().get(&id).is_some_and(|token| token.special)
}

/// Tokens as if they had been made from a text.
fn from_ids(tokenizer: &Tokenizer, ids: &[u32]) -> Result<Encoding, String> {
    let mut tokens = Vec::with_capacity(ids.len());
    for &id in ids {
        let text = tokenizer.id_to_token(id).ok_or_else(|| format!("{id} is no token of the model"))?;
        tokens.push(Token::new(id, text, (0, 0)));
    }
    Ok(Encoding::from_tokens(tokens, 0))
}

unsafe fn encode(tokenizer: &Tokenizer, request: &WeirEncodeRequest, out: &mut WeirEncoding) -> Result<(), String> {
    let mut add_special_tokens = request.add_special_tokens;
    let mut first = if request.ids.is_null() {
        let text = utf8(request.text, request.text_len)?;
        tokenizer.encode_fast(text, false).map_err(|e| e.to_string())?
    } else {
        let ids = slice::from_raw_parts(request.ids, request.ids_len);
        let ends = [ids.first(), ids.last()];
        add_special_tokens &= !ends.iter().flatten().any(|&&id| is_special(tokenizer, id));
        from_ids(tokenizer, ids)?
    };
    let mut second = None;
    if !request.pair.is_null() {
        let pair = utf8(request.pair, request.pair_len)?;
        second = Some(tokenizer.encode_fast(pair, false).map_err(|e| e.to_string())?);
    }
    let special = added_tokens(tokenizer, second.is_some(), add_special_tokens);
    out.full_len = first.len() + second.as_ref().map_or(0, Encoding::len) + special;
    if request.max_tokens > 0 && out.full_len > request.max_tokens {
        let room = request.max_tokens.saturating_sub(special);
        let direction = if request.truncate_left { TruncationDirection::Left } else { TruncationDirection::Right };
        if request.split {
            if second.is_some() || request.overlap >= room {
                return Err("these texts cannot be split into windows".to_string());
            }
            first.truncate(room, request.overlap, direction);
        } else if request.truncate {
            (first, second) = truncated(first, second, room, direction)?;
        } else {
            return Ok(());
        }
    }
    let mut done = tokenizer
        .post_process(first, second, add_special_tokens)
        .map_err(|e| e.to_string())?;
    let more = if request.split { done.take_overflowing() } else { Vec::new() };
    store(std::iter::once(&done).chain(&more), out);
    Ok(())
}

/// Writes the windows one after the other.
fn store<'a>(windows: impl Iterator<Item = &'a Encoding>, out: &mut WeirEncoding) {
    let (mut ids, mut type_ids, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for window in windows {
        ids.extend_from_slice(window.get_ids());
        type_ids.extend_from_slice(window.get_type_ids());
        ends.push(ids.len() as u32);
    }
    out.len = ids.len();
    out.windows = ends.len();
    out.ids = into_raw(ids);
    out.type_ids = into_raw(type_ids);
    out.ends = into_raw(ends);
}

/// Encodes one text or pair. On success fills `out` and returns null; otherwise returns an error
/// text and `out` holds nothing to free.
///
/// # Safety
/// All pointers are valid for the call; `out` is writable.
#[no_mangle]
pub unsafe extern "C" fn weir_tokenizer_encode(
    tokenizer: *const Tokenizer,
    request: *const WeirEncodeRequest,
    out: *mut WeirEncoding,
) -> *mut c_char {
    *out = WeirEncoding {
        ids: ptr::null_mut(),
        type_ids: ptr::null_mut(),
        len: 0,
        ends: ptr::null_mut(),
        windows: 0,
        full_len: 0,
    };
    guarded(|| encode(&*tokenizer, &*request, &mut *out))
}

/// # Safety
/// `encoding` was filled by `weir_tokenizer_encode` and is freed once.
#[no_mangle]
pub unsafe extern "C" fn weir_encoding_free(encoding: *mut WeirEncoding) {
    drop_raw((*encoding).ids, (*encoding).len);
    drop_raw((*encoding).type_ids, (*encoding).len);
    drop_raw((*encoding).ends, (*encoding).windows);
}

/// # Safety
/// `text` was returned by a function of this file and is freed once; null is allowed.
#[no_mangle]
pub unsafe extern "C" fn weir_error_free(text: *mut c_char) {
    if !text.is_null() {
        drop(CString::from_raw(text));
    }
}
