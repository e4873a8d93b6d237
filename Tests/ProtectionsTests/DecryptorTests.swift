import DeviceSupport
import Foundation
import Protections
import Testing

@Suite(
  "A decryptor tells what protects it",
  .enabled(if: devicesAvailable, "booting a device takes root and build-device.sh"))
struct DecryptorTests {
  @Test("all of it, in order, as often as it is asked")
  func facts() throws {
    let world = try Device().startSecureWorld()
    let facts = try world.protections()
    #expect(facts.map(\.number) == Protection.allCases.filter { $0.reporter == .decryptor }.map(\.number))
    _ = try world.identity()
    #expect(try world.protections() == facts)
    // It doesn't start without these.
    for protection in [Protection.notDumpable, .noNewPrivileges, .unprivilegedUser, .seccomp, .noCoreFiles] {
      #expect(facts.first { $0.number == protection.number }?.state == .active, "\(protection)")
    }
    #expect(facts.first { $0.number == Protection.unprivilegedUser.number }?.detail == 64901)
  }

  @Test("in numbers: it holds none of the words")
  func words() throws {
    let decryptor = try Data(contentsOf: Release.host.stage("decryptor"))
    for protection in Protection.allCases {
      #expect(decryptor.range(of: Data("\(protection.loss)".utf8)) == nil, "\(protection)")
      #expect(decryptor.range(of: Data("\(protection.advice)".utf8)) == nil, "\(protection)")
    }
  }
}
