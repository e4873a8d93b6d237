// A module with state of its own. Compiled with -DVERSION=…, with -DNEEDS_ZLIB -lz to need a library, and with
// -DNEEDS_MISSING to need a symbol that nobody has.
#ifdef NEEDS_ZLIB
#include <zlib.h>
#endif

#define EXPORT __attribute__((visibility("default")))

static int count;

/// How often it was called, this time included.
EXPORT int counter_next(void) { return __atomic_add_fetch(&count, 1, __ATOMIC_SEQ_CST); }

EXPORT int counter_version(void) { return VERSION; }

#ifdef NEEDS_ZLIB
EXPORT const char *counter_zlib_version(void) { return zlibVersion(); }
#endif

#ifdef NEEDS_MISSING
extern int nobody_has_this(void);
EXPORT int counter_missing(void) { return nobody_has_this(); }
#endif
