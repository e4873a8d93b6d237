import ArgumentParser
import Cryptography
import HostSupport
import Vault

struct VaultLogCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "log",
    abstract: "Tell what was done to a vault.",
    discussion: """
      Example: husk vault log acme.vault --from 100
      """)

  @OptionGroup var vault: VaultArgument

  @Option(help: "The number of the first event.", transform: parseCount)
  var from: UInt64 = 1

  @Flag(help: "Print JSON, an object per line.")
  var json = false

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path, isReadOnly: true) }
    var next = from
    while true {
      let events = try about(vault.path) { try store.events(from: next, limit: 1000) }
      guard let last = events.last else { return }
      for event in events {
        if json { printJSONLine(Report.fields(of: event)) } else { printLines(event.line) }
      }
      next = last.number + 1
    }
  }
}

struct VaultHeadCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "head",
    abstract: "Tell how far a vault's log has come, and sign that.",
    discussion: """
      Events can't be altered or removed without a trace, but for the last ones. A head that is signed and kept \
      elsewhere shows that too: husk vault check --head.

      Example: husk vault head acme.vault --key auditor.pem -o 2026-11.head
      """)

  @OptionGroup var vault: VaultArgument

  @Option(help: ArgumentHelp("The private key to sign with.", valueName: "key.pem"))
  var key: String?

  @Option(name: .shortAndLong, help: ArgumentHelp("Where to write the signed head.", valueName: "file"))
  var output: String?

  @Flag(help: "Print JSON.")
  var json = false

  @OptionGroup var passphrase: PassphraseOptions

  func validate() throws {
    if (key == nil) != (output == nil) { throw ValidationError("--key and -o belong together") }
  }

  func run() throws {
    let head = try about(vault.path) {
      try Vault(vault.path, isReadOnly: true).logHead(now: Timestamp.now.seconds)
    }
    guard let key, let output else {
      return try Report([
        Report.Field("vault", .hexadecimal(head.vaultID)), Report.Field("events", .number(head.count)),
        Report.Field("hash", .hexadecimal(head.hash)),
      ]).print(asJSON: json)
    }
    try checkOutput(output)
    try writeFile(output, [head.signed(with: passphrase.keys.signingKey(key))])
  }
}

extension Report {
  /// What `inspect` tells of a head.
  init(logHead path: String, _ head: LogHead) {
    self.init([
      Field("file", .text(path)), Field("kind", .text("log head")),
      Field("verified", .flag(false, words: "no: nothing below was verified")),
      Field("vault", .hexadecimal(head.vaultID)), Field("events", .number(head.count)),
      Field("hash", .hexadecimal(head.hash)), Field("signed", .time(head.at)),
    ])
  }
}

extension Event {
  /// The event in one line, for people.
  var line: String {
    let details = details.map { detail in
      switch detail.value {
      case .number(let number): "\(detail.name) \(number)"
      case .text(let text): "\(detail.name) \(text)"
      case .bytes(let bytes): "\(detail.name) \(hex(bytes.prefix(8)))…"
      }
    }
    let clock = clock.map { " (the clock said \(Timestamp(seconds: $0).text))" } ?? ""
    return "\(number)  \(Timestamp(seconds: at).text)\(clock)  \(who)  \(action.rawValue)"
      + (details.isEmpty ? "" : ": " + details.joined(separator: ", "))
  }
}
