// Finds bytes that files have in common with others.
//
//   common_runs LENGTH NEEDLE EXCLUDED FILE...
//
// Prints the names of those files that hold LENGTH bytes in a row of NEEDLE. Rows that the file EXCLUDED holds too don't
// count, nor do those with fewer than 8 different bytes: they prove nothing. On standard error it says how many rows of
// NEEDLE it looked for.
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct {
  unsigned char *bytes;
  size_t count;
} contents;

/// Rows by their hash: open addressing.
enum { SLOTS = 1 << 21 };
typedef struct {
  const unsigned char *rows[SLOTS];
  bool counts[SLOTS];
} row_set;

static size_t length;

static contents read_file(const char *path) {
  FILE *file = fopen(path, "rb");
  if (file == NULL) {
    fprintf(stderr, "%s: %s\n", path, strerror(errno));
    exit(2);
  }
  contents contents = {NULL, 0};
  size_t capacity = 0;
  do {
    if (contents.count == capacity) contents.bytes = realloc(contents.bytes, capacity = 2 * capacity + 4096);
    contents.count += fread(contents.bytes + contents.count, 1, capacity - contents.count, file);
  } while (contents.count == capacity);
  fclose(file);
  return contents;
}

/// Where a row is, or would be.
static size_t slot_of(const row_set *set, uint64_t hash, const unsigned char *row) {
  size_t slot = (hash ^ hash >> 29) % SLOTS;
  while (set->rows[slot] != NULL && memcmp(set->rows[slot], row, length) != 0) slot = (slot + 1) % SLOTS;
  return slot;
}

/// A row of a file, and its hash: the sum of its bytes times powers of a constant, which is easy to roll on.
typedef struct {
  contents contents;
  size_t position;
  uint64_t hash;
} cursor;

static const uint64_t base = 0x9e3779b97f4a7c15;
static uint64_t highest_power = 1;

static bool first_row(cursor *cursor, contents contents) {
  cursor->contents = contents;
  cursor->position = 0;
  cursor->hash = 0;
  for (size_t i = 0; i < length && contents.count >= length; i++) cursor->hash = cursor->hash * base + contents.bytes[i];
  return contents.count >= length;
}

static bool next_row(cursor *cursor) {
  const unsigned char *row = cursor->contents.bytes + cursor->position;
  if (cursor->position + length >= cursor->contents.count) return false;
  cursor->hash = (cursor->hash - row[0] * highest_power) * base + row[length];
  cursor->position++;
  return true;
}

static bool proves_something(const unsigned char *row) {
  bool seen[256] = {false};
  int different = 0;
  for (size_t i = 0; i < length; i++) {
    different += !seen[row[i]];
    seen[row[i]] = true;
  }
  return different >= 8;
}

/// Adds the rows of NEEDLE.
static void add(row_set *set, contents contents) {
  if (contents.count > SLOTS / 2) {
    fprintf(stderr, "too long to look for\n");
    exit(2);
  }
  cursor cursor;
  for (bool more = first_row(&cursor, contents); more; more = next_row(&cursor)) {
    const unsigned char *row = contents.bytes + cursor.position;
    size_t slot = slot_of(set, cursor.hash, row);
    set->rows[slot] = row;
    set->counts[slot] = proves_something(row);
  }
}

/// Leaves the rows of EXCLUDED out.
static void leave_out(row_set *set, contents contents) {
  cursor cursor;
  for (bool more = first_row(&cursor, contents); more; more = next_row(&cursor))
    set->counts[slot_of(set, cursor.hash, contents.bytes + cursor.position)] = false;
}

static bool holds_any(contents contents, const row_set *set) {
  cursor cursor;
  for (bool more = first_row(&cursor, contents); more; more = next_row(&cursor))
    if (set->counts[slot_of(set, cursor.hash, contents.bytes + cursor.position)]) return true;
  return false;
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  length = strtoul(argv[1], NULL, 10);
  for (size_t i = 1; i < length; i++) highest_power *= base;
  row_set *wanted = calloc(1, sizeof *wanted);
  add(wanted, read_file(argv[2]));
  leave_out(wanted, read_file(argv[3]));
  int count = 0;
  for (size_t slot = 0; slot < SLOTS; slot++) count += wanted->counts[slot];
  fprintf(stderr, "%d\n", count);
  for (int i = 4; i < argc; i++) {
    contents contents = read_file(argv[i]);
    if (holds_any(contents, wanted)) printf("%s\n", argv[i]);
    free(contents.bytes);
  }
  return 0;
}
