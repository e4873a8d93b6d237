import Cryptography
public import HuskFormat

/// Signs a status list (SPEC 5.3); returns the status-list file.
///
/// - Parameters:
///   - list: what to refuse. Its number and issue time are set here: one more than the previous list's, and `now`.
///   - previous: the scope's list before this one, verified; nil for the first.
///   - now: seconds since 1970.
/// - Throws: `scopeViolation`, `statusList`, `cryptography`.
public func issueStatusList(
  _ list: StatusList, after previous: Verified<StatusList>?, signer: borrowing SigningIdentity, now: UInt64
) throws(PackagingError) -> [UInt8] {
  guard signer.authority.scope.contains(list.scope) else { throw .scopeViolation(signer.authority.scope) }
  guard previous.map({ $0.value.scope == list.scope }) ?? true else { throw .statusList(.otherScope) }
  let number = (previous?.value.number ?? 0) + 1
  guard number < Limits.number else { throw .statusList(.lastNumber) }
  var list = list
  list.number = number
  list.issuedAt = max(now, previous?.value.issuedAt ?? 0)
  let payload = list.encoded()
  do throws(FormatError) {
    // What every reader would refuse isn't signed: too many entries, names outside the scope.
    _ = try StatusList(parsing: payload[...])
  } catch {
    throw .statusList(.entries(error))
  }
  let signed = try signer.sign(payload, type: StatusList.type)
  return StatusListFile.encode(chain: signer.chain.encoded, signedList: signed)
}
