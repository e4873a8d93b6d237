import CLinux
import HuskCommands

@main
enum Husk {
  static func main() {
    // It handles private keys: no core dump, and no inspection by other processes of the same user.
    _ = linux_set_dumpable(0)
    HuskCommand.runAndExit()
  }
}
