#define _GNU_SOURCE
#include "CHost.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int host_rename_without_replacing(const char *from, const char *to) {
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) return 0;
  if (errno != EINVAL) return -1;
  // A file system that can't do both in one step, such as NFS: a link never replaces either.
  if (link(from, to) != 0) return -1;
  unlink(from);
  return 0;
}

// A handler may neither lock nor allocate: plain slots do.
static const char *volatile doomed[8];
enum { SLOTS = sizeof doomed / sizeof doomed[0] };

// Whether the next signal is only noted.
static volatile sig_atomic_t holds, held;

static void on_signal(int number) {
  if (holds && !held) {
    held = number;
    return;
  }
  for (int slot = 0; slot < SLOTS; slot++) {
    if (doomed[slot]) unlink(doomed[slot]);
  }
  // The signal now does what it always does.
  signal(number, SIG_DFL);
  raise(number);
}

static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};

static void install(void) {
  static bool installed;
  if (installed) return;
  installed = true;
  struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_NODEFER | SA_RESTART}, old;
  for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    // What the parent had ignored, as nohup does, stays so.
    if (sigaction(numbers[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) sigaction(numbers[i], &action, NULL);
  }
}

static int remove_on_signal(const char *path) {
  install();
  for (int slot = 0; slot < SLOTS; slot++) {
    if (doomed[slot]) continue;
    doomed[slot] = path;
    return slot;
  }
  return -1;
}

void host_hold_signals(bool hold) {
  install();
  holds = hold;
}

int host_held_signal(void) { return held; }

int host_create_temporary(char *pattern, int *slot) {
  // No signal may come between the file and the note of it.
  sigset_t held, before;
  sigemptyset(&held);
  for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) sigaddset(&held, numbers[i]);
  sigprocmask(SIG_BLOCK, &held, &before);
  int fd = mkostemp(pattern, O_CLOEXEC);
  *slot = fd >= 0 ? remove_on_signal(pattern) : -1;
  int error = errno;
  sigprocmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return fd;
}

void host_keep_on_signal(int slot) {
  if (slot >= 0 && slot < SLOTS) doomed[slot] = NULL;
}
