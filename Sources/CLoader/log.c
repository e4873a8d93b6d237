#include "CLoader.h"

#include <stdio.h>

void loader_log(
    void (*callback)(void *, int32_t, const char *), void *user, int32_t level, const char *what, const char *detail) {
  char message[512];
  if (callback == NULL) return;
  snprintf(message, sizeof message, "%s%s%s", what, detail != NULL ? ": " : "", detail != NULL ? detail : "");
  // A module's names are its vendor's: they must not move a terminal's cursor or begin a line of their own.
  for (char *at = message; *at != '\0'; at++) {
    if ((unsigned char)*at < 0x20 || *at == 0x7f) *at = '?';
  }
  callback(user, level, message);
}
