import BootChain

Bootloader.run(CommandLine.unsafeArgv)
