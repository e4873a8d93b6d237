import CLinux
public import ErrorClass

/// The exit status of a stage that refused to go on (SPEC 7.2).
public let bootRefusedStatus: Int32 = 101

/// Prints one line `husk: NAME: refused WHAT: CLASS` on standard error, and ends the process.
public func refuse(_ name: StaticString, _ what: StaticString, _ errorClass: ErrorClass) -> Never {
  var line: [UInt8] = []
  for part: StaticString in ["husk: ", name, ": refused ", what, ": ", errorClass.name, "\n"] {
    part.withUTF8Buffer { line.append(contentsOf: $0) }
  }
  _ = linux_write_all(2, line, line.count)
  exit(bootRefusedStatus)
}
