// What tests of devices are made of: see scripts/build-device.sh and scripts/test.sh.
public import Foundation
import TestSupport

/// A release folder (SPEC 12.1), and the samples that were built for the same architecture.
public struct Release: Sendable, CustomStringConvertible {
  /// As `uname -m` says it.
  public let architecture: String
  public let folder: URL
  public let samples: URL

  /// The release for this machine: `HUSK_SDK` and `HUSK_SAMPLES`, else folders in the package's root.
  public static let host = Release(hostArchitecture, "HUSK_SDK", "HUSK_SAMPLES")
  /// The release for 64-bit Arm: `HUSK_SDK_AARCH64` and `HUSK_SAMPLES_AARCH64`, else folders in the package's root.
  public static let aarch64 = Release("aarch64", "HUSK_SDK_AARCH64", "HUSK_SAMPLES_AARCH64")
  public static let all = hostArchitecture == "aarch64" ? [host] : [host, aarch64]

  public var description: String { architecture }

  /// A boot stage, or another executable that stands beside them.
  public func stage(_ name: String) -> URL { folder.appending(path: "stages").appending(path: name) }
  public var staticLibrary: URL { folder.appending(path: "lib/libhusk.a") }
  /// Without the module store, and with it.
  public var sharedLibraries: [URL] { ["husk", "husk-store"].map { folder.appending(path: "lib/lib\($0).so") } }
  public var headers: URL { folder.appending(path: "include") }
  public var header: URL { headers.appending(path: "husk.h") }

  /// Whether all of it is there.
  var isBuilt: Bool {
    let files =
      ["bootrom", "bootloader", "decryptor", "fuseprovider"].map(stage)
      + [staticLibrary, header, samples.appending(path: "firmware")] + sharedLibraries
    return files.allSatisfy { FileManager.default.fileExists(atPath: $0.path) }
  }

  private init(_ architecture: String, _ folderVariable: String, _ samplesVariable: String) {
    func place(_ variable: String, _ folder: String) -> URL {
      let path = ProcessInfo.processInfo.environment[variable] ?? ""
      let standard = packageRoot.appending(path: "\(folder)/\(architecture)", directoryHint: .isDirectory)
      return path.isEmpty ? standard : URL(filePath: path, directoryHint: .isDirectory)
    }
    self.architecture = architecture
    folder = place(folderVariable, ".build-sdk")
    samples = place(samplesVariable, ".build-samples")
  }

  #if arch(arm64)
    private static let hostArchitecture = "aarch64"
  #else
    private static let hostArchitecture = "x86_64"
  #endif
}

/// Whether tests that boot devices are to run:
///
///     @Suite("…", .enabled(if: devicesAvailable, "booting a device takes root and scripts/build-device.sh"))
///
/// True as root, with everything built. In continuous integration (`CI=true`) it is true in any case, so that a missing
/// piece fails the tests instead of skipping them.
public let devicesAvailable: Bool = inContinuousIntegration || (geteuid() == 0 && Release.host.isBuilt)

/// Whether tests that look at what ships for every architecture are to run; as above.
public let releasesAvailable: Bool = inContinuousIntegration || Release.all.allSatisfy(\.isBuilt)

private let inContinuousIntegration = ProcessInfo.processInfo.environment["CI"] == "true"
