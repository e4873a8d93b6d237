import ErrorClass
import FormatFixtures
import HuskFormat
import TestSupport

/// Who looks at a vector's object: what it trusts, and what it knows of the present.
struct Settings {
  var roots: [(thumbprint: [UInt8], isRevoked: Bool)] = [(TestKey.bootRoot.thumbprint, false)]
  var role: Role?
  var clock = Clock.trusted(Moment.present)

  enum Clock {
    case trusted(UInt64)
    case lowerBound(UInt64)
  }

  init(role: Role? = nil) {
    self.role = role
  }

  /// Writes the headers.
  func add(to vector: inout Vector) {
    for root in roots { vector.add("root", hex(root.thumbprint) + (root.isRevoked ? " revoked" : "")) }
    if let role { vector.add("role", String(decoding: role.bytes, as: UTF8.self)) }
    switch clock {
    case .trusted(let time): vector.add("clock", "trusted \(time)")
    case .lowerBound(let time): vector.add("clock", "lower-bound \(time)")
    }
  }

  /// Reads the headers.
  init(_ vector: Vector) throws {
    roots = try vector.words("root", count: 1...2).map { (bytes(fromHex: $0[0]), $0.dropFirst() == ["revoked"]) }
    if let text = vector.value("role") {
      role = Role(text.utf8)
      guard role != nil else { throw VectorError.unknown("role") }
    }
    guard let words = try vector.words("clock", count: 2...2).first, let time = UInt64(words[1]) else { return }
    clock = words[0] == "trusted" ? .trusted(time) : .lowerBound(time)
  }

  var verifier: ChainVerifier {
    var revoked: UInt8 = 0
    for (slot, root) in roots.enumerated() where root.isRevoked { revoked |= 1 << UInt8(slot) }
    return ChainVerifier(anchors: TrustAnchors(thumbprints: roots.map(\.thumbprint), revoked: revoked), time: time)
  }

  var time: TimeBasis {
    switch clock {
    case .trusted(let time): TimeBasis(lowerBound: 0, trustedClock: time)
    case .lowerBound(let time): TimeBasis(lowerBound: time, trustedClock: nil)
    }
  }
}
