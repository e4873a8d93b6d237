import DeviceSupport
import Foundation
import Testing

/// After a whole life of a module, from key generation to a load, nothing on disk gives it away, nor any secret
/// (SPEC 15.1: reader of flash, network, factory files).
@Suite("Storage", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct StorageTests {
  private let workshop: Workshop
  private let module: [UInt8]

  init() throws {
    workshop = try Workshop()
    module = Array(try Data(contentsOf: Workshop.object))
  }

  @Test("holds what was made, and no file besides")
  func files() throws {
    let keyFiles = Workshop.keys.flatMap { [$0, $0.replacing(".pem", with: ".pub")] }
    let expected =
      keyFiles + [
        Workshop.fuses, "decryptor.husk", "device.identity", "device/flash/boot/a/bootloader.husk",
        "device/flash/boot/a/decryptor.husk", "device/flash/boot/a/firmware.husk",
        "device/flash/boot/b/bootloader.husk",
        "device/flash/boot/b/decryptor.husk", "device/flash/boot/b/firmware.husk", "device/flash/boot/control/0",
        "device/flash/boot/control/1",
        "device/flash/grants/\(Workshop.module)/1.grant", "device/flash/modules/\(Workshop.module)/1.husk",
        "device/flash/modules/\(Workshop.module)/control/0", "device/flash/modules/\(Workshop.module)/control/1",
        "device/flash/modules/lock",
        "device/flash/storage/0", "device/flash/storage/1", "device/fuses/counter", "device/fuses/floors",
        "device/rom/bootrom",
        "firmware.husk", "loader.husk", "module.grant", "module.husk", "platform.chain",
        "vendor.chain", Workshop.vaultKey, "vendor.vault",
      ]
    #expect(try workshop.files() == expected.sorted())
  }

  @Test("holds nothing of the module's plaintext, and no secret outside of key files and fuses")
  func search() throws {
    let all = try workshop.files().map { workshop.directory.appending(path: $0) }
    let plaintext = try Search(all, for: module, butNot: Workshop.openImages)
    // Much of a small shared object is padding.
    #expect(plaintext.rows > 2000)
    #expect(plaintext.found == [])
    let keys = Workshop.keys + [Workshop.vaultKey]
    let open = all.filter { !keys.contains($0.lastPathComponent) && !$0.path.hasSuffix(Workshop.fuses) }
    #expect(open.count == all.count - keys.count - 1)
    #expect(try Search(open, for: workshop.secrets().flatMap { $0.forms.flatMap(\.bytes) }).found == [])
  }

  @Test("is searched thoroughly: whatever is planted is found")
  func control() throws {
    let scratch = try Scratch()
    func plant(_ bytes: some Collection<UInt8>) throws -> URL {
      let file = scratch.directory.appending(path: UUID().uuidString)
      let around = (0..<10_000).map { _ in UInt8.random(in: 0...255) }
      try Data(around + bytes + around).write(to: file)
      return file
    }
    let secrets = try workshop.secrets()
    #expect(secrets.count == 15)
    #expect(Set(secrets.map(\.bytes)).count == 15)
    for secret in secrets {
      for form in secret.forms {
        let file = try plant(form.bytes)
        #expect(try Search([file], for: form.bytes).found == [file.path], "\(secret.name), \(form.name)")
      }
    }
    // The secrets of key files and fuses are where they belong.
    for (name, file) in zip(secrets.map(\.name), Workshop.keys + [Workshop.fuses]) {
      let needles = try #require(secrets.first { $0.name == name }).forms.flatMap(\.bytes)
      let place = workshop.directory.appending(path: file)
      #expect(try Search([place], for: needles).found == [place.path], "\(name)")
    }
    // The module's code and constants.
    let parts = stride(from: 0, to: module.count - 64, by: 256).map { module[$0..<($0 + 64)] }
      .filter { Set($0).count >= 32 }
    #expect(parts.count >= 5)
    for part in parts {
      let file = try plant(part)
      #expect(try Search([file], for: module).found == [file.path], "at \(part.startIndex)")
    }
    let whole = try plant(module)
    #expect(try Search([whole], for: module, butNot: Workshop.openImages).found == [whole.path])
  }
}
