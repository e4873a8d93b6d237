import FoundationEssentials
import GRDB
import HostSupport

extension Vault {
  /// Writes a copy of the vault as it is at one instant, mode 0600, which others may go on using and changing meanwhile.
  /// The copy was checked before it gets its name.
  ///
  /// - Throws: `damaged` where the copy doesn't pass.
  public func backUp(to path: String) throws(VaultError) {
    do {
      let file = try OutputFile(path, mode: 0o600)
      // Into the file that is there, empty; SQLite's own words for a path: a quote is doubled.
      let name = file.temporaryPath.replacing("'", with: "''")
      try database.writeWithoutTransaction { try $0.execute(sql: "VACUUM INTO '\(name)'") }
      if let finding = try Vault(file.temporaryPath, isReadOnly: true).check(with: nil).findings.first {
        throw VaultError.damaged(finding.part)
      }
      try file.publish()
    } catch {
      throw VaultError(error)
    }
  }
}
