import CBaseline
import COSE
import CBOR
import Cryptography
import HuskFormat
import SecretBytes
import GrantBundle
import HostSupport
import Packager
import Glibc

func wall() -> Double { var t = timespec(); clock_gettime(CLOCK_MONOTONIC, &t); return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9 }
func pcpu() -> Double { var t = timespec(); clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t); return Double(t.tv_sec) + Double(t.tv_nsec) * 1e-9 }
func go() throws {
let n = Int(CommandLine.arguments[1])!
let g = baseline_x25519_keygen(5000), d = baseline_x25519_derive(5000), s = baseline_ed25519_sign(5000, 470)
print("keygen \(g*1e6) derive \(d*1e6) sign \(s*1e6) sum \((g+d+s)*1e6)")
let dev = try X25519PrivateKey.generate()
let pub = dev.publicKey
let root = try SigningKey.generate(.edDSA)
let key = try SigningKey.generate(.edDSA)
let now: UInt64 = 1_800_000_000
let chain = try issueCertificate(CertificateRequest(subject: "x", key: key.publicKey(), roles: [.grant], scope: Scope("com.acme.".utf8)!, depth: 1), issuer: root, chain: nil, now: now)
let signer = try SigningIdentity(key: key, chain: chain, role: .grant, now: now)
let terms = CommonGrantTerms(module: Name("com.acme.codec".utf8)!, epoch: 3, issuedAt: now, lifecycle: .secured)
let issuer = try GrantIssuer(terms, contentKey: randomSecret(count: 32), signer: signer.makeJobKey(for: terms, now: now), now: now)
let t = wall(), c = pcpu()
let path = CommandLine.arguments[2]
let spool = try GrantSpool(creating: path + ".partial")
var made = 0, written: UInt64 = 0
var run: [GrantRecord] = []
try Pipeline.run(next: { () -> Range<Int>? in
  guard made < n else { return nil }
  defer { made += 256 }
  return made..<min(n, made + 256)
}, work: { range in
  try range.map { i in
    let v = UInt64(i)
    let b = (0..<8).map { UInt8(truncatingIfNeeded: v >> ($0 * 8)) }
    let id = try SHA256.hash(b.span.bytes)
    return try issuer.issue(to: GrantRecipient(deviceID: id, grantKey: pub, lifecycle: .secured), sequence: 1)
  }
}, deliver: { records in
  run += records
  if run.count >= GrantSpool.runLength { try spool.write(run, at: written); written += UInt64(run.count); run = [] }
})
if !run.isEmpty { try spool.write(run, at: written); written += UInt64(run.count) }
let t1 = wall()
try spool.publish([(issuer.series, written)], to: path, replaces: .nothing)
unlink(path + ".partial")
let e = wall() - t, ec = pcpu() - c
print("wall \(e) merge \(wall() - t1) cpu \(ec) per grant cpu \(ec / Double(n) * 1e6) wall*2 \(e * 2 / Double(n) * 1e6) ratio cpu \((g+d+s) * Double(n) / ec) ratio wall \((g+d+s) * Double(n) / e / Double(Pipeline.width))")
let t2 = wall()
let reader = try BundleReader(path)
let t3 = wall()
let v: [UInt8] = [5,0,0,0,0,0,0,0]
let found = try reader.grants(of: SHA256.hash(v.span.bytes))
print("open \((t3 - t2)*1e3) ms lookup \((wall() - t3)*1e6) us found \(found.count)")
let grant = try GrantFile(found[0].file)
print(try grant.verify(with: ChainVerifier(anchors: TrustAnchors(thumbprints: [COSEKey.thumbprint(root.publicKey())]), time: hostTime(now))).value.unwrap(with: dev).count)
var ru = rusage(); getrusage(RUSAGE_SELF.rawValue == 0 ? 0 : 0, &ru); print("rss \(ru.ru_maxrss) KiB")
}
try go()
