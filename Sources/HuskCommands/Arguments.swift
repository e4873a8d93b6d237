import ArgumentParser
import HostSupport
import HuskFormat
import Vault

// How words on the command line become values. Each says what it expects when a word doesn't fit.

func parseName(_ text: String) throws -> Name {
  guard let name = Name(Array(text.utf8)) else {
    throw ValidationError("a name is two or more labels of a-z, 0-9, - and _ with dots between, such as com.acme.codec")
  }
  return name
}

func parseScope(_ text: String) throws -> Scope {
  guard let scope = Scope(Array(text.utf8)) else {
    throw ValidationError("a scope is a prefix with a dot at its end, such as com.acme., or a whole name")
  }
  return scope
}

func parseSubject(_ text: String) throws -> String {
  guard isVisible(text) else {
    throw ValidationError("a subject has no control characters, and none that are invisible or reorder text")
  }
  return text
}

/// The name of a tag or batch.
func parseLabel(_ text: String) throws -> String {
  guard DeviceLabel.isAllowed(text) else { throw ValidationError(labelRule) }
  return text
}

let labelRule = "a tag or batch has 1 to 64 bytes, and no characters that are invisible or reorder text"

/// Why something was done, and who did it.
func parseReason(_ text: String) throws -> String {
  guard !text.isEmpty else { throw ValidationError("who and why are told in words: at least one") }
  return try parseSubject(text)
}

func parseVersion(_ text: String) throws -> Version {
  let parts = text.split(separator: ".", omittingEmptySubsequences: false).map { UInt32($0) }
  guard parts.count == 3, let major = parts[0], let minor = parts[1], let patch = parts[2] else {
    throw ValidationError("a version is three numbers, such as 1.2.3")
  }
  return Version(major, minor, patch)
}

func parseVersionRange(_ text: String) throws -> VersionRange {
  let ends = text.split(separator: "..", omittingEmptySubsequences: false).map { try? parseVersion(String($0)) }
  guard ends.count == 2, let lowest = ends[0], let highest = ends[1], let range = VersionRange(lowest, highest)
  else { throw ValidationError("a range is the lowest and the highest version, such as 1.0.0..1.9.9") }
  return range
}

func parseRole(_ text: String) throws -> Role {
  guard let role = Role.known.first(where: { $0.bytes == Array(text.utf8) }) else {
    throw ValidationError("the roles are \(Role.known.map(\.text).joined(separator: ", "))")
  }
  return role
}

func parseLifecycle(_ text: String) throws -> Lifecycle {
  guard let lifecycle = Lifecycle.allCases.first(where: { "\($0.name)" == text }) else {
    throw ValidationError("the states are \(Lifecycle.allCases.map { "\($0.name)" }.joined(separator: ", "))")
  }
  return lifecycle
}

/// Seconds since 1970; a date alone is where its day begins.
func parseTime(_ text: String) throws -> UInt64 {
  try parse(Timestamp(text))
}

/// Seconds since 1970; a date alone is the last second of its day, which is so included.
func parseEndTime(_ text: String) throws -> UInt64 {
  try parse(Timestamp(text, endOfDay: true))
}

private func parse(_ time: Timestamp?) throws -> UInt64 {
  guard let time else { throw ValidationError("a time is YYYY-MM-DD (UTC) or YYYY-MM-DDThh:mm:ssZ") }
  return time.seconds
}

/// A number that counts epochs, versions and the like: below 2^63 (SPEC 11).
func parseCount(_ text: String) throws -> UInt64 {
  guard let number = UInt64(text), number < Limits.number else {
    throw ValidationError("a number from 0 to 9223372036854775807 is expected")
  }
  return number
}

/// Bytes from pairs of hexadecimal digits; nil for anything else.
func parseHexadecimal(_ text: String) -> [UInt8]? {
  let digits = Array(text.utf8)
  guard digits.count.isMultiple(of: 2) else { return nil }
  var bytes: [UInt8] = []
  for index in stride(from: 0, to: digits.count, by: 2) {
    guard let high = Character(UnicodeScalar(digits[index])).hexDigitValue,
      let low = Character(UnicodeScalar(digits[index + 1])).hexDigitValue
    else { return nil }
    bytes.append(UInt8(high << 4 | low))
  }
  return bytes
}

/// `--passphrase-fd`, for every verb that reads or writes a private key.
struct PassphraseOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Read passphrases from this descriptor instead of asking: a line each, the signing key's before the vault's.",
      valueName: "n"))
  var passphraseFd: Int32?

  var source: PassphraseSource { PassphraseSource(descriptor: passphraseFd) }
  var keys: KeyReader { KeyReader(passphrases: source) }
}

/// `--minimum-status`, for what asks devices to have seen a status list first.
struct MinimumStatusOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "A device loads it only if it has seen the vendor's status list of this number, or a later one.",
      valueName: "number"),
    transform: parseCount)
  var minimumStatus: UInt64?
}

/// `-o` and `--force`.
struct OutputOptions: ParsableArguments {
  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write; - is standard output.", valueName: "file"))
  var output: String

  @Flag(help: "Replace an existing file of the same kind.")
  var force = false

  /// Fails early if the output couldn't be written.
  func check(_ label: FileLabel) throws {
    try checkOutput(output, replaces: replaced(by: label))
  }

  func write(_ label: FileLabel, _ pieces: [[UInt8]]) throws {
    try writeFile(output, pieces, replaces: replaced(by: label))
  }

  /// What a file of this kind may replace.
  func replaced(by label: FileLabel) -> Replacement {
    force ? .file(label) : .nothing
  }
}
