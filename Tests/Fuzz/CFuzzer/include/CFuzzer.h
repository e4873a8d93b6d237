#pragma once

#include <stddef.h>
#include <stdint.h>

/// Changes bytes in place by libFuzzer's own means; returns how many there are then, at most `maximum`.
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t maximum);

/// Closes a descriptor and all with higher numbers.
void fuzzer_close_from(int first);
