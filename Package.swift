// swift-tools-version: 6.2
import PackageDescription

// Husk is built in two worlds that never mix in one link:
//   - host:   ordinary Swift; tools and tests (the default)
//   - device: Embedded Swift; what ships on devices (HUSK_EMBEDDED=1, see scripts/build-device.sh)
let embedded = Context.environment["HUSK_EMBEDDED"] == "1"
// With HUSK_FUZZ=1, only what is fuzzed and what does that: ordinary Swift with instrumentation (see scripts/fuzz.sh).
let fuzzing = Context.environment["HUSK_FUZZ"] == "1"

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

/// A library brings its code to whoever uses it instead of compiling it: stages and libhusk get what they need, once.
let deferred: [SwiftSetting] = embedded ? [.enableExperimentalFeature("DeferredCodeGen")] : []

let hardenedC: [CSetting] = [
  .unsafeFlags([
    "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong", "-fstack-clash-protection", "-D_FORTIFY_SOURCE=3", "-O2",
    "-fvisibility=hidden",
  ])
]

/// A module that is compiled in both worlds: Embedded subset, no Foundation.
func shared(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift + deferred)
}

/// A boot stage: scripts/build-device.sh makes a static executable of each.
func stage(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .executableTarget(name: name, dependencies: dependencies, swiftSettings: swift)
}

/// Code that a stage has a second time (SPEC 15.4): an object of its own, which shares no Swift code with what uses it.
func secondCopy(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: swift + [.define("HUSK_SECOND_COPY")])
}

let sharedTargets: [Target] = [
  .systemLibrary(name: "CLibCrypto", pkgConfig: "libcrypto", providers: [.apt(["libssl-dev"])]),
  .systemLibrary(name: "CSecondCheck"),
  .systemLibrary(name: "CLibLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
  .target(name: "CLinux", cSettings: hardenedC),
  .target(name: "CHusk", cSettings: hardenedC),
  .target(name: "CLoader", cSettings: hardenedC),
  .target(name: "CStage", cSettings: hardenedC),
  shared("ErrorClass", []),
  shared("SecretBytes", ["CLinux"]),
  shared("CBOR", []),
  shared("Cryptography", ["CLibCrypto", "CLinux", "SecretBytes"]),
  shared("COSE", ["CBOR", "Cryptography", "SecretBytes"]),
  shared("Compression", ["CLibLZ4"]),
  shared("DICE", ["CBOR", "COSE", "Cryptography", "SecretBytes"]),
  shared("HuskFormat", ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "SecretBytes"]),
  shared("ModuleELF", []),
  shared("DeviceStore", ["CBOR", "CLinux", "ErrorClass", "SecureWorld"]),
  shared("SecureStorage", ["CBOR", "CSecondCheck", "Cryptography", "ErrorClass", "HuskFormat", "SecretBytes"]),
  shared("Protections", ["CBOR", "CLinux"]),
  shared("SecureWorld", ["CBOR", "CLinux", "ErrorClass", "Protections"]),
  shared(
    "BootChain",
    [
      "CBOR", "CLinux", "COSE", "CSecondCheck", "Cryptography", "DICE", "DeviceStore", "ErrorClass", "HuskFormat",
      "SecretBytes",
    ]),
  shared(
    "Decryptor",
    [
      "BootChain", "CBOR", "CLinux", "COSE", "CSecondCheck", "Compression", "Cryptography", "DICE", "DeviceStore",
      "ErrorClass", "HuskFormat", "Protections", "SecretBytes", "SecureStorage", "SecureWorld",
    ]),
]

let loader = Target.target(
  name: "Loader",
  dependencies: [
    "CBOR", "CHusk", "CLinux", "CLoader", "DeviceStore", "ErrorClass", "ModuleELF", "Protections", "SecureWorld",
  ],
  // Its size counts (SPEC 12.1): no copy of a function for each closure that it is given.
  swiftSettings: swift + [.unsafeFlags(["-Xllvm", "-sil-disable-pass=closure-specialize"])])

let deviceTargets: [Target] = [
  loader,
  secondCopy("StageSecondCheck", ["BootChain", "CSecondCheck", "ErrorClass"]),
  secondCopy("LoadSecondCheck", ["CSecondCheck", "Cryptography", "Decryptor", "ErrorClass", "SecureStorage"]),
  stage("bootrom", ["BootChain", "CStage", "StageSecondCheck"]),
  stage("bootloader", ["BootChain", "CStage", "StageSecondCheck"]),
  stage("decryptor", ["Decryptor", "LoadSecondCheck"]),
  stage("fuseprovider", ["BootChain", "CStage", "StageSecondCheck"]),
]

