// A library that leaves a mark when anybody loads it, compiled with -DMARKER="…", the file to make.
#include <fcntl.h>
#include <unistd.h>

__attribute__((constructor)) static void mark(void) {
  int file = open(MARKER, O_CREAT | O_WRONLY, 0666);
  if (file >= 0) close(file);
}

/// What the dynamic linker wants of an auditing library.
__attribute__((visibility("default"))) unsigned int la_version(unsigned int version) { return version; }
