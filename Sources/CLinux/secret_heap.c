#define _GNU_SOURCE
#include "secret_heap.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "guarded_pages.h"
#include "secret_memory.h"

// An arena is divided into slabs, and a slab into slots of one size. All that describes them lies in the arena's first
// slab, below the slots, where nothing that overflows a slot gets to. Free slots hold zeros.
enum {
  ARENA_SIZE = 1 << 18,  // and alignment: this is how a slot's arena is found
  SLAB_SIZE = 1 << 14,
  SLABS_PER_ARENA = ARENA_SIZE / SLAB_SIZE,
  SMALLEST_SLOT = 16,
  LARGEST_SLOT = 1 << 12,  // what is larger gets pages of its own
  SIZE_CLASSES = 28,
  MAP_WORDS = SLAB_SIZE / SMALLEST_SLOT / 64,
};

struct slab {
  struct slab *next, *previous;  // of those of its class with a free slot, or of the unused ones
  uint64_t used[MAP_WORDS];      // one bit per slot; beyond the last slot all set
  uint32_t slot_size;            // 0 if it is unused
  uint32_t used_count;
};

struct arena {
  size_t size;  // of the mapping
  bool is_locked;
  bool is_large;                       // holds one allocation, from the second page on
  struct slab slabs[SLABS_PER_ARENA];  // the first one is this description's place
};

_Static_assert(sizeof(struct arena) <= SLAB_SIZE && sizeof(struct arena) <= 4096, "the description fits its place");

// Held for an instant only: whoever finds it taken looks again a few times before it sleeps.
static pthread_mutex_t mutex = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct slab *available[SIZE_CLASSES];  // slabs with a free slot
static struct slab *unused;                   // slabs without any class
static secret_heap_usage usage;

static void lock(void) { pthread_mutex_lock(&mutex); }
static void unlock(void) { pthread_mutex_unlock(&mutex); }

// A fork(2) waits until the heap is whole.
static void set_up(void) { pthread_atfork(lock, unlock, unlock); }

static struct arena *arena_of(const void *bytes) {
  return (struct arena *)((uintptr_t)bytes & ~(uintptr_t)(ARENA_SIZE - 1));
}

static uint8_t *slots_of(const struct slab *slab) {
  struct arena *const arena = arena_of(slab);
  return (uint8_t *)arena + (size_t)(slab - arena->slabs) * SLAB_SIZE;
}

/// The class for 1 to LARGEST_SLOT bytes: steps of 16 up to 128, then four steps to each doubling.
static unsigned size_class(size_t size, uint32_t *slot_size) {
  size_t last = size - 1;
  if (last < 128) {
    *slot_size = (uint32_t)(last / SMALLEST_SLOT + 1) * SMALLEST_SLOT;
    return (unsigned)(last / SMALLEST_SLOT);
  }
  const unsigned exponent = 63 - (unsigned)__builtin_clzll(last);
  const unsigned shift = exponent - 2;
  *slot_size = (uint32_t)((last >> shift) + 1) << shift;
  return 8 + (exponent - 7) * 4 + (unsigned)(last >> shift & 3);
}

static void push(struct slab **list, struct slab *slab) {
  slab->previous = NULL;
  slab->next = *list;
  if (slab->next != NULL) slab->next->previous = slab;
  *list = slab;
}

static void take_out(struct slab **list, struct slab *slab) {
  if (slab->previous != NULL) slab->previous->next = slab->next;
  else *list = slab->next;
  if (slab->next != NULL) slab->next->previous = slab->previous;
}

static struct arena *make_arena(size_t size) {
  struct arena *const arena = (struct arena *)guarded_pages_reserve(size, ARENA_SIZE);
  if (arena == NULL) return NULL;
  bool locked;
  if (!guarded_pages_open((uint8_t *)arena, size, &locked)) {
    guarded_pages_free((uint8_t *)arena, size);
    return NULL;
  }
  arena->size = size;
  arena->is_locked = locked;
  return arena;
}

static void count_arena(const struct arena *arena, int sign) {
  usage.mapped += (size_t)sign * arena->size;
  if (arena->is_locked) usage.locked += (size_t)sign * arena->size;
}

/// A slab for slots of a size that has none with room.
static struct slab *make_slab(uint32_t slot_size) {
  if (unused == NULL) {
    struct arena *const arena = make_arena(ARENA_SIZE);
    if (arena == NULL) return NULL;
    count_arena(arena, 1);
    for (size_t i = SLABS_PER_ARENA - 1; i > 0; i--) push(&unused, &arena->slabs[i]);
  }
  struct slab *const slab = unused;
  take_out(&unused, slab);
  slab->slot_size = slot_size;
  slab->used_count = 0;
  const size_t count = SLAB_SIZE / slot_size;
  for (size_t word = 0; word < MAP_WORDS; word++) {
    const size_t slots = count <= word * 64 ? 0 : count - word * 64;
    slab->used[word] = slots >= 64 ? 0 : ~(uint64_t)0 << slots;
  }
  return slab;
}