/// A module of the tools: ordinary Swift, never part of a device.
func host(_ name: String, _ dependencies: [Target.Dependency]) -> Target {
  .target(name: name, dependencies: dependencies, swiftSettings: common)
}

let moduleLint = host("ModuleLint", ["ModuleELF"])

let bundles: [Target] = [
  .target(name: "CHost", cSettings: hardenedC),
  host("HostSupport", ["CHost", "CLinux", "Cryptography", "ErrorClass", "HuskFormat", "SecretBytes"]),
  host("GrantBundle", ["CBOR", "CLinux", "COSE", "Cryptography", "ErrorClass", "HostSupport", "HuskFormat"]),
]

let hostPackages: [Package.Dependency] = [
  .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
]

let hostTargets: [Target] = [
  moduleLint,
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
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "Decryptor", "DeviceStore", "ErrorClass",
      "HostSupport", "HuskFormat", "Packager", "Protections", "SecretBytes", "SecureWorld",
    ]),
  host(
    "HuskCommands",
    [
      "BootChain", "CBOR", "CHusk", "CLinux", "COSE", "Cryptography", "DeviceStore", "ErrorClass", "GrantBundle",
      "HostSupport", "HuskFormat", "ModuleELF", "ModuleLint", "Packager", "Protections", "SecretBytes", "Simulator",
      "Vault",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ]),
  .executableTarget(
    name: "husk", dependencies: ["CLinux", "HuskCommands"], swiftSettings: common,
    linkerSettings: [.unsafeFlags(["-Xlinker", "-z", "-Xlinker", "now"])]),
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

let formatFixtures = Target.target(
  name: "FormatFixtures",
  dependencies: ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "HuskFormat", "SecretBytes"],
  path: "Tests/FormatFixtures", swiftSettings: common)

let testSupport = Target.target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: common)

let storageSimulation = Target.target(
  name: "StorageSimulation", dependencies: ["DeviceStore", "ErrorClass", "TestSupport"],
  path: "Tests/StorageSimulation", swiftSettings: common)

