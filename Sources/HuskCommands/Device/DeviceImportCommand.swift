import ArgumentParser
import ErrorClass
import HostSupport
import HuskFormat
import Vault

struct DeviceImportCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "import",
    abstract: "Add any number of devices from one file.",
    discussion: """
      The file holds identity files one behind the other, as cat joins them. Every identity is verified as device add \
      does, and what lies between them is passed over; those that are refused are told by number and place, and don't \
      stop the rest, unless --strict is given: then the first one does, and what came before it is in the vault.

      What is in the vault is there for good, whatever ends the command. After Ctrl-C it tells what it did; the same \
      command takes in the rest, since identities that are known already change nothing.

      Example: cat line3/*.identity | husk device import acme.vault - --batch 2026-11 --vault-key acme.key
      """)

  @OptionGroup var vault: VaultArgument

  @Argument(help: ArgumentHelp("The identities; - is standard input.", valueName: "file"))
  var file: String

  @Flag(help: "Stop at the first identity that is refused.")
  var strict = false

  @Flag(help: "Print JSON, an object per line: one for each refusal, one for the whole.")
  var json = false

  @OptionGroup var terms: AdditionOptions
  @OptionGroup var key: VaultKeyOptions
  @OptionGroup var passphrase: PassphraseOptions

  func run() throws {
    let store = try about(vault.path) { try Vault(vault.path) }
    let vaultKey = try key.unlock(store, at: vault.path, passphrase: passphrase)
    var stream = try IdentityStream(file)
    let size = stream.size
    let verifier = IdentityVerifier(
      trust: try about(vault.path) { try store.trust(with: vaultKey) }, lifecycle: terms.lifecycle,
      now: Timestamp.now.seconds)
    var intake = Intake(store, vault.path, vaultKey, terms.terms(source: file), isStrict: strict, asJSON: json)
    var progress = ProgressBar("identities")
    let isInterrupted = try Interruption.held {
      do {
        try Pipeline.run(
          next: { () throws -> [IdentityStream.Item]? in
            if Interruption.isRequested { return nil }
            var items: [IdentityStream.Item] = []
            while items.count < Self.together, let item = try stream.next() { items.append(item) }
            return items.isEmpty ? nil : items
          },
          work: { items in items.map { Examined($0, by: verifier) } },
          deliver: { examined in
            for item in examined { try intake.take(item, progress: &progress) }
            progress.update(intake.count, done: stream.offset, of: size)
          })
        try intake.flush(progress: &progress)
      } catch is Intake.Stop {
        // The rest is left.
        return false
      }
      return Interruption.isRequested
    }
    progress.clear()
    if intake.count == 0, !isInterrupted { throw FileError(file, .empty) }
    intake.printSummary()
    if isInterrupted { throw InterruptedImportError(count: intake.count) }
    if intake.hasRefused { throw ExitCode.failure }
  }

  /// How many identities go to a core at once.
  private static let together = 32
}

/// Where an identity is in the file.
private struct Place: Sendable {
  let index: UInt64
  /// In bytes.
  let offset: UInt64
  let length: UInt64
  /// Whether there is no identity.
  let isSkipped: Bool
}

/// An item that was verified, or why not.
private struct Examined: Sendable {
  let place: Place
  let result: Result<VerifiedIdentity, IdentityRefusal>

  init(_ item: IdentityStream.Item, by verifier: IdentityVerifier) {
    place = Place(index: item.index, offset: item.offset, length: item.length, isSkipped: item.bytes == nil)
    guard let bytes = item.bytes else {
      result = .failure(.format(FormatError(.malformed, in: .label)))
      return
    }
    do throws(IdentityRefusal) {
      result = .success(try verifier.verify(bytes))
    } catch {
      result = .failure(error)
    }
  }
}

/// Collects what was verified, and puts it into the vault, many at a time.
private struct Intake {
  struct Stop: Error {}

  private let vault: Vault
  private let path: String
  private let key: VaultKey
  private let terms: AdditionTerms
  private let isStrict: Bool
  private let asJSON: Bool
  private var waiting: [(place: Place, identity: VerifiedIdentity)] = []
  private(set) var count: UInt64 = 0
  private var outcomes: [String: UInt64] = [:]

  /// One transaction costs a write to the disk; a larger one keeps others from the vault for longer.
  private static let together = 2000

  init(_ vault: Vault, _ path: String, _ key: VaultKey, _ terms: AdditionTerms, isStrict: Bool, asJSON: Bool) {
    self.vault = vault
    self.path = path
    self.key = key
    self.terms = terms
    self.isStrict = isStrict
    self.asJSON = asJSON
  }

  mutating func take(_ examined: Examined, progress: inout ProgressBar) throws {
    count += 1
    switch examined.result {
    case .success(let identity):
      waiting.append((examined.place, identity))
      if waiting.count >= Self.together { try flush(progress: &progress) }
    case .failure(let refusal):
      if isStrict { try flush(progress: &progress) }
      try refuse(examined.place, refusal, &progress)
    }
  }

  mutating func flush(progress: inout ProgressBar) throws {
    guard !waiting.isEmpty else { return }
    let items = waiting
    waiting = []
    let found = try about(path) {
      try vault.add(items.map(\.identity), terms, stopsAtRefusal: isStrict, with: key, on: .present)
    }
    for (item, outcome) in zip(items, found) {
      if case .refused(let refusal) = outcome {
        try refuse(item.place, refusal, &progress)
      } else {
        outcomes[outcome.word, default: 0] += 1
      }
    }
  }

  private mutating func refuse(
    _ place: Place, _ refusal: IdentityRefusal, _ progress: inout ProgressBar
  ) throws {
    outcomes["refused", default: 0] += 1
    progress.clear()
    let reason =
      place.isSkipped
      ? "\(place.length) bytes that hold no identity (malformed)" : ErrorReport(identity: refusal).message
    if asJSON {
      printJSONLine([
        Report.Field("refused", .number(place.index)), Report.Field("byte", .number(place.offset)),
        Report.Field("bytes", .number(place.length)),
        Report.Field("errorClass", .text(refusal.errorClass.map { "\($0.name)" } ?? "untrusted")),
        Report.Field("reason", .text(reason)),
      ])
    } else {
      printLines("refused \(place.index) at byte \(place.offset): \(reason)")
    }
    if isStrict { throw Stop() }
  }

  var hasRefused: Bool { outcomes["refused"] != nil }

  /// Tells what came of it.
  func printSummary() {
    let words = ["added", "updated", "rekeyed", "known", "refused"]
    if asJSON {
      printJSONLine(words.map { Report.Field($0, .number(outcomes[$0] ?? 0)) })
    } else {
      let told = words.filter { $0 == "added" || outcomes[$0] != nil }
      printLines(told.map { "\($0) \(outcomes[$0] ?? 0)" }.joined(separator: ", "))
    }
  }
}

/// Ctrl-C came; what was told is in the vault.
struct InterruptedImportError: Error {
  /// How many identities were looked at.
  let count: UInt64
}
