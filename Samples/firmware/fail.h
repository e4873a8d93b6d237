/*
 * fail.h - how the firmware ends when something is wrong: one line on standard error, and an exit status by kind.
 */
#ifndef FAIL_H
#define FAIL_H

#include "husk.h"

enum {
  EXIT_MODULE = 1, /* a module was refused, or the decryptor can't be reached */
  EXIT_USAGE = 2,  /* the arguments make no sense */
  EXIT_FILE = 3,   /* a file can't be read or written, or doesn't hold what it should */
};

/* Prints "firmware: error: " and the message as printf does, and exits. */
_Noreturn void fail(int exit_status, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Goes on if the status is HUSK_OK; else fails with EXIT_MODULE: "WHAT NAME: the status in words (status N)". */
void require_ok(husk_status status, const char *what, const char *name);

#endif
