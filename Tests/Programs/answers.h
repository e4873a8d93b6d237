// What the programs share that load modules with one function, `int answer(void)`, and print a line for each.
#ifndef ANSWERS_H
#define ANSWERS_H

#include <stdio.h>
#include <string.h>

#include "husk.h"

/// Says that there is no session; `main` returns it.
static inline int no_decryptor(husk_status status) {
  printf("no decryptor (status %d)\n", (int)status);
  return 1;
}

/// Prints the module's answer, that it has none, or the status that it wasn't loaded with.
static inline void print_answer(husk_status status, husk_module *module) {
  void *address;
  if (status != HUSK_OK) {
    printf("refused (status %d)\n", (int)status);
    return;
  }
  if (husk_symbol(module, "answer", &address) != HUSK_OK) {
    printf("no answer\n");
    return;
  }
  int (*answer)(void);
  memcpy(&answer, &address, sizeof answer);
  printf("answer %d\n", answer());
}

#endif