static void *take_slot(struct slab *slab) {
  for (size_t word = 0; word < MAP_WORDS; word++) {
    if (slab->used[word] == ~(uint64_t)0) continue;
    const unsigned bit = (unsigned)__builtin_ctzll(~slab->used[word]);
    slab->used[word] |= (uint64_t)1 << bit;
    slab->used_count++;
    return slots_of(slab) + (word * 64 + bit) * slab->slot_size;
  }
  return NULL;
}

static void *allocate_slot(size_t size) {
  uint32_t slot_size;
  const unsigned class = size_class(size, &slot_size);
  struct slab *slab = available[class];
  if (slab == NULL) {
    slab = make_slab(slot_size);
    if (slab == NULL) return NULL;
    push(&available[class], slab);
  }
  void *const slot = take_slot(slab);
  if (slab->used_count == SLAB_SIZE / slab->slot_size) take_out(&available[class], slab);
  return slot;
}

static void *allocate_pages(size_t size) {
  const size_t whole = whole_pages(size);
  if (whole == 0) return NULL;
  struct arena *const arena = make_arena(page_size() + whole);
  if (arena == NULL) return NULL;
  arena->is_large = true;
  lock();
  count_arena(arena, 1);
  unlock();
  return (uint8_t *)arena + page_size();
}

void *secret_heap_allocate(size_t size) {
  if (size == 0) return NULL;
  pthread_once(&once, set_up);
  if (size > LARGEST_SLOT) return allocate_pages(size);
  lock();
  void *const slot = allocate_slot(size);
  unlock();
  return slot;
}

/// The slab that a slot lies in. Stops the process if `bytes` isn't where a slot begins.
static struct slab *slab_of(struct arena *arena, const void *bytes) {
  const size_t offset = (size_t)((const uint8_t *)bytes - (uint8_t *)arena);
  struct slab *const slab = &arena->slabs[offset / SLAB_SIZE];
  if (slab->slot_size == 0 || offset % SLAB_SIZE % slab->slot_size != 0) abort();
  return slab;
}

/// How many bytes an allocation has room for.
static size_t capacity(const void *bytes) {
  struct arena *const arena = arena_of(bytes);
  return arena->is_large ? arena->size - page_size() : slab_of(arena, bytes)->slot_size;
}

static void free_slot(struct slab *slab, const void *bytes) {
  const size_t index = (size_t)((const uint8_t *)bytes - slots_of(slab)) / slab->slot_size;
  const uint64_t bit = (uint64_t)1 << index % 64;
  if ((slab->used[index / 64] & bit) == 0) abort();
  uint32_t slot_size;
  const unsigned class = size_class(slab->slot_size, &slot_size);
  if (slab->used_count == SLAB_SIZE / slab->slot_size) push(&available[class], slab);
  slab->used[index / 64] &= ~bit;
  slab->used_count--;
  // One without any slot in use may change its class, unless its class has no other.
  if (slab->used_count > 0 || (slab->next == NULL && slab->previous == NULL)) return;
  take_out(&available[class], slab);
  slab->slot_size = 0;
  push(&unused, slab);
}

void secret_heap_free(void *bytes) {
  if (bytes == NULL) return;
  struct arena *const arena = arena_of(bytes);
  secret_memory_wipe(bytes, capacity(bytes));
  lock();
  if (arena->is_large) count_arena(arena, -1);
  else free_slot(slab_of(arena, bytes), bytes);
  unlock();
  if (arena->is_large) guarded_pages_free((uint8_t *)arena, arena->size);
}

void *secret_heap_reallocate(void *bytes, size_t size) {
  if (bytes == NULL) return secret_heap_allocate(size);
  if (size == 0) {
    secret_heap_free(bytes);
    return NULL;
  }
  const size_t room = capacity(bytes);
  // A smaller slot isn't worth a copy before it saves half.
  if (size <= room && size > room / 2) return bytes;
  void *const moved = secret_heap_allocate(size);
  if (moved == NULL) return NULL;
  memcpy(moved, bytes, size < room ? size : room);
  secret_heap_free(bytes);
  return moved;
}

secret_heap_usage secret_heap_get_usage(void) {
  lock();
  const secret_heap_usage now = usage;
  unlock();
  return now;
}
