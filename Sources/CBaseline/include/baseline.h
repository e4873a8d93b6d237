// What libcrypto alone takes for the operations that Husk's speed is measured against: the benchmark's denominator,
// kept apart from Husk's own code so that it can't get slower together with it.
#ifndef BASELINE_H
#define BASELINE_H

#include <stddef.h>

/// Makes `count` X25519 keys; the seconds of processor time that one took, negative if libcrypto failed.
double baseline_x25519_keygen(size_t count);

/// Agrees `count` times on an X25519 secret with a peer whose public key comes as bytes; seconds each.
double baseline_x25519_derive(size_t count);

/// Signs `count` messages of `size` bytes with one Ed25519 key; seconds each.
double baseline_ed25519_sign(size_t count, size_t size);

/// Verifies `count` Ed25519 signatures of messages of `size` bytes, by a key that comes as bytes; seconds each.
double baseline_ed25519_verify(size_t count, size_t size);

#endif
