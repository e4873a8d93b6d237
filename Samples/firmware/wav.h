/*
 * wav.h - WAV files (RIFF): 16-bit PCM (format tag 1) and IMA ADPCM (format tag 0x0011), mono or stereo.
 *
 * A RIFF file is a list of chunks: a name of 4 bytes, a size of 4, the bytes, and one more if the size is odd. Numbers
 * are little-endian. Source: "Multimedia Programming Interface and Data Specifications 1.0", IBM and Microsoft, 1991.
 */
#ifndef WAV_H
#define WAV_H

#include <stddef.h>
#include <stdint.h>

enum { WAV_PCM = 0x0001, WAV_ADPCM = 0x0011 };

typedef struct {
  uint16_t encoding;         /* WAV_PCM or WAV_ADPCM */
  uint16_t channels;         /* 1 or 2 */
  uint32_t rate;             /* frames per second */
  uint16_t block_size;       /* bytes in a block; in PCM a block is a frame */
  uint16_t frames_per_block; /* 1 in PCM */
  uint32_t frames;           /* frames in all: in ADPCM the last block may hold more, which are padding */
  const uint8_t *data;       /* the blocks, a whole number of them, at least one */
  size_t data_size;
} wav;

typedef enum {
  WAV_OK = 0,
  WAV_NOT_RIFF,    /* doesn't begin as a WAV file does */
  WAV_TRUNCATED,   /* a size that goes beyond what holds it */
  WAV_DISORDERED,  /* no format chunk before the data, or a chunk twice */
  WAV_UNSUPPORTED, /* another encoding, or another number of channels or bits */
  WAV_MISMATCHED,  /* numbers in the format or fact chunk that contradict each other or the data */
  WAV_PARTIAL,     /* data that isn't a whole number of blocks */
  WAV_EMPTY,       /* no data */
} wav_status;

/* Reads a file in memory. `out->data` points into `bytes`. */
wav_status wav_parse(const uint8_t *bytes, size_t size, wav *out);

/* The status in a few words. */
const char *wav_status_string(wav_status status);

/* The longest header that wav_write_header writes. */
#define WAV_HEADER_MAX 60

/* Writes all that comes before the data, and returns its size. `data` isn't looked at; `data_size` must be even. */
size_t wav_write_header(const wav *file, uint8_t header[WAV_HEADER_MAX]);

/* Copies `count` samples from the little-endian bytes of PCM data, and back. */
void wav_samples_from_bytes(const uint8_t *bytes, int16_t *samples, size_t count);
void wav_samples_to_bytes(const int16_t *samples, uint8_t *bytes, size_t count);

#endif
