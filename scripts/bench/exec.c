/*
 * exec.c - what it takes to execute each of some programs, without arguments, until it has ended: seconds, the best of
 * ROUNDS. A boot stage that is started in such a way readies libcrypto, finds that nobody handed it anything, and ends.
 *
 *   exec ROUNDS PROGRAM...
 */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec * 1e-9;
}

int main(int argc, char **argv) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0);
  for (int i = 2; i < argc; i++) {
    double best = 0;
    for (int round = 0; round < atoi(argv[1]); round++) {
      char *arguments[] = {argv[i], NULL}, *environment[] = {NULL};
      pid_t child;
      const double start = now();
      if (posix_spawn(&child, argv[i], &actions, NULL, arguments, environment) != 0) return 1;
      if (waitpid(child, NULL, 0) != child) return 1;
      const double time = now() - start;
      if (best == 0 || time < best) best = time;
    }
    printf("%s %.9f\n", argv[i], best);
  }
  return 0;
}
