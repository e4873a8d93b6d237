#include "csv.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { NUMBER_MAX = 32 }; /* the longest number, in characters */

/*
 * Reads a decimal number and moves on past it. strtod alone would take more: blanks, hexadecimal, "nan", "inf". What it
 * sees ends where the digits end, since the text ends in a 0.
 */
static bool read_number(const char **at, const char *end, double *out) {
  size_t length = strspn(*at, "+-.0123456789eE");
  if (length == 0 || length > NUMBER_MAX || length > (size_t)(end - *at)) return false;
  char *stop;
  *out = strtod(*at, &stop);
  bool is_whole = stop == *at + length && isfinite(*out);
  *at += length;
  return is_whole;
}

/* Reads a line of four numbers, which ends at `end`. */
static bool read_line(const char *at, const char *end, double *time, float sample[3]) {
  if (!read_number(&at, end, time)) return false;
  for (int axis = 0; axis < 3; axis++) {
    double value;
    if (at == end || *at++ != ',' || !read_number(&at, end, &value)) return false;
    sample[axis] = (float)value; /* too large a number becomes infinite, and the module refuses it */
  }
  return at == end;
}

/* Finds where the line that begins at `at` ends, without its line feed or carriage return, and the next one begins. */
static const char *end_of_line(const char *at, const char *end, const char **next) {
  const char *feed = memchr(at, '\n', (size_t)(end - at));
  *next = feed == NULL ? end : feed + 1;
  const char *stop = feed == NULL ? end : feed;
  return stop > at && stop[-1] == '\r' ? stop - 1 : stop;
}

/* Reads all lines. `times` and `samples` have room for as many as there are. */
static csv_status read_lines(const char *at, const char *end, double *times, recording *out, size_t *line) {
  const char *next, *stop = end_of_line(at, end, &next);
  *line = 1;
  if (stop - at != 7 || memcmp(at, "t,x,y,z", 7) != 0) return CSV_NO_HEADER;
  for (at = next; at < end; at = next) {
    stop = end_of_line(at, end, &next);
    *line += 1;
    if (!read_line(at, stop, &times[out->count], out->samples[out->count])) return CSV_BAD_LINE;
    if (out->count > 0 && times[out->count] <= times[out->count - 1]) return CSV_BAD_TIME;
    out->count++;
  }
  return out->count < 2 ? CSV_TOO_SHORT : CSV_OK;
}

/* Works out the rate, and sees that no sample comes more than half an interval too early or too late. */
static csv_status measure_rate(const double *times, recording *out, size_t *line) {
  double interval = (times[out->count - 1] - times[0]) / (double)(out->count - 1);
  for (size_t i = 1; i < out->count; i++) {
    *line = i + 2; /* after the header, and from 1 */
    if (fabs(times[i] - times[i - 1] - interval) > interval / 2) return CSV_UNEVEN;
  }
  out->start = times[0];
  out->rate = 1 / interval;
  return CSV_OK;
}

csv_status csv_parse(const uint8_t *text, size_t size, recording *out, size_t *line) {
  const char *begin = (const char *)text, *end = begin + size;
  size_t lines = 1;
  for (size_t i = 0; i < size; i++) lines += text[i] == '\n';
  *out = (recording){.samples = malloc(lines * sizeof *out->samples)};
  double *times = malloc(lines * sizeof *times);
  *line = 1;
  csv_status status = CSV_NO_MEMORY;
  if (out->samples != NULL && times != NULL) {
    status = read_lines(begin, end, times, out, line);
    if (status == CSV_OK) status = measure_rate(times, out, line);
  }
  free(times);
  if (status != CSV_OK) {
    free(out->samples);
    *out = (recording){0};
  }
  return status;
}

const char *csv_status_string(csv_status status) {
  switch (status) {
    case CSV_OK: return "fine";
    case CSV_NO_HEADER: return "not the header t,x,y,z";
    case CSV_BAD_LINE: return "not four decimal numbers";
    case CSV_BAD_TIME: return "a time that is not later than the one before";
    case CSV_UNEVEN: return "a gap in time";
    case CSV_TOO_SHORT: return "fewer than two samples";
    case CSV_NO_MEMORY: return "out of memory";
  }
  return "unknown";
}
