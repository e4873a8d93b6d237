import HuskFormat
public import ModuleELF
import ModuleLint

/// A shared object that may be packed.
public struct ModuleImage: Sendable {
  public let bytes: [UInt8]
  public let machine: Machine
  /// Whether its code lies apart from all that is read, as execute-only text needs.
  public let hasSeparateCode: Bool

  /// - Parameter allowsDanger: whether what makes loading it unsafe is accepted.
  /// - Throws: `module`, `dangerous`, `tooLarge`.
  public init(_ bytes: [UInt8], allowsDanger: Bool) throws(PackagingError) {
    guard padme(UInt64(bytes.count)) <= Limits.sizeBound else { throw .tooLarge }
    let report: LintReport
    do throws(ELFError) {
      let object = try ELFFile(ArraySource(bytes))
      machine = object.machine
      hasSeparateCode = object.hasSeparateCode
      report = try lint(bytes)
    } catch {
      throw .module(error)
    }
    guard allowsDanger || !report.isDangerous else {
      throw .dangerous(report.findings.filter { $0.severity == .danger })
    }
    self.bytes = bytes
  }
}
