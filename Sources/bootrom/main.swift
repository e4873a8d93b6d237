import BootChain

BootROM.run(CommandLine.unsafeArgv, count: Int(CommandLine.argc))
