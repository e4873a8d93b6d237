// Seeded changes of bytes: the same in every run.
#ifndef MUTATION_H
#define MUTATION_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/// SplitMix64.
static inline uint64_t draw(uint64_t *state) {
  uint64_t mixed = *state += 0x9e3779b97f4a7c15;
  mixed = (mixed ^ (mixed >> 30)) * 0xbf58476d1ce4e5b9;
  mixed = (mixed ^ (mixed >> 27)) * 0x94d049bb133111eb;
  return mixed ^ (mixed >> 31);
}

static inline size_t draw_below(uint64_t *state, size_t limit) { return limit ? (size_t)(draw(state) % limit) : 0; }

typedef struct {
  uint8_t *bytes;
  size_t size;
  size_t capacity;
} buffer;

/// Makes `copy` the same as `original`; there is room for changes.
static inline void copy_buffer(buffer *copy, const buffer *original) {
  if (copy->capacity < 2 * original->size + 4096) {
    copy->capacity = 2 * original->size + 4096;
    copy->bytes = realloc(copy->bytes, copy->capacity);
    if (copy->bytes == NULL) abort();
  }
  memcpy(copy->bytes, original->bytes, original->size);
  copy->size = original->size;
}

/// The heads of CBOR that lie most: long, huge, indefinite, nested, of other types.
static const uint8_t interesting[] = {0x00, 0x17, 0x18, 0x19, 0x1a, 0x1b, 0x1c, 0x1f, 0x20, 0x3b, 0x40, 0x5a, 0x5b,
                                      0x5f, 0x60, 0x7b, 0x80, 0x81, 0x9a, 0x9b, 0x9f, 0xa0, 0xa1, 0xbb, 0xbf, 0xc0,
                                      0xd2, 0xdb, 0xf4, 0xf5, 0xf6, 0xf7, 0xf9, 0xfb, 0xff};

/// Changes one thing.
static inline void mutate_once(buffer *object, uint64_t *state) {
  size_t at = draw_below(state, object->size);
  size_t count = 1 + draw_below(state, 16);
  if (object->size == 0 || object->size + 64 > object->capacity) return;
  if (count > object->size - at) count = object->size - at;
  switch (draw_below(state, 9)) {
    case 0:
    case 1: object->bytes[at] ^= (uint8_t)(1 << draw_below(state, 8)); break;
    case 2: object->bytes[at] = interesting[draw_below(state, sizeof interesting)]; break;
    case 3: object->bytes[at] = (uint8_t)draw(state); break;
    case 4:  // Cut off.
      object->size = at;
      break;
    case 5:  // Taken out.
      memmove(object->bytes + at, object->bytes + at + count, object->size - at - count);
      object->size -= count;
      break;
    case 6:  // Twice.
      memmove(object->bytes + at + count, object->bytes + at, object->size - at);
      object->size += count;
      break;
    case 7:  // From elsewhere.
      memmove(object->bytes + at, object->bytes + draw_below(state, object->size - count + 1), count);
      break;
    default:  // A length that nobody has.
      memset(object->bytes + at, 0xff, count);
      break;
  }
}

/// Changes a few things, but not into what it was.
static inline void mutate(buffer *object, const buffer *original, uint64_t *state) {
  do {
    copy_buffer(object, original);
    for (size_t left = 1 + draw_below(state, 4); left > 0; left--) mutate_once(object, state);
  } while (object->size == original->size && memcmp(object->bytes, original->bytes, object->size) == 0);
}

#endif
