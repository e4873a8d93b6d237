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
@testable import SecureStorage

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
    let skips = try Skips(of: "decryptor", oneOf: 80)
    let result = try ask(requests, skips, of: Release.host.stage("decryptor"))
    for (name, errorClass) in expected { #expect(result.refusals[name] == "\(errorClass.rawValue)", "\(name)") }
    #expect(result.refusals["good"] == "0", "what is released is noticed")
    result.report("decryptor", skips, inputs: expected.count)
  }

  @Test("that starts with storage which was put back, lost or forged releases nothing for it")
  func starts() throws {
    let secrets = try DICE.Secrets(attest: secret(bytes(named: "attest")), seal: secret(bytes(named: "seal")))
    let notes = try HandoffNotes.ofSkips(.ofSkips, HandoffNotes.certificates())
    let key = try DeviceKeys.deriveStorageKey(from: Handoff(secrets: secrets, notes: notes))
    func state(sequence: UInt64) throws -> SecureState {
      var state = SecureState(generation: 0)
      try state.record(
        SecureState.Load(
          load().grant.terms.module, sequence: sequence, securityVersion: 6, vendorScope: testScope("com.acme."),
          time: Moment.issued, isOnTrial: false))
      return state
    }
    func storage(sequence: UInt64, counter: UInt64) throws -> [UInt8] {
      try SealedState.seal(state(sequence: sequence), counter: counter, isSettled: true, key: key)
    }
    // Number 6 was superseded when the counter came to 9.
    let newest = try storage(sequence: 7, counter: 9)
    // Whoever changes a ciphertext changes the same bits of the plaintext.
    var forged = newest
    let ciphertext = forged.count - AEAD.tagByteCount - SealedState.paddedSize
    for (place, (former, latest)) in try zip(state(sequence: 6).encoded(), state(sequence: 7).encoded()).enumerated() {
      forged[ciphertext + place] ^= former ^ latest
    }
    let inputs: [(name: String, storage: [UInt8], expected: ErrorClass?)] = [
      ("superseded", newest, .rollback), ("put-back", try storage(sequence: 6, counter: 5), .wrongGrantKey),
      ("lost", [], .wrongGrantKey), ("forged", forged, .wrongGrantKey),
      ("good", try storage(sequence: 6, counter: 9), nil),
    ]
    for input in inputs {
      try write(load(), input.name)
      try Data(input.storage).write(to: scratch.directory.appending(path: "\(input.name).storage"))
    }
    let decryptor = scratch.directory.appending(path: "decryptor")
    try FileManager.default.copyItem(at: Release.host.stage("decryptor"), to: decryptor)
    let skips = try Skips(of: "decryptor", oneOf: 120)
    let result = try ask(inputs.map { "9 \($0.name) load" }, skips, of: decryptor)
    for input in inputs {
      #expect(result.refusals[input.name] == "\(input.expected?.rawValue ?? 0)", "\(input.name)")
    }
    result.report("decryptor, starting", skips, inputs: inputs.count - 1)
  }

  /// Asks a decryptor, which may be written to, for what the requests say.
  private func ask(_ requests: [String], _ skips: Skips, of decryptor: URL) throws -> SkipResult {
    try Data((requests.joined(separator: "\n") + "\n").utf8).write(to: scratch.directory.appending(path: "requests"))
    let list = scratch.directory.appending(path: "skips")
    try Data((skips.lines.joined(separator: "\n") + "\n").utf8).write(to: list)
    let outcome = try runWithSkips(
      "skip_loads", [decryptor.path, list.path, scratch.directory.path, "\(Moment.present)"])
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
    return result
  }
}
