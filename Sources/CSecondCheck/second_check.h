// What is decided on a device is decided once more by a second copy of the code that verifies (SPEC 15.4): a fault that
// lasts, such as a branch that is always taken, is in one of them only. These are the ways into it.
#ifndef SECOND_CHECK_H
#define SECOND_CHECK_H

#include <stdint.h>

/// Decides about a boot stage, from its signed bytes and the memory file that is to be executed.
///
/// \param check  a `StageCheck` of BootChain.
/// \param measurement  64 bytes: the SHA-512 of what will run; left as it is if that is refused.
/// \return 0, or the number of the class with which it is refused.
int32_t second_check_stage(const void *check, uint8_t *measurement);

/// Readies what the others need, so that no request pays for it.
void second_check_prepare(void);

/// Decides about a load, from the signed bytes and from what came of the package's payload.
///
/// \param check  a `LoadCheck` of Decryptor.
/// \param digest  32 bytes: of what was decided; left as it is if the load is refused.
/// \return 0, or the number of the class with which it is refused.
int32_t second_check_load(const void *check, uint8_t *digest);

/// Decides about a status list.
///
/// \param check  a `StatusListCheck` of Decryptor.
/// \param digest  32 bytes: of the list's payload; left as it is if it is refused.
/// \return 0, or the number of the class with which it is refused.
int32_t second_check_status_list(const void *check, uint8_t *digest);

/// Decides which state of the secure storage is in force.
///
/// \param check  a `StorageCheck` of SecureStorage.
/// \param digest  32 bytes: of what was decided; left as it is if that can't be.
/// \return 0, or the number of the class that says why.
int32_t second_check_storage(const void *check, uint8_t *digest);

#endif
