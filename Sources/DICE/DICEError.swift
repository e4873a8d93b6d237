public import COSE

/// Why a DICE certificate was refused.
public enum DICEError: Error, Equatable, Sendable {
  /// Not signed by the issuer's key in the way that the profile demands.
  case cose(COSEError)
  /// Its issuer or subject isn't the identifier of the key in that place, or its key isn't one to sign certificates with.
  case claimsMismatch
}
