// A firmware of a device that is updated. What it is told to do it does in turn, a word each:
//
//   say           says which build of it this is (the macro BUILD)
//   confirm       says that the boot is healthy
//   try           has what is staged put on trial
//   attack        tries to change what only the boot chain may change, and says what it could
//   exit=N        ends with a status
//   crash         ends by a signal
//   hang          never ends
//
// `confirm` and `try` print the status that comes back.
#include "firmware.h"

#include <signal.h>
#include <sys/stat.h>

#ifndef BUILD
#define BUILD 0
#endif

static void attempt(const char *what, int outcome) {
  if (outcome >= 0) printf("could %s\n", what);
}

static void attack(void) {
  static const char *const files[] = {
      "boot/a/firmware.husk", "boot/b/firmware.husk", "boot/control/0", "boot/control/1", "storage/0",
  };
  static const char *const folders[] = {"boot", "boot/a", "boot/b", "boot/control", "storage"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    attempt("write to a file", openat(FLASH_DESCRIPTOR, files[i], O_WRONLY));
    attempt("change a mode", fchmodat(FLASH_DESCRIPTOR, files[i], 0666, 0));
    attempt("remove a file", unlinkat(FLASH_DESCRIPTOR, files[i], 0));
    attempt("replace a file", renameat(FLASH_DESCRIPTOR, "update/own", FLASH_DESCRIPTOR, files[i]));
  }
  for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
    char path[64];
    snprintf(path, sizeof path, "%s/new", folders[i]);
    attempt("make a file", openat(FLASH_DESCRIPTOR, path, O_WRONLY | O_CREAT, 0600));
    attempt("move a folder", renameat(FLASH_DESCRIPTOR, folders[i], FLASH_DESCRIPTOR, "update/moved"));
  }
  puts("attacked");
}

int main(int argc, char **argv) {
  husk_device *device = open_device();
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (int i = 1; i < argc; i++) {
    const char *word = argv[i];
    if (strcmp(word, "say") == 0) printf("build %d\n", BUILD);
    if (strcmp(word, "confirm") == 0) printf("confirm: %s\n", husk_status_string(husk_confirm(device)));
    if (strcmp(word, "try") == 0) printf("try: %s\n", husk_status_string(husk_update_try(device)));
    if (strcmp(word, "attack") == 0) attack();
    if (strncmp(word, "exit=", 5) == 0) return atoi(word + 5);
    if (strcmp(word, "crash") == 0) raise(SIGSEGV);
    while (strcmp(word, "hang") == 0) pause();
  }
  return 0;
}
