import CLinux
public import ErrorClass

/// The exit status of a stage that refused to go on (SPEC 7.2).
public let bootRefusedStatus: Int32 = 101
/// The exit status of a bootloader whose trial wasn't confirmed in time (SPEC 7.11).
public let bootTimedOutStatus: Int32 = 102

/// Prints one line `husk: NAME: refused WHAT: CLASS` on standard error, and ends the process.
public func refuse(_ name: StaticString, _ what: StaticString, _ errorClass: ErrorClass) -> Never {
  report(name, ["refused ", what, ": ", errorClass.name])
  exit(bootRefusedStatus)
}

/// Prints one line `husk: NAME: WORDS` on standard error.
public func report(_ name: StaticString, _ words: [StaticString]) {
  var line: [UInt8] = []
  for part in ["husk: ", name, ": "] + words + ["\n"] { part.withUTF8Buffer { line.append(contentsOf: $0) } }
  _ = linux_write_all(2, line, line.count)
}
