/*
 * measure.c - measures a window. Sums are double: 128 samples of up to 64 g lose nothing there.
 */
#include "measure.h"

enum {
  N = ACTIVITY_WINDOW,
  SHORTEST = 12, /* samples from one repetition to the next, at least: 4.2 Hz */
  LONGEST = 80,  /* and at most, so that 48 are left to compare: 0.6 Hz */
};

/* The strongest repetition of a signal: N samples of one or more channels, interleaved. */
typedef struct {
  double frequency;  /* Hz; 0: there is none */
  double regularity; /* autocorrelation there */
  int lag;           /* samples from one to the next */
} repetition;

static double square(double x) { return x * x; }

static double larger(double a, double b) { return a > b ? a : b; }

static double smaller(double a, double b) { return a < b ? a : b; }

/* The part of a whole, where a whole of next to nothing has no parts: a sensor's least digit squared, say. */
static double share(double part, double whole) { return whole > 1e-9 ? part / whole : 0; }

/* How alike a signal is to itself `lag` samples later, -1..1, each stretch measured by its own energy. */
static double autocorrelation(const double *signal, int channels, int lag) {
  double product = 0, early = 0, late = 0;
  for (int i = 0; i < (N - lag) * channels; i++) {
    double now = signal[i], then = signal[i + lag * channels];
    product += now * then;
    early += square(now);
    late += square(then);
  }
  return share(product, __builtin_sqrt(early * late));
}

/*
 * Looks for the strongest repetition. What repeats every second also repeats every two, so the first peak that comes
 * close to the highest is the one.
 */
static repetition find_repetition(const double *signal, int channels) {
  double alike[LONGEST + 2], highest = 0;
  for (int lag = SHORTEST - 1; lag <= LONGEST + 1; lag++) {
    alike[lag] = autocorrelation(signal, channels, lag);
    if (lag >= SHORTEST && lag <= LONGEST) highest = larger(highest, alike[lag]);
  }
  for (int lag = SHORTEST; lag <= LONGEST; lag++) {
    int is_peak = alike[lag] > alike[lag - 1] && alike[lag] >= alike[lag + 1];
    if (is_peak && alike[lag] >= 0.85 * highest)
      return (repetition){(double)ACTIVITY_RATE / lag, alike[lag], lag};
  }
  return (repetition){0, 0, 0};
}

/*
 * The energy of a signal at bin k of its discrete Fourier transform and at the mirrored bin, by Goertzel's algorithm,
 * in the measure of the sum of squares. `twice_cosine` is 2 cos(2 pi k / N).
 */
static double energy_at(const double signal[N], double twice_cosine) {
  double last = 0, before = 0;
  for (int i = 0; i < N; i++) {
    double now = signal[i] + twice_cosine * last - before;
    before = last;
    last = now;
  }
  return 2.0 / N * (square(last) + square(before) - twice_cosine * last * before);
}

/* The parts of a signal's energy in four bands. A bin is 0.39 Hz wide. */
static void measure_bands(const double signal[N], double energy, float bands[4]) {
  static const int last_bins[4] = {3, 5, 8, 20};
  const double twice_base = 2 * 0.99879545620517239271; /* 2 cos(2 pi / 128) */
  double last = 2, now = twice_base;                    /* 2 cos(0), 2 cos(2 pi / N) */
  int bin = 1;
  for (int band = 0; band < 4; band++) {
    double sum = 0;
    for (; bin <= last_bins[band]; bin++) {
      sum += energy_at(signal, now);
      double next = twice_base * now - last; /* 2 cos((k + 1) a) = 2 cos(a) 2 cos(k a) - 2 cos((k - 1) a) */
      last = now;
      now = next;
    }
    bands[band] = (float)share(sum, energy);
  }
}

void activity_features(const float window[ACTIVITY_WINDOW][3], float features[FEATURE_COUNT]) {
  double mean[3] = {0, 0, 0}, motion[N * 3], length[N];
  double mean_length = 0, peak = 0, dip = 2 * ACTIVITY_MAX_G, jerk = 0;
  for (int i = 0; i < N; i++) {
    double squares = 0;
    for (int axis = 0; axis < 3; axis++) {
      mean[axis] += window[i][axis] / (double)N;
      squares += square(window[i][axis]);
      if (i > 0) jerk += square((double)window[i][axis] - window[i - 1][axis]);
    }
    length[i] = __builtin_sqrt(squares);
    mean_length += length[i] / N;
    peak = larger(peak, length[i]);
    dip = smaller(dip, length[i]);
  }
  double gravity = __builtin_sqrt(square(mean[0]) + square(mean[1]) + square(mean[2]));

  double energy = 0, vertical = 0, length_energy = 0;
  for (int i = 0; i < N; i++) {
    double along = 0;
    for (int axis = 0; axis < 3; axis++) {
      motion[3 * i + axis] = window[i][axis] - mean[axis];
      energy += square(motion[3 * i + axis]);
      along += motion[3 * i + axis] * share(mean[axis], gravity);
    }
    vertical += square(along);
    length[i] -= mean_length;
    length_energy += square(length[i]);
  }
  repetition whole = find_repetition(motion, 3), beat = find_repetition(length, 1);

  features[FEATURE_GRAVITY] = (float)gravity;
  features[FEATURE_MOTION] = (float)__builtin_sqrt(energy / N);
  features[FEATURE_VERTICAL_SHARE] = (float)share(vertical, energy);
  features[FEATURE_MAGNITUDE_SPREAD] = (float)__builtin_sqrt(length_energy / N);
  features[FEATURE_MAGNITUDE_PEAK] = (float)peak;
  features[FEATURE_MAGNITUDE_DIP] = (float)dip;
  features[FEATURE_JERK] = (float)(ACTIVITY_RATE * __builtin_sqrt(jerk / (N - 1)));
  features[FEATURE_MOTION_FREQUENCY] = (float)whole.frequency;
  features[FEATURE_MOTION_REGULARITY] = (float)whole.regularity;
  features[FEATURE_BEAT_FREQUENCY] = (float)beat.frequency;
  features[FEATURE_BEAT_REGULARITY] = (float)beat.regularity;
  features[FEATURE_HALF_BEAT] = (float)(beat.lag == 0 ? 0 : autocorrelation(length, 1, beat.lag / 2));
  measure_bands(length, length_energy, &features[FEATURE_BAND_SLOW]);
}
