/*
 * activity.h - tells what someone is doing from the accelerometer on their wrist.
 *
 * The model was trained on synthetic recordings only: see README.md beside this file for what that is worth.
 *
 * Threads: no function has state; call them from anywhere. Nothing is allocated.
 *
 * The module is meant to be found by symbol name: each function's type is declared first, as NAME_fn, and serves both
 * for the declaration below it and for the pointer that a loader returns.
 */
#ifndef ACTIVITY_H
#define ACTIVITY_H

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ACTIVITY_EXPORT __attribute__((visibility("default")))
#else
#define ACTIVITY_EXPORT
#endif

/* The interface that this header describes. A caller refuses a module that tells another. */
#define ACTIVITY_INTERFACE 1

/* What is looked at: 128 samples at 50 Hz. At another rate, as many samples as last as long. */
#define ACTIVITY_RATE 50
#define ACTIVITY_WINDOW 128

/* The rates that are understood, in Hz. */
#define ACTIVITY_MIN_RATE 25
#define ACTIVITY_MAX_RATE 400

/* The largest acceleration that a sample may tell, in g, either way. */
#define ACTIVITY_MAX_G 64

/* The activities. A score or a label is found by this number. */
enum {
  ACTIVITY_RESTING = 0,
  ACTIVITY_WALKING = 1,
  ACTIVITY_RUNNING = 2,
  ACTIVITY_SKIPPING = 3, /* a step and a hop on each leg in turn, as children do; not rope skipping */
  ACTIVITY_SWIMMING = 4, /* front crawl or breaststroke */
  ACTIVITY_COUNT = 5
};

enum {
  ACTIVITY_E_ARGUMENT = -1, /* a null pointer, or room for fewer than ACTIVITY_COUNT scores */
  ACTIVITY_E_RATE = -2,     /* not a rate that is understood */
  ACTIVITY_E_SHORT = -3,    /* the samples don't last for a window */
  ACTIVITY_E_SAMPLE = -4    /* a sample isn't a number, or beyond ACTIVITY_MAX_G */
};

/* The interface that the module implements: ACTIVITY_INTERFACE. */
typedef uint32_t activity_interface_fn(void);
ACTIVITY_EXPORT activity_interface_fn activity_interface;

/*
 * Classifies one window.
 *
 * samples       accelerations x, y, z in g (9.80665 m/s2), gravity included, in the sensor's own axes, however it is
 *               turned; evenly spaced in time
 * count         how many samples; those after the window are not looked at
 * rate          samples per second, ACTIVITY_MIN_RATE..ACTIVITY_MAX_RATE
 * scores        receives, for each activity, how much speaks for it: 0..1, together 1
 * scores_count  how many scores there is room for, at least ACTIVITY_COUNT; the rest is left alone
 *
 * Returns the activity with the highest score, or an ACTIVITY_E_ number, and then no score is written.
 */
typedef int activity_classify_fn(const float (*samples)[3], size_t count, float rate, float *scores,
                                 size_t scores_count);
ACTIVITY_EXPORT activity_classify_fn activity_classify;

/* An activity's name, such as "walking"; valid as long as the module is loaded. Null for any other number. */
typedef const char *activity_label_fn(int activity);
ACTIVITY_EXPORT activity_label_fn activity_label;

#endif
