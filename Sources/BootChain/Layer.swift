import COSE
import Cryptography
import DICE
import ErrorClass
import HuskFormat
import SecretBytes

extension Handoff {
  /// What the ROM hands to the bootloader that it verified.
  ///
  /// - Parameters:
  ///   - user: the firmware's.
  ///   - group: the firmware's.
  ///   - boot: what boots.
  init(
    _ fuses: borrowing Fuses, to bootloader: borrowing StageImage, user: UInt32, group: UInt32, boot: BootNotes
  ) throws(ErrorClass) {
    // The UDS stands for both CDIs of the layer before the first (SPEC 6.2).
    let root = DICE.Secrets(attest: try copy(fuses.uds), seal: try copy(fuses.uds))
    let beginning = HandoffNotes(
      state: fuses.state, certificates: [], firmwareUser: user, firmwareGroup: group, boot: boot)
    self = try Handoff(secrets: root, notes: beginning).next(bootloader)
  }

  /// What this stage hands to the next, which it verified.
  borrowing func next(_ image: borrowing StageImage) throws(ErrorClass) -> Handoff {
    var notes = notes
    notes.state.time = max(notes.state.time, image.manifest.value.issuedAt)
    let secrets = try secrets.next(image, self.notes.state, certificates: &notes.certificates)
    return Handoff(secrets: secrets, notes: notes)
  }
}

private func copy(_ secret: borrowing SecretBytes) throws(ErrorClass) -> SecretBytes {
  do throws(SecretBytesError) {
    return try secret.withBytes { (bytes) throws(SecretBytesError) in try SecretBytes(copying: bytes) }
  } catch {
    throw .outOfMemory
  }
}

extension DICE.Secrets {
  /// Derives the next stage's secrets from its measurement, and certifies the next stage's key with this stage's.
  ///
  /// - Returns: the secrets; the encoded certificate is appended to `certificates`.
  borrowing func next(
    _ image: borrowing StageImage, _ state: BootState, certificates: inout [[UInt8]]
  ) throws(ErrorClass) -> DICE.Secrets {
    let inputs = try image.diceInputs(state)
    do throws(CryptographyError) {
      let secrets = try derived(with: inputs)
      let subject = try DICE.signingKey(from: secrets.attest)
      certificates.append(
        try DICECertificate.issue(inputs: inputs, subject: subject, issuer: DICE.signingKey(from: attest)))
      return secrets
    } catch {
      throw .internal
    }
  }
}
