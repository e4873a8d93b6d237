#define _GNU_SOURCE
#include "secret_memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "guarded_pages.h"

#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447  // the same number on every architecture
#endif

enum {
  GRANULE_SIZE = 128,
  GRANULES_PER_ARENA = 128,  // as many as `used` has bits
  ARENA_SIZE = GRANULE_SIZE * GRANULES_PER_ARENA,
  LARGEST_SLOT = ARENA_SIZE / 4,  // larger secrets get pages of their own
};

struct secret_region {
  struct secret_region *next, *previous;  // arenas only
  uint8_t *bytes;                         // between two guard pages
  size_t size;                            // whole pages
  uint64_t generation;                    // of the process that made it
  unsigned __int128 used;                 // one bit per granule; arenas only
  bool shared;                            // a child sees the parent's later writes, and the reverse
};

// What must not survive a fork. It has a page of its own that the kernel gives to a child as zeros: an unlocked mutex
// (whoever held it does not exist in the child) and generation 0, "this process has allocated nothing yet".
struct process_state {
  pthread_mutex_t lock;
  _Atomic uint64_t generation;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct process_state *state;   // null if there was not even one page
static uint64_t last_generation;      // inherited, so that a child's generation differs from all its ancestors'
static struct secret_region *arenas;  // this generation's
static _Atomic int shortfall;         // errno, since a region that should be memfd_secret memory isn't
static size_t idle_arenas;            // how many of them hold no secret

static void forget_parent(void) { memset(state, 0, sizeof *state); }

static void set_up(void) {
  const size_t page = page_size();
  void *const memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return;
  // The kernel's way also covers a bare clone(2); the handler covers kernels before 4.14 and user-mode emulators. One
  // of them must be in place: without either, a child would reuse slots that its parent owns.
  const bool wiped_by_kernel = madvise(memory, page, MADV_WIPEONFORK) == 0;
  const bool wiped_by_handler = pthread_atfork(NULL, NULL, forget_parent) == 0;
  if (!wiped_by_kernel && !wiped_by_handler) {
    munmap(memory, page);
    return;
  }
  state = memory;
}

/// Takes the lock, and starts a new generation if this process has none yet. Inherited arenas are then left alone.
static bool lock(void) {
  pthread_once(&once, set_up);
  if (state == NULL || pthread_mutex_lock(&state->lock) != 0) return false;
  if (atomic_load_explicit(&state->generation, memory_order_relaxed) == 0) {
    arenas = NULL;
    idle_arenas = 0;
    atomic_store_explicit(&state->generation, ++last_generation, memory_order_relaxed);
  }
  return true;
}

static void unlock(void) { pthread_mutex_unlock(&state->lock); }

static bool is_inherited(const struct secret_region *region) {
  return region->generation != atomic_load_explicit(&state->generation, memory_order_relaxed);
}

/// Puts secret memory at `bytes`, in place of reserved pages. Its content is zeros.
static bool map_secret_pages(uint8_t *bytes, size_t size) {
  // O_CLOEXEC, as the kernel has it, and not FD_CLOEXEC, as the manual page says.
  const int descriptor = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
  void *mapped = MAP_FAILED;
  if (descriptor >= 0 && ftruncate(descriptor, (off_t)size) == 0)
    mapped = mmap(bytes, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, descriptor, 0);
  if (mapped == MAP_FAILED) atomic_store_explicit(&shortfall, errno, memory_order_relaxed);
  if (descriptor >= 0) close(descriptor);
  // A MAP_FIXED call that fails may have unmapped the reservation: put it back.
  if (descriptor >= 0 && mapped == MAP_FAILED)
    mmap(bytes, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  return mapped != MAP_FAILED;
}

static void destroy_region(struct secret_region *region) {
  guarded_pages_free(region->bytes, region->size);
  free(region);
}

/// Makes a region of at least `size` bytes with a guard page on either side.
static struct secret_region *create_region(size_t size) {
  const size_t whole = whole_pages(size);
  if (whole == 0) return NULL;
  struct secret_region *const region = calloc(1, sizeof *region);
  if (region == NULL) return NULL;
  region->bytes = guarded_pages_reserve(whole, page_size());
  if (region->bytes == NULL) {
    free(region);
    return NULL;
  }
  region->size = whole;
  region->generation = atomic_load_explicit(&state->generation, memory_order_relaxed);
  region->shared = map_secret_pages(region->bytes, whole);
  bool locked;
  if (!region->shared && !guarded_pages_open(region->bytes, whole, &locked)) {
    destroy_region(region);
    return NULL;
  }
  return region;
}

static size_t granules(size_t size) { return size == 0 ? 1 : (size + GRANULE_SIZE - 1) / GRANULE_SIZE; }

static unsigned __int128 granule_mask(size_t first, size_t count) {
  return (((unsigned __int128)1 << count) - 1) << first;  // count is far below 128
}

/// Takes the first run of `count` free granules in an arena.
static bool take_granules(struct secret_region *arena, size_t count, secret_slot *slot) {
  for (size_t first = 0; first + count <= GRANULES_PER_ARENA; first++) {
    if ((arena->used & granule_mask(first, count)) != 0) continue;
    if (arena->used == 0) idle_arenas--;
    arena->used |= granule_mask(first, count);
    *slot = (secret_slot){arena->bytes + first * GRANULE_SIZE, arena};
    return true;
  }
  return false;
}

static void move_to_front(struct secret_region *arena) {
  if (arena == arenas) return;
  if (arena->previous != NULL) arena->previous->next = arena->next;
  if (arena->next != NULL) arena->next->previous = arena->previous;
  arena->previous = NULL;
  arena->next = arenas;
  if (arenas != NULL) arenas->previous = arena;
  arenas = arena;
}

static bool allocate_in_arena(size_t size, secret_slot *slot) {
  // The arena that last had room, or last got some, is in front: nearly always the first one tried.
  for (struct secret_region *arena = arenas; arena != NULL; arena = arena->next) {
    if (!take_granules(arena, granules(size), slot)) continue;
    move_to_front(arena);
    return true;
  }
  struct secret_region *const arena = create_region(ARENA_SIZE);
  if (arena == NULL) return false;
  idle_arenas++;
  move_to_front(arena);
  return take_granules(arena, granules(size), slot);
}

static void release_in_arena(secret_slot slot, size_t size) {
  struct secret_region *const arena = slot.region;
  const size_t first = (size_t)((uint8_t *)slot.bytes - arena->bytes) / GRANULE_SIZE;
  arena->used &= ~granule_mask(first, granules(size));
  move_to_front(arena);
  if (arena->used != 0) return;
  if (idle_arenas == 0) {  // one stays, so that a single secret that comes and goes costs no system call
    idle_arenas++;
    return;
  }
  arenas = arena->next;
  if (arenas != NULL) arenas->previous = NULL;
  destroy_region(arena);
}

bool secret_memory_allocate(size_t size, secret_slot *slot) {
  if (!lock()) return false;
  bool allocated;
  if (size <= LARGEST_SLOT) {
    allocated = allocate_in_arena(size, slot);
  } else {
    struct secret_region *const region = create_region(size);
    allocated = region != NULL;
    if (allocated) *slot = (secret_slot){region->bytes, region};
  }
  unlock();
  return allocated;
}

void secret_memory_release(secret_slot slot, size_t size) {
  struct secret_region *const region = slot.region;
  const bool inherited = is_inherited(region);
  if (!inherited || !region->shared) secret_memory_wipe(slot.bytes, size);
  if (size > LARGEST_SLOT) {
    destroy_region(region);
  } else if (!inherited && lock()) {
    release_in_arena(slot, size);
    unlock();
  }
}

int secret_memory_shortfall(void) { return atomic_load_explicit(&shortfall, memory_order_relaxed); }

bool secret_memory_is_borrowed_from_parent(secret_slot slot) {
  return slot.region->shared && is_inherited(slot.region);
}

void secret_memory_wipe(void *bytes, size_t size) {
  if (size == 0) return;
  memset(bytes, 0, size);
  __asm__ volatile("" : : "r"(bytes) : "memory");  // the zeros may be read by something the compiler cannot see
}

bool secret_memory_equal(const void *left, const void *right, size_t size) {
  const volatile uint8_t *const l = left;
  const volatile uint8_t *const r = right;
  uint8_t difference = 0;
  for (size_t i = 0; i < size; i++) difference |= l[i] ^ r[i];
  return difference == 0;
}
