// What tests of devices are made of: see scripts/build-device.sh and scripts/test.sh.
public import Foundation
import TestSupport

/// What was built for devices before the tests ran.
public enum Artefacts {
  /// Boot stages and libhusk: `HUSK_SDK`, else `.build-sdk` in the package's root.
  public static let sdk = folder("HUSK_SDK", else: ".build-sdk")
  /// libhusk as a shared object.
  public static let library = sdk.appending(path: "libhusk.so")
  /// The sample modules and firmware: `HUSK_SAMPLES`, else `.build-samples` in the package's root.
  public static let samples = folder("HUSK_SAMPLES", else: ".build-samples")

  private static func folder(_ variable: String, else path: String) -> URL {
    if let path = ProcessInfo.processInfo.environment[variable], !path.isEmpty {
      URL(filePath: path, directoryHint: .isDirectory)
    } else {
      packageRoot.appending(path: path, directoryHint: .isDirectory)
    }
  }
}

/// Whether tests that boot devices are to run:
///
///     @Suite("…", .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
///
/// True as root, with the stages built. In continuous integration (`CI=true`) it is true in any case, so that a missing
/// piece fails the tests instead of skipping them.
public let devicesAvailable: Bool =
  ProcessInfo.processInfo.environment["CI"] == "true"
  || (geteuid() == 0
    && ["bootrom", "bootloader", "decryptor", "libhusk.a", "husk.h"].allSatisfy {
      FileManager.default.fileExists(atPath: Artefacts.sdk.appending(path: $0).path)
    })
