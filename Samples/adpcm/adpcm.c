/*
 * adpcm.c - the layout of a block, and the decoder.
 */
#include "adpcm.h"

#include "ima.h"

const int16_t ima_step_sizes[ADPCM_MAX_STEP_INDEX + 1] = {
    7,     8,     9,     10,    11,    12,    13,    14,    16,    17,    19,    21,    23,    25,    28,
    31,    34,    37,    41,    45,    50,    55,    60,    66,    73,    80,    88,    97,    107,   118,
    130,   143,   157,   173,   190,   209,   230,   253,   279,   307,   337,   371,   408,   449,   494,
    544,   598,   658,   724,   796,   876,   963,   1060,  1166,  1282,  1411,  1552,  1707,  1878,  2066,
    2272,  2499,  2749,  3024,  3327,  3660,  4026,  4428,  4871,  5358,  5894,  6484,  7132,  7845,  8630,
    9493,  10442, 11487, 12635, 13899, 15289, 16818, 18500, 20350, 22385, 24623, 27086, 29794, 32767,
};

uint32_t adpcm_interface(void) { return ADPCM_INTERFACE; }

size_t adpcm_frames_per_block(uint32_t channels, size_t block_size) {
  if (channels < 1 || channels > ADPCM_MAX_CHANNELS) return 0;
  if (block_size > ADPCM_MAX_BLOCK_SIZE || block_size % (GROUP_SIZE * channels) != 0) return 0;
  size_t groups = block_size / (GROUP_SIZE * channels); /* counting the header, which is as long as a group */
  return groups < 2 ? 0 : 1 + (groups - 1) * GROUP_SAMPLES;
}

/* Reads a channel's header. Returns ADPCM_OK or ADPCM_E_CORRUPT. */
static int read_header(const uint8_t header[HEADER_SIZE], ima_state *state) {
  if (header[2] > ADPCM_MAX_STEP_INDEX || header[3] != 0) return ADPCM_E_CORRUPT;
  *state = (ima_state){.sample = (int16_t)(header[0] | header[1] << 8), .index = header[2]};
  return ADPCM_OK;
}

int adpcm_decode_block(uint32_t channels, const uint8_t *block, size_t available, size_t block_size, int16_t *frames,
                       size_t capacity) {
  size_t frame_count = adpcm_frames_per_block(channels, block_size);
  if (frame_count == 0 || block == NULL || frames == NULL) return ADPCM_E_FORMAT;
  if (available < block_size || capacity < frame_count) return ADPCM_E_LENGTH;

  ima_state states[ADPCM_MAX_CHANNELS];
  for (uint32_t channel = 0; channel < channels; channel++) {
    int status = read_header(block + ima_header_offset(channel), &states[channel]);
    if (status != ADPCM_OK) return status;
  }
  for (uint32_t channel = 0; channel < channels; channel++) {
    ima_state state = states[channel];
    frames[channel] = (int16_t)state.sample;
    for (size_t frame = 1; frame < frame_count; frame++) {
      unsigned byte = block[ima_nibble_offset(channels, channel, frame)];
      state = ima_advance(state, byte >> ima_nibble_shift(frame) & 15);
      frames[frame * channels + channel] = (int16_t)state.sample;
    }
  }
  return ADPCM_OK;
}
