import ArgumentParser

struct SimCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sim",
    abstract: "Play a device in a directory.",
    discussion: """
      The simulator plays silicon maker, factory and power button; the boot chain and the decryptor are the real ones. \
      Booting needs root.

      Example: husk sim create dev --rom bootrom --boot-root root.pub --device-root-key silicon.pem
               husk sim install dev bootloader.husk decryptor.husk firmware.husk
               sudo husk sim identity dev -o dev.identity
               husk sim install dev codec.husk dev.grant
               sudo husk sim boot dev -- --say hello
               sudo husk sim update dev firmware-2.husk
      """,
    subcommands: [
      SimCreateCommand.self, SimInstallCommand.self, SimIdentityCommand.self, SimBootCommand.self,
      SimUpdateCommand.self, SimSlotsCommand.self, SimHistoryCommand.self, SimStatusCommand.self, SimFuseCommand.self,
    ])
}
