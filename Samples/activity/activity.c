/*
 * activity.c - a window in, a decision out: check, bring to 50 Hz, measure, let the forest vote.
 */
#include "activity.h"

#include "measure.h"

/*
 * A node of a decision tree: a window whose feature is at most the threshold goes to `below`, any other to `above`.
 * In a leaf, `feature` is LEAF and `below` is the number of its votes. A tree's children come after their parents.
 */
typedef struct {
  uint8_t feature;
  float threshold;
  uint16_t below, above;
} node;

enum { LEAF = 255, VOTES = 255 }; /* each tree has 255 votes, which a leaf shares out among the activities */

#include "model.inc"

enum { TREES = sizeof roots / sizeof roots[0] };

uint32_t activity_interface(void) { return ACTIVITY_INTERFACE; }

const char *activity_label(int activity) {
  static const char *const labels[ACTIVITY_COUNT] = {
      [ACTIVITY_RESTING] = "resting",   [ACTIVITY_WALKING] = "walking",   [ACTIVITY_RUNNING] = "running",
      [ACTIVITY_SKIPPING] = "skipping", [ACTIVITY_SWIMMING] = "swimming",
  };
  return activity >= 0 && activity < ACTIVITY_COUNT ? labels[activity] : NULL;
}

/* False for what isn't a number too: a comparison with it is false. */
static int is_acceleration(float value) { return value >= -ACTIVITY_MAX_G && value <= ACTIVITY_MAX_G; }

/*
 * Makes the window at ACTIVITY_RATE from samples at another rate, each on the straight line between its neighbours.
 * Returns 0 or an ACTIVITY_E_ number.
 */
static int resample(const float (*samples)[3], size_t count, float rate, float window[ACTIVITY_WINDOW][3]) {
  double step = (double)rate / ACTIVITY_RATE; /* at most 8, so no position is above 1016 */
  for (int i = 0; i < ACTIVITY_WINDOW; i++) {
    double position = i * step;
    size_t at = (size_t)position;
    double beyond = position - (double)at;
    size_t next = beyond > 0 ? at + 1 : at;
    if (next >= count) return ACTIVITY_E_SHORT;
    for (int axis = 0; axis < 3; axis++) {
      if (!is_acceleration(samples[at][axis]) || !is_acceleration(samples[next][axis])) return ACTIVITY_E_SAMPLE;
      window[i][axis] = (float)(samples[at][axis] * (1 - beyond) + samples[next][axis] * beyond);
    }
  }
  return 0;
}

static const uint8_t *votes_of_tree(const node *at, const float features[FEATURE_COUNT]) {
  while (at->feature != LEAF) at = &nodes[features[at->feature] <= at->threshold ? at->below : at->above];
  return votes[at->below];
}

int activity_classify(const float (*samples)[3], size_t count, float rate, float *scores, size_t scores_count) {
  if (samples == NULL || scores == NULL || scores_count < ACTIVITY_COUNT) return ACTIVITY_E_ARGUMENT;
  if (!(rate >= ACTIVITY_MIN_RATE && rate <= ACTIVITY_MAX_RATE)) return ACTIVITY_E_RATE;
  float window[ACTIVITY_WINDOW][3], features[FEATURE_COUNT];
  int status = resample(samples, count, rate, window);
  if (status != 0) return status;
  activity_features(window, features);

  unsigned sums[ACTIVITY_COUNT] = {0};
  for (int tree = 0; tree < TREES; tree++) {
    const uint8_t *given = votes_of_tree(&nodes[roots[tree]], features);
    for (int activity = 0; activity < ACTIVITY_COUNT; activity++) sums[activity] += given[activity];
  }
  int best = 0;
  for (int activity = 0; activity < ACTIVITY_COUNT; activity++) {
    scores[activity] = (float)sums[activity] / (TREES * VOTES);
    if (sums[activity] > sums[best]) best = activity;
  }
  return best;
}
