import FormatFixtures
import HuskFormat
import ModuleELF
import Packager
import Testing

@Suite("Packing a boot stage")
struct StagePackagingTests {
  @Test("signs a static executable as it is", arguments: [["-static"], ["-static-pie"]])
  func staticImage(flags: [String]) throws {
    let image = try build(flags)
    let stage = try StageExecutable(image, mayBeDynamic: false)
    let signer = try SigningIdentity(
      key: signingKey("Platform"), chain: ChainFixture.stage(.bootLoader).chainFile(), role: .bootLoader, now: now)
    let details = PackageDetails(name: testName("org.platform.loader"), version: Version(1, 0, 0), issuedAt: now)
    let packed = try packStage(stage, role: .bootLoader, details, signer: signer)
    #expect(packed.payload == image)
    let size = UInt64(packed.front.count + packed.payload.count)
    let manifest = try PackageFront(packed.front).verify(role: .bootLoader, fileSize: size, with: .device).value
    #expect(manifest.epoch == nil)
    #expect(manifest.sizeBound == UInt64(image.count))
    #expect(manifest.machine == 62)
  }

  @Test("lets only a firmware need a dynamic linker", arguments: [["-pie"], ["-no-pie"]])
  func dynamicImage(flags: [String]) throws {
    let image = try build(flags)
    #expect(throws: PackagingError.stage(.dynamic)) { try StageExecutable(image, mayBeDynamic: false) }
    #expect(try StageExecutable(image, mayBeDynamic: true).machine == .x86_64)
  }

  @Test("refuses what isn't an executable")
  func otherFiles() throws {
    let module = try sampleModule()
    #expect(throws: PackagingError.stage(.sharedObject)) { try StageExecutable(module, mayBeDynamic: true) }
    let object = try build(["-c"])
    #expect(throws: PackagingError.stage(.relocatable)) { try StageExecutable(object, mayBeDynamic: true) }
    #expect(throws: PackagingError.stage(.notExecutable(.notELF))) {
      try StageExecutable(Array("not ELF".utf8), mayBeDynamic: true)
    }
    #expect(throws: PackagingError.stage(.notExecutable(.empty))) { try StageExecutable([], mayBeDynamic: true) }
  }

  @Test("refuses an executable for a processor that Husk doesn't know, or with its tables cut off")
  func damaged() throws {
    let image = try build(["-static"])
    let foreign = image[..<18] + [243] + image[19...]  // RISC-V
    #expect(throws: PackagingError.stage(.notExecutable(.unsupportedMachine(243)))) {
      try StageExecutable(Array(foreign), mayBeDynamic: true)
    }
    #expect(throws: PackagingError.stage(.notExecutable(.malformed(.programHeaders)))) {
      try StageExecutable(Array(image.prefix(70)), mayBeDynamic: true)
    }
  }
}
