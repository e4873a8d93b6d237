// The words of SPEC 15.5 for people who must act. The decryptor speaks in numbers and links none of this.

extension Protection {
  /// What can happen without it: one sentence.
  public var loss: StaticString {
    switch self {
    case .secretMemory:
      "Keys lie in ordinary memory, which a root process or a kernel flaw that reads memory can reach."
    case .memoryLocked: "The decryptor's memory, plaintext of modules included, can be written to swap."
    case .libcryptoHeap: "Copies of keys that libcrypto makes can be written to swap or a core file."
    case .notDumpable, .processNotDumpable:
      "Another process of the same user can read this one's memory and take its descriptors."
    case .noNewPrivileges: "A program that the decryptor were made to run could gain privileges."
    case .unprivilegedUser:
      "Whoever takes over the decryptor, or shares its user, gets further than into the decryptor."
    case .seccomp: "Whoever takes over the decryptor can use every system call."
    case .landlock: "Only seccomp keeps whoever takes over the decryptor from files, sockets and other processes."
    case .noCoreFiles: "A crash can write the decryptor's memory to a file."
    case .noWriteExecute: "Only seccomp keeps whoever takes over the decryptor from running code of their own."
    case .noexecModuleFiles: "A module's memory file could be made executable and run as a program."
    case .processNoWriteExecute: "A flaw in the firmware or a module can be used to run code of the attacker's."
    case .moduleLocked: "The plaintext of modules can be written to swap."
    case .moduleNotDumped: "A crash can write the plaintext of modules to a core file."
    case .executeOnlyText: "A flaw that reads memory in the firmware's process reads the modules' code."
    case .ptraceRestricted: "Any process of the firmware's user can trace the firmware while it is dumpable."
    case .processUnprivileged: "A flaw in the firmware or a module gives the attacker the whole device."
    case .verifiedRoot: "Whoever can write to the disk can change the firmware's libraries and all other programs."
    case .noPlainSwap: "Memory that isn't locked reaches the disk in plaintext."
    case .noHibernation: "Hibernating writes memory to the disk, locked or not."
    case .memfdNoexec: "Programs that no file system verifies can run from memory files."
    case .kernelLockdown: "Root can read or change the kernel, and so all memory."
    case .noKexec: "Root can start another kernel, past verified boot."
    case .physicalMemoryClosed: "Root can read all memory through /dev/mem or /proc/kcore."
    case .signedKernelModules: "Root can load any code into the kernel."
    case .noCorePipe: "A crash hands memory to a program, whatever the core limit is."
    case .noSuidDumps: "Boot stages can be read by processes of their user in their first instants."
    case .hardwareIsolation: "Whoever owns the kernel can read the decryptor and the modules."
    case .fusedRootOfTrust:
      "Boot ROM, fuses and silicon are mocks: root can read the device secret and replace the ROM."
    }
  }

  /// What to do to get it: one sentence.
  public var advice: StaticString {
    switch self {
    case .secretMemory: "Use Linux 5.14 or later with CONFIG_SECRETMEM; before 6.5 boot with secretmem.enable=1."
    case .memoryLocked: "Start it with LimitMEMLOCK=infinity (systemd) or a higher RLIMIT_MEMLOCK."
    case .libcryptoHeap: "Start the decryptor with a higher RLIMIT_MEMLOCK."
    case .notDumpable, .noNewPrivileges, .noCoreFiles:
      "This is a fault: the decryptor doesn't start without it. Use an unchanged decryptor."
    case .seccomp: "Use a kernel with CONFIG_SECCOMP_FILTER: the decryptor doesn't start without it."
    case .unprivilegedUser: "Give the decryptor a user of its own, without capabilities or further groups."
    case .landlock: "Use Linux 5.13 or later with CONFIG_SECURITY_LANDLOCK, and landlock in lsm=."
    case .noWriteExecute: "Use Linux 6.3 or later."
    case .processNoWriteExecute:
      "Use Linux 6.3 or later, and have the firmware call prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN) when it starts."
    case .noexecModuleFiles: "Use Linux 6.3 or later."
    case .moduleLocked: "Raise RLIMIT_MEMLOCK of the firmware above the size of its modules."
    case .moduleNotDumped: "Set RLIMIT_CORE of the firmware to 0."
    case .executeOnlyText:
      "Use a processor with protection keys (x86-64) or EPAN (Arm), and pack modules for execute-only text."
    case .ptraceRestricted: "Use a kernel with CONFIG_SECURITY_YAMA and set kernel.yama.ptrace_scope to 1 or more."
    case .processNotDumpable: "Have the firmware call prctl(PR_SET_DUMPABLE, 0) when it starts."
    case .processUnprivileged: "Run the firmware as a user of its own, with no_new_privs and without capabilities."
    case .verifiedRoot: "Mount the root file system from dm-verity, or composefs with verity=require."
    case .noPlainSwap: "Turn swap off, or swap to zram or dm-crypt."
    case .noHibernation: "Boot with nohibernate, or build the kernel without CONFIG_HIBERNATION."
    case .memfdNoexec: "Set vm.memfd_noexec to 1 (Linux 6.3 or later); at 2 no boot stage can be started."
    case .kernelLockdown: "Boot with lockdown=confidentiality."
    case .noKexec: "Set kernel.kexec_load_disabled to 1."
    case .physicalMemoryClosed:
      "Boot with lockdown=confidentiality, or build without CONFIG_DEVMEM and CONFIG_PROC_KCORE."
    case .signedKernelModules:
      "Boot with module.sig_enforce=1, or set kernel.modules_disabled to 1 after the last is loaded."
    case .noCorePipe: "Set kernel.core_pattern to a plain name and RLIMIT_CORE to 0."
    case .noSuidDumps: "Set fs.suid_dumpable to 0."
    case .hardwareIsolation:
      "Run the decryptor in a TEE or a virtual machine of its own; this version has no such platform."
    case .fusedRootOfTrust: "Only a product with a boot ROM and fuses of its own has it; this version plays them."
    }
  }
}
