import CBOR
import ErrorClass
import FormatFixtures

/// A part of an object, and the classes with which it is refused when a bit of that part is another.
struct Site: CustomStringConvertible {
  let description: String
  let range: Range<Int>
  let classes: Set<ErrorClass>
}

/// Takes an object apart from its beginning to its end, and says of each part what may become of it.
struct SiteMap {
  private(set) var sites: [Site] = []
  private let object: [UInt8]

  init(_ object: [UInt8]) {
    self.object = object
  }

  /// A part of some bytes.
  mutating func bytes(_ description: String, _ count: Int, _ classes: ErrorClass...) {
    site(description, Set(classes), to: end + count)
  }

  private mutating func site(_ description: String, _ classes: Set<ErrorClass>, to limit: Int) {
    sites.append(Site(description: description, range: end..<limit, classes: classes))
  }

  /// The head of an array, a map or a tag: what isn't the right one is malformed.
  mutating func head(_ description: String, count: Int = 1) {
    site(description, [.malformed], to: end + count)
  }

  /// Where the next part begins.
  var end: Int { sites.last?.range.upperBound ?? 0 }

  /// A byte string: its head, and then its content.
  private mutating func string(
    _ description: String, head: Set<ErrorClass> = [.malformed], classes: Set<ErrorClass>
  ) throws {
    var reader = CBORReader(object[end...])
    let count = Int(try reader.readBytesHead())
    site("\(description), head", head, to: reader.position)
    site(description, Set(classes), to: reader.position + count)
  }

  /// A COSE_Sign1 (SPEC 2.2).
  ///
  /// - Parameter payload: the classes of its payload.
  mutating func sign1(_ description: String, payload: ErrorClass...) throws {
    try beginSign1(description)
    try string("\(description), payload", classes: Set(payload))
    endSign1(description)
  }

  /// A COSE_Sign1 whose payload begins with a version.
  ///
  /// - Parameters:
  ///   - count: of the payload's bytes up to the version, and the classes of these bytes.
  ///   - others: the classes of the other bytes.
  mutating func signedMap(
    _ description: String, first count: Int, _ first: ErrorClass..., others: Set<ErrorClass>
  ) throws {
    try beginSign1(description)
    var reader = CBORReader(object[end...])
    let size = Int(try reader.readBytesHead())
    site("\(description), payload's head", [.malformed], to: reader.position)
    site("\(description), version", Set(first), to: reader.position + count)
    site("\(description), payload", others, to: reader.position + size)
    endSign1(description)
  }

  private mutating func beginSign1(_ description: String) throws {
    head("\(description), tag and array", count: 2)
    // Another alg is malformed, another typ role-mismatch; what doesn't parse at all is malformed.
    try string("\(description), protected header", classes: [.malformed, .roleMismatch])
    head("\(description), unprotected header")
  }

  private mutating func endSign1(_ description: String) {
    // A signature that is another doesn't verify, whatever bit it is.
    site("\(description), signature's head", [.malformed], to: end + 2)
    site("\(description), signature", [.signatureInvalid], to: end + 64)
  }

  /// A certificate chain (SPEC 3.1), with an Ed25519 root.
  mutating func chain(certificates: Int) throws {
    head("chain")
    head("root, members", count: 8)
    // Another key is one that nobody trusts, or none.
    site("root, x", [.untrustedRoot, .malformed], to: end + 32)
    // More than there may be are beyond a limit.
    bytes("certificates", 1, .malformed, .limitExceeded)
    for index in 0..<certificates {
      // Claims are parsed, then the depth is compared, then the signature is checked. Roles, scope and times come later.
      try sign1(
        "certificate \(index + 1)", payload: .malformed, .limitExceeded, .chainInvalid, .signatureInvalid)
    }
  }
}
