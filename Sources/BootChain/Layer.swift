import COSE
import Cryptography
import DICE
import ErrorClass
import HuskFormat
import SecretBytes

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
