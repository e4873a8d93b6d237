// The first process of an emulated board (SPEC 13.2): what a kernel leaves to its init.
#ifndef LINUX_INIT_H
#define LINUX_INIT_H

/// Whether a kernel started this process as its first, with no command line: on a board, not in a simulated device.
int linux_is_init(int argument_count);

/// Mounts what the chain needs, and goes on in a second process: returns there, with the command line that the board's
/// image holds, or -1 in the first process if that can't be done. The first process keeps no capability but the one to
/// switch the board off. It hands on what the second and all that it starts write, and when the second ends it tells
/// with which status, and switches off.
///
/// - arguments: set to the words, ending in a null pointer; writable and valid for ever.
/// - count: set to how many there are.
int linux_start_board(char ***arguments, int *count);

#endif
