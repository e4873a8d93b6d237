import CBOR
import COSE
import Cryptography
import DICE
import FormatFixtures
import SecretBytes
import TestSupport
import Testing

/// The known answers of open-dice, with their inputs.
@Suite("open-dice known answers", .enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct KnownAnswerTests {
  private struct File: Decodable {
    let tests: [Answer]
  }

  private struct Answer: Decodable {
    let name: String
    let current_cdi_attest: String
    let current_cdi_seal: String
    let code_hash: String
    let config_value: String
    let authority_hash: String
    let mode: String
    let hidden: String
    let next_cdi_attest: String
    let next_cdi_seal: String
    let certificate_cbor_ed25519: String

    func inputs() throws -> DICE.Inputs {
      let mode = try #require(DICE.Mode(rawValue: bytes(fromHex: mode)[0]))
      return try #require(
        DICE.Inputs(
          code: bytes(fromHex: code_hash), configuration: bytes(fromHex: config_value),
          authority: bytes(fromHex: authority_hash), mode: mode, hidden: bytes(fromHex: hidden)))
    }
  }

  @Test("derivation and certificate are the same to the last byte")
  func answers() throws {
    let answers = try vectors("dice/known_answers.json", as: File.self).tests
    for answer in answers {
      let name = Comment(rawValue: answer.name)
      let current = DICE.Secrets(
        attest: try secret(bytes(fromHex: answer.current_cdi_attest)),
        seal: try secret(bytes(fromHex: answer.current_cdi_seal)))
      let inputs = try answer.inputs()
      let next = try current.derived(with: inputs)
      #expect(next.attest.withBytes { $0.withUnsafeBytes { hex($0) } } == answer.next_cdi_attest, name)
      #expect(next.seal.withBytes { $0.withUnsafeBytes { hex($0) } } == answer.next_cdi_seal, name)

      let certificate = try DICECertificate.issue(
        inputs: inputs, subject: DICE.signingKey(from: next.attest), issuer: DICE.signingKey(from: current.attest))
      // The profile's certificates have no tag; Husk's have that of COSE_Sign1 (SPEC 6.2).
      #expect(hex(certificate) == "d2" + answer.certificate_cbor_ed25519, name)

      var reader = CBORReader(certificate)
      let parsed = try DICECertificate(&reader)
      try parsed.verify(issuerKey: try DICE.signingKey(from: current.attest).publicKey())
      #expect(parsed.codeHash == inputs.code && parsed.configuration == inputs.configuration, name)
      #expect(parsed.authorityHash == inputs.authority && parsed.mode == inputs.mode, name)
      #expect(try parsed.subjectKey == DICE.signingKey(from: next.attest).publicKey(), name)
    }
    #expect(answers.count == 2)
    recordVectorCount(set: "open-dice known answers", ran: answers.count, of: answers.count)
  }
}
