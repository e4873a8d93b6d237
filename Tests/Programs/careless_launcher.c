// Starts a program with every signal ignored and blocked, as some launchers do in part.
//
//   careless_launcher PROGRAM ARGUMENTS...
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  for (int number = 1; number < NSIG; number++) signal(number, SIG_IGN);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, NULL);
  execv(argv[1], argv + 1);
  return 127;
}
