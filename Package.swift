// swift-tools-version: 6.2
import PackageDescription

// Husk is built in two worlds that never mix in one link:
//   - host:   ordinary Swift; tools and tests (the default)
//   - device: Embedded Swift; what ships on devices (HUSK_EMBEDDED=1, see scripts/build-device.sh)
let embedded = Context.environment["HUSK_EMBEDDED"] == "1"

let common: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .treatAllWarnings(as: .error),
]

let swift: [SwiftSetting] =
  embedded
  ? common + [.enableExperimentalFeature("Embedded"), .unsafeFlags(["-wmo", "-Osize"])]
  : common

let hardenedC: [CSetting] = [
  .unsafeFlags([
    "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong", "-D_FORTIFY_SOURCE=2", "-O2",
    "-fvisibility=hidden",
  ])
]

/// A module that is compiled in both worlds: Embedded subset, no Foundation.
func shared(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// A boot stage: a fully static executable when built for a device.
func stage(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(
    name: name, dependencies: dependencies, swiftSettings: swift,
    linkerSettings: embedded
      ? [.unsafeFlags(["-Xclang-linker", "-static", "-Xlinker", "--gc-sections"])] : [])
}

let sharedTargets: [Target] = [
  .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CLibLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
  .target(name: "CLinux", cSettings: hardenedC),
  .target(name: "CHusk"),
  .target(name: "CStage", cSettings: hardenedC),
  shared("ErrorClass", []),
  shared("SecretBytes", ["CLinux"]),
  shared("CBOR", []),
  shared("Cryptography", ["CLibCrypto", "SecretBytes"]),
  shared("COSE", ["CBOR", "Cryptography", "SecretBytes"]),
  shared("Compression", ["CLibLZ4"]),
  shared("DICE", ["CBOR", "COSE", "Cryptography", "SecretBytes"]),
  shared("HuskFormat", ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "SecretBytes"]),
  shared("ModuleELF", []),
  shared("SecureWorld", ["CBOR", "CLinux", "ErrorClass"]),
  shared("BootChain", ["CBOR", "CLinux", "COSE", "Cryptography", "DICE", "ErrorClass", "HuskFormat", "SecretBytes"]),
  shared(
    "Decryptor",
    [
      "BootChain", "CBOR", "CLinux", "COSE", "Compression", "Cryptography", "DICE", "ErrorClass", "HuskFormat",
      "SecretBytes", "SecureWorld",
    ]),
]

let deviceTargets: [Target] = [
  shared("Loader", ["CHusk", "CLinux", "ErrorClass", "ModuleELF", "SecureWorld"]),
  stage("bootrom", ["BootChain", "CStage"]),
  stage("bootloader", ["BootChain", "CStage"]),
  stage("decryptor", ["Decryptor"]),
]

/// A module of the tools: ordinary Swift, never part of a device.
func host(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: common)
}

let hostPackages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
]

