// Processes: starting stages, identities, privileges.
#ifndef LINUX_PROCESS_H
#define LINUX_PROCESS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Executes the file behind a descriptor (execveat with AT_EMPTY_PATH) with an empty environment. The new program finds
/// the given descriptors (at most 8) at 3, 4, … in order, besides 0 to 2, and no other. Returns only on failure, with -1.
int linux_execute(int image, char *const *arguments, const int *descriptors, size_t count);

/// Makes descriptors 0 and 1 the same as 2: a stage that reads and prints nothing needs no terminal.
int linux_keep_only_standard_error(void);

/// Opens /dev/null at those of the descriptors 0 to 2 that are closed: else the next file opened would become standard
/// input, output or error of all that follows. 0 or -1.
int linux_open_standard_descriptors(void);

/// Has the kernel end this process, and what it becomes and starts, first when memory runs out; 0 or -1. Needs to be done
/// while this process may still write to its own /proc/self.
int linux_first_to_go(void);

/// Becomes user and group, with no supplementary group and no capability left; 0 or -1.
int linux_become(uint32_t user, uint32_t group);

/// Gives up every capability, in all sets and the bounding set, except those in keep (capability numbers); 0 or -1.
int linux_keep_capabilities(const int *keep, size_t count);

/// PR_SET_NO_NEW_PRIVS; 0 or -1.
int linux_no_new_privileges(void);

/// Sets whether this process may dump core and be inspected by others of its user; 0 or -1.
int linux_set_dumpable(int dumpable);

/// PR_GET_DUMPABLE: 0, 1, 2 or -1.
int linux_get_dumpable(void);

/// Has the kernel kill this process when its parent ends; 0, or -1 if that failed or the parent isn't `parent` any more. A
/// change of user undoes it.
int linux_die_with_parent(pid_t parent);

/// Ignores and blocks no signal: what the program before has set outlasts exec(3). 0 or -1.
int linux_reset_signals(void);

/// Sets the core-file limit to 0 for good; 0 or -1.
int linux_forbid_core_files(void);

/// Limits this process and all that it starts, for good: bytes of private writable memory, bytes of a file that it makes
/// longer (memory files too), and open descriptors. Limits that are lower stay. 0 or -1.
int linux_limit_resources(uint64_t memory, uint64_t file_size, uint64_t descriptors);

/// Keeps what other processes on the same core taught the processor about indirect branches away from this process and
/// all that it starts (PR_SPEC_INDIRECT_BRANCH). 0; -1 with errno ENXIO where there is no such control.
int linux_isolate_branch_prediction(void);

/// Raises the limit of locked memory for this process and all that it starts, as far as permitted.
void linux_raise_memory_lock_limit(void);

/// mlockall for what is mapped, each page from when it is first used; 0 or -1. What comes later and holds secrets locks
/// itself: see secret_memory.h and secret_heap.h.
int linux_lock_all_memory(void);

/// PR_SET_MDWE: no memory that is or was writable can become executable any more in this process and, if inherited is not
/// 0, in all that it forks and executes. 0, or -1 with errno EINVAL from kernels that don't know it: before Linux 6.3, or
/// 6.6 if it isn't to be inherited.
int linux_refuse_new_code(int inherited);

/// fork(2) through clone(2), so that a seccomp filter needs only the latter. 0 in the child, its id in the parent, -1.
pid_t linux_fork(void);

/// A descriptor, close-on-exec, that becomes readable when the process ends (pidfd_open(2), Linux 5.3); -1 on failure.
int linux_process_handle(pid_t process);

/// waitpid(2) with no option, retried on EINTR: 0..255 exit status, 256 + signal if a signal ended it, -1 on failure.
int linux_wait(pid_t process);

/// The same without waiting: -2 if it still runs.
int linux_wait_now(pid_t process);

/// Milliseconds of CLOCK_MONOTONIC.
int64_t linux_monotonic_milliseconds(void);

/// Seconds of CLOCK_REALTIME.
int64_t linux_realtime_seconds(void);

/// The e_machine number of this processor (62 x86-64, 183 AArch64).
uint16_t linux_machine(void);

#endif
