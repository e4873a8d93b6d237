import BootChain
public import Cryptography
import DICE
import HostSupport
import HuskFormat
import Packager
import SecretBytes

extension DeviceDirectory {
  /// Makes a device: fuses with a new UDS, a counter at 0, no floors, the ROM, and empty flash. It appears whole or not at all.
  ///
  /// - Parameters:
  ///   - path: must not exist.
  ///   - deviceRoot: the mock silicon maker's root key, which certifies the UDS public key.
  ///   - now: seconds since 1970.
  public static func manufacture(
    _ design: DeviceDesign, at path: String, deviceRoot: borrowing SigningKey, now: UInt64
  ) throws(SimulatorError) {
    let uds = try secret(count: Fuses.udsSize)
    let silicon = try siliconChain(uds, deviceRoot: deviceRoot, now: now)
    let fuses = try design.fuses(silicon: silicon.encoded)
    do throws(FileError) {
      let rom = try readFile(design.rom, atMost: 1 << 30)
      let directory = try OutputDirectory(path)
      for folder in folders { try directory.makeDirectory(folder.name, mode: folder.mode) }
      let device = DeviceDirectory(unchecked: directory.temporaryPath)
      do throws(FileError) {
        try writeFile(device.rom, [rom], mode: 0o755)
        try writeFuses(fuses, uds: uds, to: device.fuses)
        try writeFile(device.counter, [], mode: 0o600)
        try writeFile(device.floors, [], mode: 0o600)
      } catch {
        // Nobody has heard of the directory's temporary name.
        throw FileError(path, error.reason)
      }
      try directory.publish(mode: 0o755)
    } catch {
      throw .file(error)
    }
  }

  /// The certificate that makes a UDS public key a device of this maker's (SPEC 6.1).
  private static func siliconChain(
    _ uds: borrowing SecretBytes, deviceRoot: borrowing SigningKey, now: UInt64
  ) throws(SimulatorError) -> ChainFile {
    let key: PublicKey
    do throws(CryptographyError) {
      key = try DICE.signingKey(from: uds).publicKeyOrFailure()
    } catch {
      throw .cryptography(error)
    }
    let request = CertificateRequest(
      subject: "Simulated silicon", key: key, roles: [.silicon], scope: .everything, depth: 0)
    do throws(PackagingError) {
      return try issueCertificate(request, issuer: deviceRoot, chain: nil, now: now)
    } catch {
      throw .packaging(error)
    }
  }

  private static func secret(count: Int) throws(SimulatorError) -> SecretBytes {
    do throws(CryptographyError) {
      return try randomSecret(count: count)
    } catch {
      throw .cryptography(error)
    }
  }
}

extension SigningKey {
  fileprivate borrowing func publicKeyOrFailure() throws(CryptographyError) -> PublicKey {
    do throws(SignerError) {
      return try publicKey()
    } catch {
      switch error {
      case .cryptography(let error): throw error
      }
    }
  }
}
