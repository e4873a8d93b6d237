#define _GNU_SOURCE
#include "CFuzzer.h"

#include <unistd.h>

void fuzzer_close_from(int first) { (void)close_range((unsigned int)first, ~0U, 0); }