let testTargets: [Target] = [
  .systemLibrary(name: "CZlib", path: "Tests/CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
  testSupport,
  tests("SecretBytesTests", ["CLinux", "SecretBytes"]),
  tests("CBORTests", ["CBOR"]),
  tests("CompressionTests", ["CLibLZ4", "Compression"]),
  tests("CryptographyTests", ["Cryptography", "SecretBytes", "CZlib"]),
  formatFixtures,
  .target(
    name: "DeviceSupport",
    dependencies: [
      "BootChain", "CBOR", "CLinux", "Compression", "Cryptography", "DICE", "DeviceStore", "ErrorClass",
      "FormatFixtures", "HuskFormat", "Protections", "SecretBytes", "SecureWorld", "TestSupport",
    ],
    path: "Tests/DeviceSupport", swiftSettings: common),
  storageSimulation,
  tests("COSETests", ["CBOR", "COSE", "Cryptography", "FormatFixtures", "SecretBytes"]),
  tests("DICETests", ["CBOR", "COSE", "Cryptography", "DICE", "FormatFixtures", "HuskFormat", "SecretBytes"]),
  tests(
    "HuskFormatTests",
    ["CBOR", "COSE", "Cryptography", "DICE", "ErrorClass", "FormatFixtures", "HuskFormat", "SecretBytes"]),
  tests(
    "DeviceStoreTests",
    ["CBOR", "CLinux", "CZlib", "DeviceStore", "DeviceSupport", "ErrorClass", "StorageSimulation"]),
  tests(
    "PowerCutTests",
    [
      "BootChain", "CLinux", "Decryptor", "DeviceStore", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat",
      "SecretBytes", "SecureStorage", "SecureWorld", "StorageSimulation",
    ]),
  tests(
    "SecureStorageTests",
    ["Cryptography", "ErrorClass", "FormatFixtures", "HuskFormat", "SecretBytes", "SecureStorage"]),
  tests(
    "ProtectionsTests",
    ["BootChain", "CBOR", "CLinux", "DeviceSupport", "FormatFixtures", "HuskFormat", "Protections", "SecureWorld"]),
  tests("SecureWorldTests", ["CBOR", "CLinux", "ErrorClass", "Protections", "SecureWorld"]),
  tests(
    "BootChainTests",
    [
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "DeviceStore", "ErrorClass", "FormatFixtures",
      "HuskFormat", "SecretBytes",
    ]),
  tests("DecryptorTests", ["CLinux", "Decryptor", "ErrorClass", "HuskFormat", "SecureWorld"]),
  tests("ModuleELFTests", ["ModuleELF", "ModuleLint"]),
  tests(
    "GrantBundleTests",
    [
      "CBOR", "COSE", "Cryptography", "DeviceSupport", "ErrorClass", "FormatFixtures", "GrantBundle", "HostSupport",
      "HuskFormat", "SecretBytes",
    ]),
  // Imports others for tests, so it can be built for debugging only.
  .target(
    name: "FormatVectors",
    dependencies: [
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "Decryptor", "DeviceStore", "DeviceSupport",
      "ErrorClass", "FormatFixtures", "GrantBundle", "HostSupport", "HuskFormat", "SecretBytes", "SecureStorage",
      "SecureWorld", "TestSupport",
    ],
    path: "Tests/FormatVectors", swiftSettings: common),
  tests(
    "VectorTests",
    [
      "COSE", "Cryptography", "DeviceStore", "DeviceSupport", "ErrorClass", "FormatFixtures", "FormatVectors",
      "GrantBundle", "HostSupport", "HuskFormat", "husk",
    ]),
  tests(
    "MutationTests",
    [
      "CBOR", "CLinux", "COSE", "Cryptography", "Decryptor", "DeviceSupport", "ErrorClass", "FormatFixtures",
      "FormatVectors", "HuskFormat", "SecretBytes", "husk",
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
      "BootChain", "CBOR", "CLinux", "COSE", "Cryptography", "DICE", "DeviceStore", "DeviceSupport", "ErrorClass",
      "FormatFixtures", "HuskFormat", "SecretBytes", "SecureWorld", "husk",
    ]),
  tests(
    "SkippedCheckTests",
    [
      "BootChain", "CLinux", "Cryptography", "DICE", "Decryptor", "DeviceStore", "DeviceSupport", "ErrorClass",
      "FormatFixtures", "HuskFormat", "SecretBytes", "SecureStorage",
    ]),
  tests("ArtefactTests", ["DeviceSupport"]),
  tests(
    "InteropTests",
    [
      "BootChain", "COSE", "Cryptography", "DICE", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat",
      "SecretBytes", "husk",
    ]),
  tests("BoardTests", ["CLinux", "DeviceSupport", "ErrorClass", "husk"]),
  .testTarget(
    name: "ABITests", dependencies: ["DeviceSupport", "TestSupport"], exclude: ["husk.abi"], swiftSettings: common),
  tests(
    "ModuleStoreTests",
    [
      "CLinux", "DeviceStore", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat", "SecureWorld",
      "Simulator",
      "StorageSimulation",
    ]),
  tests(
    "UpdateTests", ["BootChain", "DeviceSupport", "ErrorClass", "FormatFixtures", "HuskFormat", "SecureWorld"]),
  tests("LibraryTests", ["BootChain", "CLinux", "DeviceSupport", "FormatFixtures", "HuskFormat"]),
  tests(
    "IsolationTests",
    [
      "BootChain", "CLinux", "COSE", "Cryptography", "DICE", "DeviceStore", "DeviceSupport", "ErrorClass",
      "FormatFixtures", "HostSupport", "HuskFormat", "SecretBytes", "Vault",
    ]),
]

/// Of the vault, what its files are made of: that takes no database.
let vaultFormats = Target.target(
  name: "Vault", dependencies: ["CBOR", "COSE", "Cryptography", "HostSupport", "HuskFormat", "SecretBytes"],
  path: "Sources/Vault/Formats", swiftSettings: common)

let fuzzTargets: [Target] = [
  moduleLint,
  loader,
  formatFixtures,
  testSupport,
  storageSimulation,
  vaultFormats,
  .target(name: "CFuzzer", path: "Tests/Fuzz/CFuzzer"),
  .executableTarget(
    name: "husk-fuzz",
    dependencies: [
      "BootChain", "CBOR", "CFuzzer", "CLinux", "COSE", "Compression", "Cryptography", "DICE", "Decryptor",
      "DeviceStore", "ErrorClass", "FormatFixtures", "GrantBundle", "HostSupport", "HuskFormat", "Loader", "ModuleELF",
      "ModuleLint", "Protections", "SecretBytes", "SecureStorage", "SecureWorld", "StorageSimulation", "Vault",
    ],
    path: "Tests/Fuzz/husk-fuzz", swiftSettings: common),
]

let package = Package(
  name: "husk",
  products: embedded ? [.library(name: "husk", type: .static, targets: ["Loader"])] : [],
  dependencies: embedded || fuzzing ? [] : hostPackages,
  targets: sharedTargets + (embedded ? deviceTargets : bundles + (fuzzing ? fuzzTargets : hostTargets + testTargets))
)
