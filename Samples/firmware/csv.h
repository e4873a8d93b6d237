/*
 * csv.h - accelerometer recordings as text: the line "t,x,y,z", then for each sample a line of four numbers, the time
 * in seconds and three accelerations in g. The samples are evenly spaced in time.
 */
#ifndef CSV_H
#define CSV_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  float (*samples)[3]; /* the caller's to free */
  size_t count;        /* at least 2 */
  double start;        /* time of the first sample, s */
  double rate;         /* samples per second, from the first and the last time */
} recording;

typedef enum {
  CSV_OK = 0,
  CSV_NO_HEADER,   /* the first line isn't "t,x,y,z" */
  CSV_BAD_LINE,    /* a line that isn't four decimal numbers with commas between */
  CSV_BAD_TIME,    /* a time that isn't later than the one before */
  CSV_UNEVEN,      /* a gap: a sample much sooner or later than its turn */
  CSV_TOO_SHORT,   /* fewer than two samples */
  CSV_NO_MEMORY,
} csv_status;

/*
 * Reads a file in memory.
 *
 * text  the bytes, followed by a 0
 * size  how many, without that 0
 * line  receives the number of the line that the status is about, from 1
 *
 * On failure there is nothing to free.
 */
csv_status csv_parse(const uint8_t *text, size_t size, recording *out, size_t *line);

/* The status in a few words. */
const char *csv_status_string(csv_status status);

#endif
