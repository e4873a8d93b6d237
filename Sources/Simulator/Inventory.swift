import BootChain
import COSE
import DeviceStore
import FoundationEssentials
import HostSupport
public import HuskFormat

extension DeviceDirectory {
  /// A file in flash, and what it says of itself; nothing if it is damaged.
  public struct Installed<Content: Sendable>: Sendable {
    /// Relative to flash.
    public let file: String
    public let content: Content?
  }

  /// What is in flash, unverified: the boot stages of slot a and b, in the order in which they start, then modules and grants by name.
  public func installed() throws(SimulatorError) -> (
    packages: [Installed<Manifest>], grants: [Installed<GrantTerms>]
  ) {
    let stages = Slot.allCases.flatMap { slot in Stage.allCases.map { Self.file($0, in: slot) } }
    return (
      (stages.filter { FileManager.default.fileExists(atPath: "\(flash)/\($0)") }
        + files(in: "modules", endingIn: ".husk")).map {
          Installed(file: $0, content: manifest(of: "\(flash)/\($0)"))
        },
      files(in: "grants", endingIn: ".grant").map { Installed(file: $0, content: terms(of: "\(flash)/\($0)")) }
    )
  }

  /// Files in the folders that a folder holds, one for each module.
  private func files(in folder: String, endingIn suffix: String) -> [String] {
    func names(_ folder: String) -> [String] {
      let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(flash)/\(folder)")) ?? []
      // A name with a dot in front is a file in the making.
      return names.filter { !$0.hasPrefix(".") }.sorted()
    }
    return names(folder).flatMap { module in
      names("\(folder)/\(module)").filter { $0.hasSuffix(suffix) }.map { "\(folder)/\(module)/\($0)" }
    }
  }

  private func manifest(of path: String) -> Manifest? {
    guard let file = try? LabelledFile(path), let package = try? PackageReader(file) else { return nil }
    return try? Manifest(parsing: package.front.object.payload)
  }

  private func terms(of path: String) -> GrantTerms? {
    guard let bytes = try? readFile(path, atMost: Limits.grant) else { return nil }
    return try? GrantFile(bytes).unverifiedTerms()
  }
}
