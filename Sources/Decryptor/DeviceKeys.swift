import BootChain
import CBOR
import COSE
import Cryptography
import DICE
import ErrorClass
import HuskFormat
import SecretBytes

/// What the decryptor makes of its handoff (SPEC 6.3): the grant key, and the identity that it can show.
struct DeviceKeys: ~Copyable {
  let grantKey: X25519PrivateKey
  let state: DeviceState
  /// The identity file.
  let identity: [UInt8]

  init(grantKey: consuming X25519PrivateKey, state: DeviceState, identity: [UInt8]) {
    self.grantKey = grantKey
    self.state = state
    self.identity = identity
  }

  /// - Parameter generation: of the secure storage (SPEC 7.8).
  static func derive(from handoff: borrowing Handoff, generation: UInt64) throws(ErrorClass) -> DeviceKeys {
    let notes = handoff.notes
    do throws(CryptographyError) {
      let grantKey = try deriveGrantKey(handoff.secrets.seal, generation)
      let claims = DeviceKeyClaims(
        grantKey: grantKey.publicKey, lifecycle: notes.state.lifecycle, keyEpoch: notes.state.keyEpoch,
        generation: generation)
      let deviceKey = try certify(claims, with: DICE.signingKey(from: handoff.secrets.attest))
      let identity = IdentityFile.encode(
        silicon: notes.state.silicon, dice: notes.certificates, deviceKey: deviceKey)
      let state = DeviceState(
        deviceID: try deviceID(notes.state.silicon),
        grantKeyThumbprint: try COSEKey.thumbprint(x25519: grantKey.publicKey), lifecycle: notes.state.lifecycle)
      return DeviceKeys(grantKey: grantKey, state: state, identity: identity)
    } catch {
      throw error == .invalidKey ? .malformed : .internal
    }
  }

  /// The key that seals the secure storage.
  static func deriveStorageKey(from handoff: borrowing Handoff) throws(ErrorClass) -> SecretBytes {
    let info: [UInt8] = ("husk storage key" as StaticString).withUTF8Buffer { Array($0) }
    do throws(CryptographyError) {
      return try HKDF.sha512.derive(
        salt: RawSpan(), inputKeyMaterial: handoff.secrets.seal, info: info.span.bytes, byteCount: AEAD.keyByteCount)
    } catch {
      throw .internal
    }
  }

  private static func deriveGrantKey(
    _ seal: borrowing SecretBytes, _ generation: UInt64
  ) throws(CryptographyError) -> X25519PrivateKey {
    var info = CBOREncoder()
    info.beginArray(2)
    info.encode(text: "husk-grant-key")
    info.encode(unsigned: generation)
    let key = try HKDF.sha512.derive(
      salt: RawSpan(), inputKeyMaterial: seal, info: info.bytes.span.bytes, byteCount: X25519PrivateKey.byteCount)
    return try X25519PrivateKey(key)
  }

  private static func certify(
    _ claims: DeviceKeyClaims, with attestationKey: borrowing SigningKey
  ) throws(CryptographyError) -> [UInt8] {
    do throws(SignerError) {
      return try Sign1.sign(payload: claims.encoded(), type: DeviceKeyClaims.type, with: attestationKey)
    } catch {
      switch error {
      case .cryptography(let error): throw error
      }
    }
  }

  /// The thumbprint of the UDS public key, which is the silicon chain's last. ROM handed the chain on as it was fused;
  /// vendors verify it, the device only needs to know its own name.
  private static func deviceID(_ silicon: [UInt8]) throws(CryptographyError) -> [UInt8] {
    let key: PublicKey
    do throws(FormatError) {
      key = try CertificateChain(encoded: silicon).unverifiedLastKey()
    } catch {
      throw .invalidKey
    }
    return try COSEKey.thumbprint(key)
  }
}
