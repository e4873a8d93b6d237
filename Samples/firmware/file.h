/*
 * file.h - whole files in and out. "-" is standard input or output.
 */
#ifndef FILE_H
#define FILE_H

#include <stddef.h>
#include <stdint.h>

/* The largest input, in bytes: half an hour of stereo at 8 kHz, a day of accelerometer. */
#define INPUT_MAX ((size_t)64 << 20)

typedef struct {
  uint8_t *bytes; /* followed by a 0 that isn't counted */
  size_t size;
} contents;

/* Reads a file to its end, or fails. Its bytes are the caller's to free. */
contents read_input(const char *path);

/*
 * Writes a file in two pieces, or fails. The file appears only when it is complete: until then it has another name.
 * Bytes that aren't text are refused to a terminal.
 */
void write_output(const char *path, const void *first, size_t first_size, const void *second, size_t second_size);

#endif