let hostTargets: [Target] = [
  host("ModuleLint", ["ModuleELF"]),
  .target(name: "CHost", cSettings: hardenedC),
  host("HostSupport", ["CHost", "CLinux", "Cryptography", "ErrorClass", "HuskFormat", "SecretBytes"]),
  host("GrantBundle", ["CBOR", "CLinux", "COSE", "Cryptography", "ErrorClass", "HostSupport", "HuskFormat"]),
  host(
    "Packager",
    [
      "CBOR", "COSE", "Compression", "Cryptography", "ErrorClass", "HuskFormat", "ModuleELF", "ModuleLint",
      "SecretBytes",
    ]),
  host(
    "Vault",
    [
      "CBOR", "CLibLZ4", "COSE", "Cryptography", "DICE", "ErrorClass", "HostSupport", "HuskFormat", "SecretBytes",
      .product(name: "GRDB", package: "GRDB.swift"),
    ]),
  host(
    "Simulator",
    [
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "ErrorClass", "HostSupport", "HuskFormat",
      "Packager", "SecretBytes", "SecureWorld",
    ]),
  host(
    "HuskCommands",
    [
      "BootChain", "CBOR", "COSE", "Cryptography", "ErrorClass", "GrantBundle", "HostSupport", "HuskFormat",
      "ModuleELF", "ModuleLint", "Packager", "SecretBytes", "Simulator", "Vault",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
  .executableTarget(name: "husk", dependencies: ["HuskCommands"], swiftSettings: common),
  .target(name: "CBaseline", dependencies: ["CLibCrypto"], cSettings: hardenedC),
  .executableTarget(
    name: "husk-bench",
    dependencies: [
      "CBaseline", "COSE", "Cryptography", "DICE", "GrantBundle", "HostSupport", "HuskFormat", "Packager",
      "SecretBytes",
    ], swiftSettings: common),
]

func tests(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .testTarget(name: name, dependencies: dependencies + ["TestSupport"], swiftSettings: common)
}

let testTargets: [Target] = [
  .systemLibrary(name: "CZlib", path: "Tests/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common),
  tests("SecretBytesTests", ["SecretBytes"]),
  tests("CBORTests", ["CBOR"]),
  tests("CompressionTests", ["CLibLZ4", "Compression"]),
  tests("CryptographyTests", ["Cryptography", "SecretBytes", "CZlib"]),
  .target(
    name: "FormatFixtures",
    dependencies: ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "HuskFormat", "SecretBytes"],
    path: "Tests/FormatFixtures", swiftSettings: common),
  .target(
    name: "DeviceSupport",
    dependencies: [
      "BootChain", "CBOR", "CLinux", "Compression", "Cryptography", "DICE", "ErrorClass", "FormatFixtures",
      "HuskFormat",
      "SecretBytes", "SecureWorld", "TestSupport",
    ],
    path: "Tests/DeviceSupport", swiftSettings: common),
  tests("COSETests", ["CBOR", "COSE", "Cryptography", "FormatFixtures", "SecretBytes"]),
  tests("DICETests", ["CBOR", "COSE", "Cryptography", "DICE", "FormatFixtures", "HuskFormat", "SecretBytes"]),
  tests(
    "HuskFormatTests",
    ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "FormatFixtures", "HuskFormat", "SecretBytes"]),
  tests("SecureWorldTests", ["CBOR", "CLinux", "ErrorClass", "SecureWorld"]),
  tests(
    "BootChainTests",
    [
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "ErrorClass", "FormatFixtures", "HuskFormat",
      "SecretBytes",
    ]),
  tests("ModuleELFTests", ["ModuleELF", "ModuleLint"]),
  tests(
    "GrantBundleTests",
    [
      "CBOR", "COSE", "Cryptography", "DeviceSupport", "ErrorClass", "FormatFixtures", "GrantBundle", "HostSupport",
      "HuskFormat", "SecretBytes",
    ]),
  tests(
    "PackagerTests",
    [
      "COSE", "Compression", "Cryptography", "DICE", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat",
      "ModuleELF", "ModuleLint", "Packager", "SecretBytes",
    ]),
  tests(
    "VaultTests",
    [
      "CBOR", "COSE", "Cryptography", "DICE", "DeviceSupport", "ErrorClass", "FormatFixtures", "HostSupport",
      "HuskFormat", "SecretBytes", "Vault",
      .product(name: "GRDB", package: "GRDB.swift"),
    ]),
  tests(
    "CommandTests",
    [
      "BootChain", "CBOR", "COSE", "Cryptography", "DICE", "DeviceSupport", "ErrorClass", "FormatFixtures",
      "HostSupport", "HuskFormat", "SecretBytes", "Vault", "husk",
      .product(name: "GRDB", package: "GRDB.swift"),
    ]),
  tests("SampleTests", []),
  tests(
    "ChainTests",
    [
      "BootChain", "CBOR", "CLinux", "Cryptography", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat",
      "SecureWorld",
    ]),
  tests("ArtefactTests", ["DeviceSupport"]),
  tests("LibraryTests", ["BootChain", "DeviceSupport", "FormatFixtures"]),
  tests(
    "IsolationTests",
    [
      "BootChain", "CLinux", "COSE", "Cryptography", "DICE", "DeviceSupport", "FormatFixtures", "HostSupport",
      "HuskFormat", "SecretBytes", "Vault",
    ]),
]

let package = Package(
  name: "husk",
  products: embedded
    ? [
      .library(name: "husk", type: .static, targets: ["Loader"]),
      .executable(name: "bootrom", targets: ["bootrom"]),
      .executable(name: "bootloader", targets: ["bootloader"]),
      .executable(name: "decryptor", targets: ["decryptor"]),
    ]
    : [],
  dependencies: embedded ? [] : hostPackages,
  targets: embedded ? sharedTargets + deviceTargets : sharedTargets + hostTargets + testTargets
)
