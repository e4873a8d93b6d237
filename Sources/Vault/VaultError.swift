import GRDB
public import Cryptography
public import HostSupport
public import HuskFormat

/// Why the vault could not do something.
public enum VaultError: Error, Equatable, Sendable {
  case file(FileError)
  /// Not a database, or another program's.
  case notAVault
  /// Made by a newer version of Husk.
  case newerSchema(found: Int, supported: Int)
  /// The private key isn't the one whose public half the vault was made with.
  case wrongVaultKey
  case unknownModule(Name)
  case unknownEpoch(Name, UInt64)
  /// No epoch comes after the module's latest.
  case lastEpoch(Name)
  /// No sequence number comes after the latest of this device and module.
  case lastSequence(Name)
  /// A content key was not put there by the vault key's holder, or its record was altered or moved.
  case foreignContentKey(Name, UInt64)
  /// A content key that the vault key's holder did put there doesn't open.
  case damagedContentKey(Name, UInt64)
  /// Another process holds it.
  case busy
  case diskFull
  case readOnly
  /// SQLite's own words.
  case database(String)
  case cryptography(CryptographyError)
}

extension VaultError {
  /// What comes out of SQLite and of file handling, in the vault's own terms.
  init(_ error: any Error) {
    switch error {
    case let error as VaultError: self = error
    case let error as FileError: self = .file(error)
    case let error as DatabaseError:
      switch error.resultCode {
      case .SQLITE_BUSY, .SQLITE_LOCKED: self = .busy
      case .SQLITE_FULL: self = .diskFull
      case .SQLITE_READONLY, .SQLITE_CANTOPEN, .SQLITE_PERM: self = .readOnly
      // All statements are Husk's own: where they don't fit, the tables aren't.
      case .SQLITE_NOTADB, .SQLITE_CORRUPT, .SQLITE_ERROR, .SQLITE_MISMATCH, .SQLITE_CONSTRAINT:
        self = .notAVault
      default: self = .database(error.message ?? "\(error.resultCode)")
      }
    case is RowDecodingError: self = .notAVault
    default: self = .database("\(error)")
    }
  }
}
