#include "fail.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void fail(int exit_status, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("firmware: error: ", stderr);
  vfprintf(stderr, format, arguments);
  fputc('\n', stderr);
  va_end(arguments);
  exit(exit_status);
}

void require_ok(husk_status status, const char *what, const char *name) {
  if (status == HUSK_OK) return;
  fail(EXIT_MODULE, "%s %s: %s (status %d)", what, name, husk_status_string(status), (int)status);
}
