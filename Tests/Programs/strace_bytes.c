// Turns the strings of a log of `strace -xx` back into bytes: `\x41` becomes `A`, all else stays. From standard input to
// standard output.
#include <stdio.h>

static int digit(int character) {
  if (character >= '0' && character <= '9') return character - '0';
  return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

int main(void) {
  static char line[1 << 20];
  while (fgets(line, sizeof line, stdin) != NULL) {
    for (const char *at = line; *at != '\0'; at++) {
      if (at[0] == '\\' && at[1] == 'x' && digit(at[2]) >= 0 && digit(at[3]) >= 0) {
        putchar(digit(at[2]) << 4 | digit(at[3]));
        at += 3;
      } else {
        putchar(*at);
      }
    }
  }
  return ferror(stdin) || fflush(stdout) != 0;
}
