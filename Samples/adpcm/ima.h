/*
 * ima.h - what encoder and decoder share: what a nibble does to the state of a channel, and where in a block it stands.
 */
#ifndef ADPCM_IMA_H
#define ADPCM_IMA_H

#include <stddef.h>
#include <stdint.h>

#include "adpcm.h"

enum { HEADER_SIZE = 4, GROUP_SIZE = 4, GROUP_SAMPLES = 8 }; /* for each channel */

/* The state of one channel: the sample that was last decoded, and which step size the next nibble is measured in. */
typedef struct {
  int32_t sample; /* -32768..32767 */
  int32_t index;  /* 0..ADPCM_MAX_STEP_INDEX */
} ima_state;

extern const int16_t ima_step_sizes[ADPCM_MAX_STEP_INDEX + 1];

static inline int32_t ima_clamp(int32_t value, int32_t low, int32_t high) {
  return value < low ? low : value > high ? high : value;
}

/*
 * Moves a channel on by one nibble. Bit 3 is the sign of the difference; bits 2..0 count whole, half and quarter
 * steps, and an eighth is always added. Each part is rounded down by itself, as the standard does: (2n + 1) * step / 8
 * is not the same number.
 */
static inline ima_state ima_advance(ima_state state, unsigned nibble) {
  static const int8_t index_changes[8] = {-1, -1, -1, -1, 2, 4, 6, 8};
  int32_t step = ima_step_sizes[state.index];
  int32_t difference = step >> 3;
  if (nibble & 4) difference += step;
  if (nibble & 2) difference += step >> 1;
  if (nibble & 1) difference += step >> 2;
  if (nibble & 8) difference = -difference;
  state.sample = ima_clamp(state.sample + difference, INT16_MIN, INT16_MAX);
  state.index = ima_clamp(state.index + index_changes[nibble & 7], 0, ADPCM_MAX_STEP_INDEX);
  return state;
}

/* A channel's header begins at this offset of the block. */
static inline size_t ima_header_offset(uint32_t channel) { return (size_t)HEADER_SIZE * channel; }

/* The nibble of frame `frame` (1 or more; frame 0 is in the header) is in the byte at this offset of the block. */
static inline size_t ima_nibble_offset(uint32_t channels, uint32_t channel, size_t frame) {
  size_t group = (frame - 1) / GROUP_SAMPLES, within = (frame - 1) % GROUP_SAMPLES;
  return (size_t)HEADER_SIZE * channels + (group * channels + channel) * GROUP_SIZE + within / 2;
}

/* How far left the nibble of frame `frame` stands in its byte: odd frames come first, and so low. */
static inline unsigned ima_nibble_shift(size_t frame) { return frame % 2 == 1 ? 0 : 4; }

#endif
