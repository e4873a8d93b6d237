/*
 * adpcm.h - IMA ADPCM as WAV files carry it (format tag 0x0011): 16-bit PCM in a quarter of the space.
 *
 * A block stands alone. For each channel it begins with a header of 4 bytes:
 *
 *     bytes 0-1   first sample, 16 bits, little-endian
 *     byte  2     step index, 0..88
 *     byte  3     reserved, 0
 *
 * and continues with groups of 4 bytes, one group for each channel in turn; a group is the next 8 samples of its
 * channel, 4 bits each, the low nibble of a byte first. (The DVI variant, Python's audioop for example, puts the high
 * nibble first; the arithmetic is the same.) Sources: "Recommended Practices for Enhancing Digital Audio Compatibility
 * in Multimedia Systems", revision 3.00, IMA 1992, and Microsoft's "New Multimedia Data Types and Data Techniques",
 * 1994.
 *
 * Threads: no function has state; call them from anywhere. Nothing is allocated.
 *
 * The module is meant to be found by symbol name: each function's type is declared first, as NAME_fn, and serves both
 * for the declaration below it and for the pointer that a loader returns.
 */
#ifndef ADPCM_H
#define ADPCM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ADPCM_EXPORT __attribute__((visibility("default")))
#else
#define ADPCM_EXPORT
#endif

/* The interface that this header describes. A caller refuses a module that tells another. */
#define ADPCM_INTERFACE 1

#define ADPCM_MAX_CHANNELS 2
#define ADPCM_MAX_STEP_INDEX 88

/* The largest block: a WAV header counts a block's bytes in 16 bits. */
#define ADPCM_MAX_BLOCK_SIZE 65535

enum {
  ADPCM_OK = 0,
  ADPCM_E_FORMAT = -1,   /* no such layout: see adpcm_frames_per_block; or a null pointer */
  ADPCM_E_LENGTH = -2,   /* the input or the output is shorter than one block */
  ADPCM_E_CORRUPT = -3   /* a block header with a step index above 88 or a reserved byte that isn't 0 */
};

/* The interface that the module implements: ADPCM_INTERFACE. */
typedef uint32_t adpcm_interface_fn(void);
ADPCM_EXPORT adpcm_interface_fn adpcm_interface;

/*
 * The number of frames (one sample for each channel) in a block.
 *
 * channels    1 or 2
 * block_size  bytes in a block: a multiple of 4 * channels, at least 8 * channels, at most ADPCM_MAX_BLOCK_SIZE
 *
 * Returns 0 when there is no such layout; otherwise 1 + 8 * (groups for each channel).
 */
typedef size_t adpcm_frames_per_block_fn(uint32_t channels, size_t block_size);
ADPCM_EXPORT adpcm_frames_per_block_fn adpcm_frames_per_block;

/*
 * Encodes one block. Of the ways to write a block, of which each sample has 16, it looks for the one that decodes
 * closest to the input (least squared error), deciding each sample only once the 15 that follow it have been tried.
 *
 * channels     as in adpcm_frames_per_block
 * frames       interleaved samples
 * frame_count  frames available: at least adpcm_frames_per_block; what exceeds it is not read
 * block        receives the block
 * block_size   its size in bytes, as in adpcm_frames_per_block
 *
 * Returns ADPCM_OK, ADPCM_E_FORMAT or ADPCM_E_LENGTH; nothing is written unless it returns ADPCM_OK.
 */
typedef int adpcm_encode_block_fn(uint32_t channels, const int16_t *frames, size_t frame_count, uint8_t *block,
                                  size_t block_size);
ADPCM_EXPORT adpcm_encode_block_fn adpcm_encode_block;

/*
 * Decodes one block.
 *
 * channels     as in adpcm_frames_per_block
 * block        the bytes
 * available    how many bytes there are: at least block_size; what exceeds it is not read
 * block_size   the size of a block, as in adpcm_frames_per_block
 * frames       receives adpcm_frames_per_block frames, interleaved
 * capacity     how many frames it has room for
 *
 * Returns ADPCM_OK, ADPCM_E_FORMAT, ADPCM_E_LENGTH or ADPCM_E_CORRUPT; nothing is written unless it returns ADPCM_OK.
 */
typedef int adpcm_decode_block_fn(uint32_t channels, const uint8_t *block, size_t available, size_t block_size,
                                  int16_t *frames, size_t capacity);
ADPCM_EXPORT adpcm_decode_block_fn adpcm_decode_block;

#endif
