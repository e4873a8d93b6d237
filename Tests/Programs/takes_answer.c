// A firmware that asks for a module, in whatever shape it comes, and ends with the status of that.
//
//   takes_answer FILE [stops]     with `stops`, it stops itself before it begins
//
// FILE is what it gives for package and grant. It is behind each small number that is free: what is loaded by a number that
// lacks a digit is this.
#include <fcntl.h>
#include <husk.h>
#include <signal.h>
#include <unistd.h>

int main(int argc, char **argv) {
  int file = open(argv[1], O_RDONLY);
  for (int number = 0; number < 10; number++)
    if (number != HUSK_INHERITED_SOCKET) dup2(file, number);
  if (argc > 2) raise(SIGSTOP);
  husk_device *device;
  husk_module *module;
  husk_status status = husk_open(HUSK_INHERITED_SOCKET, NULL, &device);
  if (status == HUSK_OK) status = husk_load_fd(device, 0, 1, NULL, &module);
  _exit((int)status);
}
