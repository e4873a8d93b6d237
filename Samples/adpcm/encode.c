/*
 * encode.c - the encoder: a beam search for the nibbles that decode closest to the input.
 *
 * A nibble does two things: it moves the sample, and it sets the step for the next one. The nearest sample now can
 * mean too small a step later (before the onset of a note, say), so the greedy choice is not the best. The search keeps
 * the BEAM best ways to have encoded the input so far, extends each by every nibble, and keeps the best again. A path
 * carries its last 16 nibbles in one word; when the word is full, the best path's oldest nibble is written and the
 * paths that disagree with it are dropped. So the whole search needs a few KB of stack, however long the block.
 *
 * The step index in the header is chosen the same way: the search starts from all 89 of them, and the header is written
 * last, with the one that the best path began with.
 */
#include <stdbool.h>

#include "adpcm.h"
#include "ima.h"

enum {
  BEAM = 32,                        /* twice as many take more than twice the time for a tenth of a decibel */
  PENDING = 16,                     /* nibbles in a path's word */
  STARTS = ADPCM_MAX_STEP_INDEX + 1 /* step indices to begin with */
};
_Static_assert(BEAM <= STARTS, "a beam has STARTS places");

/* One way to have encoded the channel so far. */
typedef struct {
  ima_state state;
  uint8_t first_index; /* the step index it began with */
  uint64_t error;      /* the sum of the squared differences to the input so far */
  uint64_t pending;    /* its last nibbles, the newest lowest */
} path;

/* The best paths, least error first, no two in the same state. At most BEAM, but all STARTS at first. */
typedef struct {
  size_t count;
  path paths[STARTS];
} beam;

/* Where a channel's samples come from and its nibbles go. */
typedef struct {
  uint32_t channels, channel;
  const int16_t *frames;
  uint8_t *block;
} track;

static void write_nibble(const track *track, size_t frame, unsigned nibble) {
  uint8_t *byte = track->block + ima_nibble_offset(track->channels, track->channel, frame);
  unsigned shift = ima_nibble_shift(frame);
  *byte = (uint8_t)((*byte & 0xF0 >> shift) | nibble << shift);
}

static void write_header(const track *track, unsigned first_index) {
  uint8_t *header = track->block + ima_header_offset(track->channel);
  uint16_t sample = (uint16_t)track->frames[track->channel];
  header[0] = (uint8_t)sample;
  header[1] = (uint8_t)(sample >> 8);
  header[2] = (uint8_t)first_index;
  header[3] = 0;
}

/* Paths in the same state have the same future, so only the better one is worth keeping. */
static bool same_state(const path *a, const path *b) {
  return a->state.sample == b->state.sample && a->state.index == b->state.index;
}

/* Puts a path in its place in the beam, unless it is too bad, or another one in the same state is as good. */
static void insert(beam *beam, const path *candidate) {
  if (beam->count == BEAM && candidate->error >= beam->paths[BEAM - 1].error) return;
  size_t place = 0;
  for (; place < beam->count && beam->paths[place].error <= candidate->error; place++)
    if (same_state(&beam->paths[place], candidate)) return;

  /* What makes room: a worse path in the same state, else a new place at the end, else the last path. */
  size_t room = place;
  while (room < beam->count && !same_state(&beam->paths[room], candidate)) room++;
  if (room == BEAM) room = BEAM - 1;
  else if (room == beam->count) beam->count++;
  for (; room > place; room--) beam->paths[room] = beam->paths[room - 1];
  beam->paths[place] = *candidate;
}

/* Extends every path by every nibble and keeps the best. */
static void extend(const beam *from, beam *to, int32_t wanted) {
  to->count = 0;
  for (size_t i = 0; i < from->count; i++) {
    for (unsigned nibble = 0; nibble < 16; nibble++) {
      path candidate = from->paths[i];
      candidate.state = ima_advance(candidate.state, nibble);
      int64_t difference = wanted - candidate.state.sample;
      candidate.error += (uint64_t)(difference * difference);
      candidate.pending = candidate.pending << 4 | nibble;
      insert(to, &candidate);
    }
  }
}

/* Takes the best path's oldest pending nibble, and drops the paths that began with another. */
static unsigned settle(beam *beam) {
  uint64_t nibble = beam->paths[0].pending >> 60;
  size_t kept = 0;
  for (size_t i = 0; i < beam->count; i++)
    if (beam->paths[i].pending >> 60 == nibble) beam->paths[kept++] = beam->paths[i];
  beam->count = kept;
  return (unsigned)nibble;
}

static void encode_channel(const track *track, size_t frame_count) {
  beam beams[2], *now = &beams[0], *next = &beams[1];
  now->count = STARTS;
  for (size_t i = 0; i < STARTS; i++) {
    ima_state state = {.sample = track->frames[track->channel], .index = (int32_t)i};
    now->paths[i] = (path){.state = state, .first_index = (uint8_t)i};
  }

  for (size_t frame = 1; frame < frame_count; frame++) {
    if (frame > PENDING) write_nibble(track, frame - PENDING, settle(now));
    extend(now, next, track->frames[frame * track->channels + track->channel]);
    beam *swap = now;
    now = next;
    next = swap;
  }
  const path *best = &now->paths[0];
  write_header(track, best->first_index);
  size_t pending = frame_count - 1 < PENDING ? frame_count - 1 : PENDING;
  for (size_t age = 0; age < pending; age++)
    write_nibble(track, frame_count - 1 - age, (unsigned)(best->pending >> 4 * age & 15));
}

int adpcm_encode_block(uint32_t channels, const int16_t *frames, size_t frame_count, uint8_t *block,
                       size_t block_size) {
  size_t needed = adpcm_frames_per_block(channels, block_size);
  if (needed == 0 || frames == NULL || block == NULL) return ADPCM_E_FORMAT;
  if (frame_count < needed) return ADPCM_E_LENGTH;
  for (uint32_t channel = 0; channel < channels; channel++)
    encode_channel(&(track){channels, channel, frames, block}, needed);
  return ADPCM_OK;
}
