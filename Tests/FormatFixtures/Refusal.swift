public import HuskFormat
public import ErrorClass

/// The class with which something is refused; nil if it isn't.
public func refusal(_ body: () throws(FormatError) -> Void) -> ErrorClass? {
  do throws(FormatError) {
    try body()
    return nil
  } catch {
    return error.errorClass
  }
}

extension PackageFixture {
  /// How a device refuses the package.
  public func refusal(as role: Role? = nil, by verifier: ChainVerifier = .device) throws -> ErrorClass? {
    let file = try file()
    return FormatFixtures.refusal { () throws(FormatError) in
      _ = try PackageFront(file).verify(role: role ?? manifest.role, fileSize: UInt64(file.count), with: verifier)
    }
  }
}

extension GrantFixture {
  /// How a device refuses the grant, whatever it is for.
  public func refusal(by verifier: ChainVerifier = .device) throws -> ErrorClass? {
    let file = try file()
    return FormatFixtures.refusal { () throws(FormatError) in _ = try GrantFile(file).verify(with: verifier) }
  }
}

extension IdentityFixture {
  /// How a vendor refuses the identity.
  public func refusal(by verifier: ChainVerifier = .vendor) throws -> ErrorClass? {
    let file = try file()
    return FormatFixtures.refusal { () throws(FormatError) in
      _ = try IdentityFile(file).verify(by: verifier)
    }
  }
}
