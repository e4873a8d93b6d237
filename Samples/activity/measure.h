/*
 * measure.h - what is measured in a window before the model decides. The training script calls this same code.
 */
#ifndef ACTIVITY_MEASURE_H
#define ACTIVITY_MEASURE_H

#include "activity.h"

/* None depends on how the sensor is turned. */
enum {
  FEATURE_GRAVITY,          /* length of the mean, g: well below 1 when the arm turns about */
  FEATURE_MOTION,           /* RMS of the acceleration about its mean, g */
  FEATURE_VERTICAL_SHARE,   /* the part of that energy along the mean, which is up or down; 0..1 */
  FEATURE_MAGNITUDE_SPREAD, /* standard deviation of the length, g */
  FEATURE_MAGNITUDE_PEAK,   /* greatest length, g */
  FEATURE_MAGNITUDE_DIP,    /* least length, g: near 0 in flight */
  FEATURE_JERK,             /* RMS of the acceleration's change, g/s */
  FEATURE_MOTION_FREQUENCY, /* of the strongest repetition in x, y and z together, Hz; 0: none */
  FEATURE_MOTION_REGULARITY, /* how alike the repetitions are: autocorrelation, 0..1 */
  FEATURE_BEAT_FREQUENCY,   /* the same two for the length */
  FEATURE_BEAT_REGULARITY,
  FEATURE_HALF_BEAT,        /* the length's autocorrelation at half the beat, -1..1: are there two beats in one? */
  FEATURE_BAND_SLOW,        /* the part of the length's energy below 1.3 Hz, 0..1 */
  FEATURE_BAND_STEP,        /* from 1.3 Hz to 2.2 Hz */
  FEATURE_BAND_RUN,         /* from 2.2 Hz to 3.5 Hz */
  FEATURE_BAND_SHARP,       /* from 3.5 Hz to 8 Hz */
  FEATURE_COUNT
};
_Static_assert(FEATURE_COUNT == 16, "train.py makes room for as many");

/*
 * Measures one window.
 *
 * window  ACTIVITY_WINDOW samples in g at ACTIVITY_RATE, each a number within ACTIVITY_MAX_G
 */
void activity_features(const float window[ACTIVITY_WINDOW][3], float features[FEATURE_COUNT]);

#endif
