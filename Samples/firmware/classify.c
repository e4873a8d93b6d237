/*
 * classify.c - the command classify: a recording through the activity module, half a window at a time.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activity.h"
#include "commands.h"
#include "csv.h"
#include "device.h"
#include "fail.h"
#include "file.h"

/* The activity module's functions. */
typedef struct {
  husk_module *module;
  activity_classify_fn *classify;
  activity_label_fn *label;
} classifier;

/* A stretch of time with one activity. */
typedef struct {
  int activity;
  double start, end; /* s */
  double score;      /* the sum of its windows' scores */
  unsigned windows;
} interval;

/* Whether a module is one that this firmware can use. */
static int test_classifier(void *user, husk_module *module) {
  (void)user;
  void *address;
  activity_interface_fn *interface;
  if (husk_symbol(module, "activity_interface", &address) != HUSK_OK) return 1;
  memcpy(&interface, &address, sizeof interface);
  return interface() == ACTIVITY_INTERFACE ? 0 : 2;
}

static classifier load_classifier(husk_device *device) {
  classifier out = {.module = device_load(device, ACTIVITY_MODULE, test_classifier)};
  device_function(out.module, ACTIVITY_MODULE, "activity_classify", &out.classify);
  device_function(out.module, ACTIVITY_MODULE, "activity_label", &out.label);
  return out;
}

static recording read_recording(const char *path) {
  contents in = read_input(path);
  recording recording;
  size_t line;
  csv_status status = csv_parse(in.bytes, in.size, &recording, &line);
  if (status != CSV_OK) fail(EXIT_FILE, "reading %s: line %zu: %s", path, line, csv_status_string(status));
  free(in.bytes);
  return recording;
}

static void print_interval(const classifier *classifier, const interval *interval) {
  const char *label = classifier->label(interval->activity);
  printf("%.2f %.2f %s %.2f\n", interval->start, interval->end, label == NULL ? "unknown" : label,
         interval->score / interval->windows);
}

/*
 * Windows overlap by half, and each tells about the half in its middle; the first one also about what is before that,
 * and the last one about what is after it.
 */
static void classify(const classifier *classifier, const char *path, const recording *recording) {
  const double window = (double)ACTIVITY_WINDOW / ACTIVITY_RATE, hop = window / 2; /* s */
  interval now = {0};
  for (unsigned i = 0;; i++) {
    size_t first = (size_t)(i * hop * recording->rate + 0.5);
    size_t left = first < recording->count ? recording->count - first : 0;
    float scores[ACTIVITY_COUNT];
    int activity = classifier->classify(recording->samples + (left > 0 ? first : 0), left, (float)recording->rate,
                                        scores, ACTIVITY_COUNT);
    if (activity == ACTIVITY_E_SHORT && i > 0) break;
    if (activity == ACTIVITY_E_SHORT) fail(EXIT_FILE, "reading %s: shorter than %.2f s", path, window);
    if (activity == ACTIVITY_E_RATE) fail(EXIT_FILE, "reading %s: %.1f samples a second", path, recording->rate);
    if (activity == ACTIVITY_E_SAMPLE)
      fail(EXIT_FILE, "reading %s: an acceleration beyond %d g after %.2f s", path, ACTIVITY_MAX_G, i * hop);
    if (activity < 0 || activity >= ACTIVITY_COUNT)
      fail(EXIT_MODULE, "%s cannot classify (activity status %d)", ACTIVITY_MODULE, activity);

    if (now.windows > 0 && activity != now.activity) {
      print_interval(classifier, &now);
      now = (interval){.start = now.end};
    }
    if (i == 0) now.start = recording->start;
    now.activity = activity;
    now.end = recording->start + i * hop + 1.5 * hop;
    now.score += (double)scores[activity];
    now.windows++;
  }
  now.end = recording->start + (double)recording->count / recording->rate;
  print_interval(classifier, &now);
}

void command_classify(char **arguments) {
  recording recording = read_recording(arguments[0]);
  husk_device *device = device_open();
  classifier classifier = load_classifier(device);
  classify(&classifier, arguments[0], &recording);
  device_unload(classifier.module);
  device_close(device);
  free(recording.samples);
}
