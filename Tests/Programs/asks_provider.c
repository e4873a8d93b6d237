// A decryptor's place is taken by this stage, which asks its secret provider everything, some of it twice, and says what came.
//
// It says it on standard error: a line for each answer in hexadecimal, but of the secrets only how long they are.
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PROVIDER_DESCRIPTOR = 3 };

static void ask(unsigned char id, unsigned char operation) {
  unsigned char request[] = {0x83, 0x01, id, operation};
  unsigned char answer[65536];
  if (send(PROVIDER_DESCRIPTOR, request, sizeof request, 0) != sizeof request) {
    fprintf(stderr, "no provider\n");
    return;
  }
  ssize_t count = recv(PROVIDER_DESCRIPTOR, answer, sizeof answer, 0);
  if (count > 64) {
    fprintf(stderr, "secrets\n");
    return;
  }
  for (ssize_t i = 0; i < count; i++) fprintf(stderr, "%02x", answer[i]);
  fprintf(stderr, "\n");
}

int main(void) {
  static const unsigned char operations[] = {0, 0, 1, 2, 2, 1, 3, 4, 5};
  for (unsigned char i = 0; i < sizeof operations; i++) ask(i, operations[i]);
  return 0;
}
