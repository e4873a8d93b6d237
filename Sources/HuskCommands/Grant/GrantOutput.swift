import ArgumentParser
import FoundationEssentials
import GrantBundle
import HostSupport
import HuskFormat
import Packager
import Vault

/// Where grants go: one way must be chosen.
struct GrantOutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: ArgumentHelp("Where to write the one grant; - is standard output.", valueName: "file"))
  var file: String?

  @Option(help: ArgumentHelp("A directory to write a file for each grant to.", valueName: "directory"))
  var outDir: String?

  @Option(help: ArgumentHelp("Where to write a bundle of all grants.", valueName: "file"))
  var bundle: String?

  @Flag(help: "Keep the grants in the vault.")
  var store = false

  @Flag(help: "Replace an existing file of the same kind.")
  var force = false

  func validate() throws {
    let ways = [file != nil, outDir != nil, bundle != nil, store].filter(\.self).count
    if ways != 1 { throw ValidationError("where to? Say one of -o, --out-dir, --bundle or --store") }
  }

  /// Fails early where a file couldn't be written.
  func check() throws {
    if let file { try checkOutput(file, replaces: replaced(by: .grant)) }
  }

  func make() -> any GrantOutput {
    if let file { return GrantFileOutput(file, replaces: replaced(by: .grant)) }
    if let outDir { return GrantDirectoryOutput(outDir) }
    if let bundle { return BundleOutput(bundle, replaces: replaced(by: .bundle)) }
    return VaultOutput()
  }

  /// Which place is meant, wherever the command is given.
  func words() throws -> [String] {
    let place = [file, outDir, bundle].map { $0.map { URL(filePath: $0).absoluteURL.standardizedFileURL.path } ?? "" }
    return place + [store ? "store" : ""]
  }

  private func replaced(by label: FileLabel) -> Replacement {
    force ? .file(label) : .nothing
  }
}

/// Takes the grants of a job as they come.
protocol GrantOutput: AnyObject {
  /// Whether the vault keeps them.
  var isVault: Bool { get }
  /// How many it can take; nil for any number.
  var limit: UInt64? { get }

  /// Fails where a new job couldn't begin.
  func checkNew() throws
  /// Makes ready for the records behind those that a job has; false where those are lost.
  func prepare(_ job: GrantJob) throws -> Bool
  /// Puts a step's grants safely away, before they are recorded.
  func write(_ records: [GrantRecord], of series: GrantSeries, behind count: UInt64) throws
  /// Takes notice that they are recorded.
  func recorded() throws
  /// Gives the whole its name.
  func publish(_ parts: [(series: GrantSeries, count: UInt64)], isResumed: Bool) throws
  /// Clears up when the job is over for good.
  func close()
}

extension GrantOutput {
  var isVault: Bool { false }
  var limit: UInt64? { nil }
  func checkNew() throws {}
  func prepare(_ job: GrantJob) throws -> Bool { true }
  func recorded() throws {}
  func publish(_ parts: [(series: GrantSeries, count: UInt64)], isResumed: Bool) throws {}
  func close() {}
}

/// One grant, in a file.
private final class GrantFileOutput: GrantOutput {
  private let path: String
  private let replaces: Replacement
  private var prepared: PreparedOutput?

  init(_ path: String, replaces: Replacement) {
    self.path = path
    self.replaces = replaces
  }

  var limit: UInt64? { 1 }

  func write(_ records: [GrantRecord], of series: GrantSeries, behind count: UInt64) throws {
    prepared = try PreparedOutput(path, records.map { series.file($0) }, replaces: replaces)
  }

  func recorded() throws {
    // Recorded first: a sequence number may be lost, but never be used twice.
    if let grant = prepared.take() { try grant.publish() }
  }
}

/// A file for each grant. A file that an earlier grant left is replaced.
private final class GrantDirectoryOutput: GrantOutput {
  private let path: String

  init(_ path: String) {
    self.path = path
  }

  func prepare(_ job: GrantJob) throws -> Bool {
    if !FileManager.default.fileExists(atPath: path) {
      guard (try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)) != nil else {
        throw FileError(path, .noSuchDirectory)
      }
    }
    return true
  }

  func write(_ records: [GrantRecord], of series: GrantSeries, behind count: UInt64) throws {
    for record in records {
      let name = "\(hex(record.deviceID))-\(series.terms.module.text).grant"
      try writeFile("\(path)/\(name)", [series.file(record)], replaces: .file(.grant))
    }
  }
}

/// One bundle.
private final class BundleOutput: GrantOutput {
  private let path: String
  private let replaces: Replacement
  private var spool: GrantSpool?

  private var spoolPath: String { "\(path).partial" }

  init(_ path: String, replaces: Replacement) {
    self.path = path
    self.replaces = replaces
  }

  func checkNew() throws {
    try checkOutput(path, replaces: replaces)
  }

  func prepare(_ job: GrantJob) throws -> Bool {
    do throws(FileError) {
      spool = try GrantSpool(spoolPath, job: job.digest, records: job.count)
      return true
    } catch {
      if error.reason == .notFound, job.count > 0 { return false }
      if error.reason == .alreadyExists { throw UnfinishedBundleError(path: spoolPath) }
      throw error
    }
  }

  func write(_ records: [GrantRecord], of series: GrantSeries, behind count: UInt64) throws {
    try spool?.write(records, at: count)
  }

  func publish(_ parts: [(series: GrantSeries, count: UInt64)], isResumed: Bool) throws {
    // A job that was stopped just after this goes through it again.
    try spool?.publish(parts, to: path, replaces: isResumed ? .file(.bundle) : replaces)
  }

  func close() {
    // Removed while it is still locked: who waits for it makes a new one.
    removeFile(spoolPath)
    spool = nil
  }
}

/// The vault itself.
private final class VaultOutput: GrantOutput {
  var isVault: Bool { true }
  func write(_ records: [GrantRecord], of series: GrantSeries, behind count: UInt64) throws {}
}

/// A bundle was begun by another command than the one that is given.
struct UnfinishedBundleError: Error {
  let path: String
}
