// The smallest module. With -DCRASHES its constructor ends the process; with -DNEEDS_MISSING it needs a symbol that nobody
// has.
__attribute__((visibility("default"))) int answer(void) { return ANSWER; }

#ifdef CRASHES
void abort(void);
__attribute__((constructor)) static void crash(void) { abort(); }
#endif

#ifdef NEEDS_MISSING
extern int nobody_has_this(void);
__attribute__((visibility("default"))) int missing(void) { return nobody_has_this(); }
#endif
