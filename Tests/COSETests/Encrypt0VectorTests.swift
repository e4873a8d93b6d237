import CBOR
import COSE
import Cryptography
import FormatFixtures
import SecretBytes
import TestSupport
import Testing

/// The COSE-HPKE messages of draft-ietf-cose-hpke that are COSE_Encrypt0 with HPKE-4 in base mode.
@Suite("COSE-HPKE messages", .enabled(if: vectorsAvailable, "the public test vectors are not on this machine"))
struct Encrypt0VectorTests {
  private let suite = "HPKE-4"

  @Test("each opens to the payload, and to nothing with other inputs")
  func messages() throws {
    let file = try Messages(String(decoding: vectorData("cose-hpke/testvectors.txt"), as: UTF8.self))
    let key = try X25519PrivateKey(secret(privateKey(try #require(file.keys[suite]))))
    let applicable = file.messages.filter { $0.title.hasPrefix("\(suite) Encrypt0 with") }
    for message in applicable {
      let aad = message.title.contains("external aad") ? "external-aad" : ""
      let info = message.title.contains("external info") ? "external-info" : ""
      let object = try parse(withoutKeyIdentifier(message.bytes))
      let opened = try object.open(with: key, externalAAD: Array(aad.utf8), info: Array(info.utf8))
      #expect(opened.withBytes { $0.withUnsafeBytes { Array($0) } } == Array("hpke test payload".utf8))
      #expect(throws: COSEError.decryptionFailed) {
        _ = try object.open(with: key, externalAAD: Array((aad + "x").utf8), info: Array(info.utf8)).count
      }
      #expect(throws: COSEError.decryptionFailed) {
        _ = try object.open(with: key, externalAAD: Array(aad.utf8), info: Array((info + "x").utf8)).count
      }
    }
    #expect(applicable.count == 4)
    recordVectorCount(set: "COSE-HPKE messages", ran: applicable.count, of: file.messages.count)
  }

  @Test("a key identifier, which Husk's messages don't have, is refused")
  func keyIdentifier() throws {
    let file = try Messages(String(decoding: vectorData("cose-hpke/testvectors.txt"), as: UTF8.self))
    let message = try #require(file.messages.first { $0.title.hasPrefix("\(suite) Encrypt0 with") })
    #expect(throws: COSEError.self) { try parse(message.bytes) }
  }

  private func parse(_ encoded: [UInt8]) throws -> Encrypt0 {
    var reader = CBORReader(encoded)
    let object = try Encrypt0(&reader)
    try reader.finish()
    return object
  }

  /// The messages name their key in the unprotected header, which nothing authenticates.
  private func withoutKeyIdentifier(_ encoded: [UInt8]) throws -> [UInt8] {
    var reader = CBORReader(encoded)
    #expect(try reader.readTag() == Encrypt0.tag)
    #expect(try reader.readArrayHeader() == 3)
    let protected = try reader.skipItem()
    var unprotected = RawMap(Array(try reader.skipItem()))
    unprotected.remove(4)
    let ciphertext = try reader.skipItem()
    var encoder = CBOREncoder()
    encoder.tag(Encrypt0.tag)
    encoder.beginArray(3)
    for item in [Array(protected), unprotected.encoded(), Array(ciphertext)] { encoder.encode(encoded: item) }
    return encoder.bytes
  }

  /// `d` of a COSE_Key.
  private func privateKey(_ encoded: [UInt8]) throws -> [UInt8] {
    var reader = CBORReader(try #require(RawMap(encoded).value(-4)))
    return Array(try reader.readBytes())
  }

  /// The file: lines `NAME COSE_Key: HEX`, and titles that are followed by `Ciphertext: HEX`.
  private struct Messages {
    var keys: [String: [UInt8]] = [:]
    var messages: [(title: String, bytes: [UInt8])] = []

    init(_ text: String) throws {
      var title: Substring?
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        if words.count == 3, words[1].hasPrefix("COSE_Key:") {
          keys[String(words[0])] = TestSupport.bytes(fromHex: words[2])
        } else if line.hasPrefix("Ciphertext: ") {
          messages.append((String(try #require(title)), TestSupport.bytes(fromHex: words[1])))
          title = nil
        } else {
          title = line
        }
      }
    }
  }
}
