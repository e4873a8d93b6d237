public import HuskFormat

/// A status list to be made. What isn't changed is as it should be: it speaks for `com.acme.` and refuses nothing.
public struct StatusListFixture: Sendable {
  public var chain = ChainFixture(
    root: .bootRoot,
    [
      LinkFixture("Acme", [.module, .grant, .status], scope: "com.acme.", depth: 1),
      LinkFixture("Acme status", [.status], scope: "com.acme."),
    ])
  public var list = StatusList(scope: testScope("com.acme."), number: 1, issuedAt: Moment.issued)
  public var type: StaticString = StatusList.type
  /// Signs instead of the chain's last key.
  public var signer: TestKey?
  /// Changes the list before it is signed.
  public var edit: Edit = { $0 }

  public init() {}

  public func file() throws -> [UInt8] {
    StatusListFile.encode(
      chain: try chain.encoded(), signedList: try (signer ?? chain.last).sign(edit(list.encoded()), type: type))
  }
}
