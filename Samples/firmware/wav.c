#include "wav.h"

#include <stdbool.h>
#include <string.h>

enum {
  CHUNK_HEADER = 8,  /* name and size */
  PCM_FORMAT = 16,   /* the size of a format chunk */
  ADPCM_FORMAT = 20, /* two more numbers: the size of what follows (2), and frames per block */
  PCM_BITS = 16,
  ADPCM_BITS = 4,
};

static uint16_t get16(const uint8_t *bytes) { return (uint16_t)(bytes[0] | bytes[1] << 8); }

static uint32_t get32(const uint8_t *bytes) { return get16(bytes) | (uint32_t)get16(bytes + 2) << 16; }

/* Reads a format chunk. */
static wav_status parse_format(const uint8_t *chunk, size_t size, wav *out) {
  if (size < PCM_FORMAT) return WAV_TRUNCATED;
  out->encoding = get16(chunk);
  out->channels = get16(chunk + 2);
  out->rate = get32(chunk + 4);
  out->block_size = get16(chunk + 12);
  uint16_t bits = get16(chunk + 14);
  if (out->channels < 1 || out->channels > 2 || out->rate == 0) return WAV_UNSUPPORTED;
  if (out->encoding == WAV_PCM) {
    out->frames_per_block = 1;
    if (bits != PCM_BITS) return WAV_UNSUPPORTED;
    return out->block_size == out->channels * PCM_BITS / 8 ? WAV_OK : WAV_MISMATCHED;
  }
  if (out->encoding == WAV_ADPCM) {
    if (bits != ADPCM_BITS) return WAV_UNSUPPORTED;
    if (size < ADPCM_FORMAT || get16(chunk + 16) < 2) return WAV_TRUNCATED;
    out->frames_per_block = get16(chunk + 18);
    return out->block_size > 0 && out->frames_per_block > 0 ? WAV_OK : WAV_MISMATCHED;
  }
  return WAV_UNSUPPORTED;
}

/* Counts the frames once format and data are known. `fact` is the number in the fact chunk, null if there is none. */
static wav_status count_frames(const uint32_t *fact, wav *out) {
  if (out->data_size == 0) return WAV_EMPTY;
  if (out->data_size % out->block_size != 0) return WAV_PARTIAL;
  uint64_t room = (uint64_t)(out->data_size / out->block_size) * out->frames_per_block;
  if (room > UINT32_MAX) return WAV_MISMATCHED;
  out->frames = (uint32_t)room;
  if (out->encoding == WAV_ADPCM && fact != NULL) {
    if (*fact > room) return WAV_MISMATCHED;
    if (*fact == 0) return WAV_EMPTY;
    out->frames = *fact;
  }
  return WAV_OK;
}

wav_status wav_parse(const uint8_t *bytes, size_t size, wav *out) {
  *out = (wav){0};
  if (size < 12 || memcmp(bytes, "RIFF", 4) != 0 || memcmp(bytes + 8, "WAVE", 4) != 0) return WAV_NOT_RIFF;
  uint32_t riff_size = get32(bytes + 4);
  if (riff_size < 4 || riff_size > size - 8) return WAV_TRUNCATED;
  size_t end = 8 + (size_t)riff_size; /* what comes after is not part of the WAV file */

  bool has_format = false, has_data = false, has_fact = false;
  uint32_t fact = 0;
  size_t at = 12;
  while (at < end) {
    if (end - at < CHUNK_HEADER) return WAV_TRUNCATED;
    const uint8_t *name = bytes + at, *chunk = name + CHUNK_HEADER;
    size_t chunk_size = get32(name + 4);
    at += CHUNK_HEADER;
    if (chunk_size > end - at) return WAV_TRUNCATED;
    if (memcmp(name, "fmt ", 4) == 0) {
      if (has_format) return WAV_DISORDERED;
      has_format = true;
      wav_status status = parse_format(chunk, chunk_size, out);
      if (status != WAV_OK) return status;
    } else if (memcmp(name, "fact", 4) == 0) {
      if (has_fact) return WAV_DISORDERED;
      if (chunk_size < 4) return WAV_TRUNCATED;
      has_fact = true;
      fact = get32(chunk);
    } else if (memcmp(name, "data", 4) == 0) {
      if (has_data || !has_format) return WAV_DISORDERED;
      has_data = true;
      out->data = chunk;
      out->data_size = chunk_size;
    }
    at += chunk_size + chunk_size % 2; /* many writers leave out the padding at the very end: no harm */
  }
  if (!has_data) return has_format ? WAV_EMPTY : WAV_DISORDERED;
  return count_frames(has_fact ? &fact : NULL, out);
}

const char *wav_status_string(wav_status status) {
  switch (status) {
    case WAV_OK: return "fine";
    case WAV_NOT_RIFF: return "not a WAV file";
    case WAV_TRUNCATED: return "truncated";
    case WAV_DISORDERED: return "chunks missing, repeated or out of order";
    case WAV_UNSUPPORTED: return "neither 16-bit PCM nor IMA ADPCM in one or two channels";
    case WAV_MISMATCHED: return "a header that contradicts itself";
    case WAV_PARTIAL: return "not a whole number of blocks";
    case WAV_EMPTY: return "no samples";
  }
  return "unknown";
}

static uint8_t *put16(uint8_t *at, uint16_t value) {
  at[0] = (uint8_t)value;
  at[1] = (uint8_t)(value >> 8);
  return at + 2;
}

static uint8_t *put32(uint8_t *at, uint32_t value) {
  return put16(put16(at, (uint16_t)value), (uint16_t)(value >> 16));
}

static uint8_t *put_name(uint8_t *at, const char name[4]) { return (uint8_t *)memcpy(at, name, 4) + 4; }

size_t wav_write_header(const wav *file, uint8_t header[WAV_HEADER_MAX]) {
  bool is_pcm = file->encoding == WAV_PCM;
  uint64_t bytes_per_second = (uint64_t)file->rate * file->block_size / file->frames_per_block;
  uint8_t *at = put_name(header, "RIFF");
  uint8_t *riff_size = at;
  at = put_name(at + 4, "WAVE");
  at = put32(put_name(at, "fmt "), is_pcm ? PCM_FORMAT : ADPCM_FORMAT);
  at = put16(put16(at, file->encoding), file->channels);
  at = put32(put32(at, file->rate), bytes_per_second > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes_per_second);
  at = put16(put16(at, file->block_size), is_pcm ? PCM_BITS : ADPCM_BITS);
  if (!is_pcm) {
    at = put16(put16(at, 2), file->frames_per_block);
    at = put32(put32(put_name(at, "fact"), 4), file->frames);
  }
  at = put32(put_name(at, "data"), (uint32_t)file->data_size);
  put32(riff_size, (uint32_t)((size_t)(at - header) - CHUNK_HEADER + file->data_size));
  return (size_t)(at - header);
}

void wav_samples_from_bytes(const uint8_t *bytes, int16_t *samples, size_t count) {
  for (size_t i = 0; i < count; i++) samples[i] = (int16_t)get16(bytes + 2 * i);
}

void wav_samples_to_bytes(const int16_t *samples, uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) put16(bytes + 2 * i, (uint16_t)samples[i]);
}
