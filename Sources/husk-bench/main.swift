// What scripts/bench.sh takes its numbers from. Each verb prints `name value` in lines.
import CBaseline
import COSE
import Cryptography
import GrantBundle
import Glibc
import HostSupport
import HuskFormat
import Packager
import SecretBytes

do {
  try initializeCryptography()
  let arguments = Array(CommandLine.arguments.dropFirst())
  switch arguments.first {
  case "parts": try printParts()
  case "beside" where arguments.count >= 2: try runBeside(Array(arguments.dropFirst()))
  case "fleet" where arguments.count == 7: try makeFleet(arguments)
  case "engine" where arguments.count == 2: try issueInMemory(Int(arguments[1]) ?? 0)
  case "hash" where arguments.count >= 2: try hashFiles(Array(arguments.dropFirst()))
  case "look-up" where arguments.count == 3: try lookUp(arguments[1], arguments[2])
  default:
    print(
      """
      husk-bench parts | beside COMMAND… | fleet COUNT ROOT.pem BOOT-ROOT.pub LOADER DECRYPTOR OUTPUT
               | engine COUNT | hash FILE… | look-up BUNDLE ID
      """)
    exit(2)
  }
} catch {
  print("husk-bench: \(error)")
  exit(1)
}

/// Seconds that one of each takes, on this core and now: the best of some rounds, since others may be at work too.
func printParts() throws {
  func best(_ measure: () -> Double) -> Double { (0..<10).map { _ in measure() }.min() ?? 0 }
  print("x25519-keygen", best { baseline_x25519_keygen(500) })
  print("x25519", best { baseline_x25519_derive(500) })
  print("ed25519-sign", best { baseline_ed25519_sign(500, 330) })
  print("ed25519-verify", best { baseline_ed25519_verify(500, 330) })
  print("cores", Pipeline.width)
}

/// Writes the identities of devices that don't exist, one behind the other.
func makeFleet(_ arguments: [String]) throws {
  let fleet = try Fleet(
    root: KeyReader(passphrases: PassphraseSource(descriptor: nil)).signingKey(arguments[2]),
    bootRoot: COSEKey.thumbprint(readSigningPublicKey(arguments[3])), loader: readFile(arguments[4], atMost: 1 << 30),
    decryptor: readFile(arguments[5], atMost: 1 << 30))
  let output = try OutputFile(arguments[6], mode: 0o644)
  var left = Int(arguments[1]) ?? 0
  try Pipeline.run(
    next: { () -> Int? in
      guard left > 0 else { return nil }
      defer { left -= min(left, 256) }
      return min(left, 256)
    },
    work: { count in try (0..<count).flatMap { _ in try fleet.makeIdentity() } },
    deliver: { try output.write($0.span.bytes) })
  try output.publish()
}

/// Issues grants without a vault or a file: what the cryptography and the encoding take.
func issueInMemory(_ count: Int) throws {
  let now: UInt64 = 1_800_000_000
  guard let module = Name("com.example.module".utf8), let scope = Scope("com.example.".utf8) else { return }
  let root = try SigningKey.generate(.edDSA)
  let key = try SigningKey.generate(.edDSA)
  let chain = try issueCertificate(
    CertificateRequest(subject: "vendor", key: key.publicKey(), roles: [.grant], scope: scope, depth: 1), issuer: root,
    chain: nil, now: now)
  let vendor = try SigningIdentity(key: key, chain: chain, role: .grant, now: now)
  let terms = CommonGrantTerms(module: module, epoch: 1, issuedAt: now, lifecycle: .secured)
  let issuer = try GrantIssuer(
    terms, contentKey: randomSecret(count: 32), signer: vendor.makeJobKey(for: terms, now: now), now: now)
  let recipients = try (0..<256).map { _ in
    GrantRecipient(
      deviceID: try randomBytes(count: 32), grantKey: try X25519PrivateKey.generate().publicKey, lifecycle: .secured)
  }
  var made = 0
  try Pipeline.run(
    next: { () -> Int? in
      guard made < count else { return nil }
      defer { made += recipients.count }
      return min(recipients.count, count - made)
    },
    work: { count in
      var sender = try HPKE.Sender()
      for recipient in recipients[..<count] { _ = try issuer.issue(to: recipient, sequence: 1, &sender) }
    },
    deliver: { _ in })
}

/// Looks a device up in a bundle: with the directory read for it, and with one that is in memory, as a server has it.
func lookUp(_ path: String, _ digits: String) throws {
  let id = stride(from: 0, to: digits.utf8.count, by: 2).compactMap {
    UInt8(digits.dropFirst($0).prefix(2), radix: 16)
  }
  var cold: [Double] = []
  var warm: [Double] = []
  for _ in 0..<20 {
    let start = seconds(CLOCK_MONOTONIC)
    let bundle = try BundleReader(path)
    let opened = seconds(CLOCK_MONOTONIC)
    guard try !bundle.grants(of: id).isEmpty else { throw FileError(path, .notFound) }
    let end = seconds(CLOCK_MONOTONIC)
    cold.append(end - start)
    warm.append(end - opened)
  }
  print("whole", cold.sorted()[10])
  print("in-memory-directory", warm.sorted()[10])
}

/// What SHA-256 and SHA-512 of files take: the best of some rounds.
func hashFiles(_ paths: [String]) throws {
  for path in paths {
    let bytes = try readFile(path, atMost: 1 << 30)
    var best = Double.infinity
    for _ in 0..<20 {
      let start = seconds(CLOCK_THREAD_CPUTIME_ID)
      _ = try SHA256.hash(bytes.span.bytes)
      _ = try SHA512.hash(bytes.span.bytes)
      best = min(best, seconds(CLOCK_THREAD_CPUTIME_ID) - start)
    }
    print(path, best)
  }
}

func seconds(_ clock: clockid_t) -> Double {
  var time = timespec()
  clock_gettime(clock, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}
