// What Husk needs of Linux and libc: headers for Swift, and small shims for what Swift can't import (macros, variadic
// functions, system calls without a libc wrapper). Every shim returns what the system call returns: -1 and errno.
#ifndef CLINUX_H
#define CLINUX_H

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "linux_files.h"
#include "linux_init.h"
#include "linux_linker.h"
#include "linux_messages.h"
#include "linux_module_memory.h"
#include "linux_probes.h"
#include "linux_process.h"
#include "linux_sandbox.h"
#include "linux_service_client.h"
#include "linux_sockets.h"
#include "secret_heap.h"
#include "secret_memory.h"

/// The calling thread's errno.
static inline int linux_errno(void) { return errno; }

#endif
