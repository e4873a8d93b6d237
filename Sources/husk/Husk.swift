import HuskCommands

@main
enum Husk {
  static func main() {
    HuskCommand.runAndExit()
  }
}
