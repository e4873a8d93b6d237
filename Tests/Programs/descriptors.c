// Prints the numbers of the descriptors that it found when it started.
#include <fcntl.h>
#include <stdio.h>

int main(void) {
  const char *separator = "";
  char line[65536];
  size_t length = 0;
  for (int number = 0; number < 4096; number++) {
    if (fcntl(number, F_GETFD) < 0) continue;
    length += (size_t)snprintf(line + length, sizeof line - length, "%s%d", separator, number);
    separator = " ";
  }
  puts(line);
  return 0;
}
