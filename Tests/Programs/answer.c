// The smallest module.
__attribute__((visibility("default"))) int answer(void) { return ANSWER; }
