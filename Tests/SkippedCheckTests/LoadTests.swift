import BootChain
import Cryptography
import DICE
import DeviceSupport
import ErrorClass
import FormatFixtures
import Foundation
import HuskFormat
import SecretBytes
import TestSupport
import Testing

@testable import Decryptor

@Suite("A decryptor that skips one instruction", .enabled(if: skipsAvailable, needsDevices))
struct LoadTests {
  private let scratch: Scratch
  private let device: (state: DeviceState, grantKey: [UInt8])

  init() throws {
    scratch = try Scratch()
    var state = BootState.ofSkips
    state.hasTrustedClock = true
    state.silicon = try IdentityFixture().silicon.encoded()
    let notes = try HandoffNotes.ofSkips(state, HandoffNotes.certificates())
    let (attest, seal) = (bytes(named: "attest"), bytes(named: "seal"))
    try Data(attest + seal + notes.encoded()).write(to: scratch.directory.appending(path: "handoff"))
    let keys = try DeviceKeys.derive(
      from: Handoff(secrets: DICE.Secrets(attest: secret(attest), seal: secret(seal)), notes: notes), generation: 0)
    device = (keys.state, keys.grantKey.publicKey)
  }

  private func load() throws -> Load {
    var load = Load(module: try ModuleFixture(Compiler.sharedObject("answer", ["-DANSWER=42"])), grant: GrantFixture())
    load.module.package.manifest.securityVersion = 6
    load.grant.terms.deviceID = device.state.deviceID
    load.grant.terms.grantKeyThumbprint = device.state.grantKeyThumbprint
    load.grant.recipientKey = device.grantKey
    load.grant.terms.sequence = 6
    return load
  }

  private func write(_ load: Load, _ name: String) throws {
    try Data(load.package()).write(to: scratch.directory.appending(path: "\(name).husk"))
    try Data(load.grant.file()).write(to: scratch.directory.appending(path: "\(name).grant"))
  }

  private func write(_ list: StatusListFixture, _ name: String) throws {
    try Data(list.file()).write(to: scratch.directory.appending(path: "\(name).status"))
  }

  @Test("releases no module that must be refused, and takes no status list")
  func loads() throws {
    var requests = ["before seen status", "before good load"]
    try write(BadLoad.statusList(), "seen")
    try write(load(), "good")
    var expected: [String: ErrorClass] = [:]
    for bad in BadLoad.all {
      var load = try load()
      try bad.change(&load)
      try write(load, bad.name)
      requests.append("refused \(bad.name) load")
      expected[bad.name] = bad.expected
    }
    for bad in BadStatusList.all {
      try write(bad.list, bad.name)
      requests.append("refused \(bad.name) status")
      expected[bad.name] = bad.expected
    }
    requests.append("refused good load")
    try Data((requests.joined(separator: "\n") + "\n").utf8).write(to: scratch.directory.appending(path: "requests"))
    let skips = try Skips(of: "decryptor", oneOf: 80)
    let list = scratch.directory.appending(path: "skips")
    try Data((skips.lines.joined(separator: "\n") + "\n").utf8).write(to: list)
    let outcome = try runWithSkips(
      "skip_loads", [Release.host.stage("decryptor").path, list.path, scratch.directory.path, "\(Moment.present)"])
    #expect(outcome.status == 0, "\(outcome.stdout.suffix(300)) \(outcome.stderr)")
    var result = SkipResult()
    for line in outcome.stdout.split(separator: "\n") {
      let words = line.split(separator: " ", maxSplits: 2).map(String.init)
      switch words[0] {
      case "as-it-is": result.refusals[words[1]] = words[2]
      case "released": result.released.append("\(words[1]) \(words[2])")
      case "skips": result.counts = line.split(separator: " ").compactMap { Int($0) }.prefix(3).map { $0 }
      default: Issue.record("\(line)")
      }
    }
    for (name, errorClass) in expected { #expect(result.refusals[name] == "\(errorClass.rawValue)", "\(name)") }
    #expect(result.refusals["good"] == "0", "what is released is noticed")
    result.report("decryptor", skips, inputs: expected.count)
  }
}
