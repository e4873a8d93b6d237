// What a process gives up: the way to the fuses, files, system calls.
#ifndef LINUX_SANDBOX_H
#define LINUX_SANDBOX_H

/// Covers a file in a mount namespace of this process's own (and all that it starts) with an inode that nobody can
/// open (SPEC 7.1); 0 or -1. Needs CAP_SYS_ADMIN.
int linux_cover_file(const char *path);

/// Enters a Landlock domain that leaves files as they are, but in which mounts can't be changed and processes outside
/// can't be inspected (SPEC 7.1). 0; -1 if the kernel has Landlock and refuses; 1 if the kernel has no Landlock.
int linux_landlock_freeze_mounts(void);

/// Enters a Landlock domain without any right to files, network ports or outside abstract sockets and signals, as far
/// as the kernel knows them (SPEC 7.5). 0, -1 or 1 as above.
int linux_landlock_deny_all(void);

/// Installs the decryptor's seccomp allow-list (SPEC 7.5); 0 or -1. Needs no_new_privs.
int linux_seccomp_decryptor(void);

#endif
