// What the tools need of libc and Swift can't import: names behind _GNU_SOURCE, and a signal handler.
#ifndef CHOST_H
#define CHOST_H

#include <stdbool.h>

/// mkostemp(3), close-on-exec: creates a file from a pattern that ends in XXXXXX, mode 0600. Its descriptor, or -1.
/// From the first moment on SIGINT, SIGTERM and SIGHUP remove it before they end the process; the text must stay where
/// it is until host_keep_on_signal. *slot receives what that takes, or -1 if there is none left. Not thread-safe.
int host_create_temporary(char *pattern, int *slot);

/// rename(2), but never onto something that exists (EEXIST); 0 or -1.
int host_rename_without_replacing(const char *from, const char *to);

/// Takes back a slot.
void host_keep_on_signal(int slot);

/// While `hold` is true the first SIGINT, SIGTERM or SIGHUP is only noted; a second one ends the process as always.
void host_hold_signals(bool hold);

/// The signal that was noted, or 0.
int host_held_signal(void);

#endif
