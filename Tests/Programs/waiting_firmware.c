// A firmware that does nothing but wait until the decryptor is gone.
#include <poll.h>

int main(void) {
  struct pollfd decryptor = {.fd = 3, .events = 0};
  while (poll(&decryptor, 1, -1) >= 0)
    if (decryptor.revents & (POLLHUP | POLLERR)) return 0;
  return 1;
}
