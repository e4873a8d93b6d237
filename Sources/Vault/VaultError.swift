public import Cryptography
import GRDB
public import HostSupport
public import HuskFormat

/// Why the vault could not do something.
public enum VaultError: Error, Equatable, Sendable {
  // MARK: The file

  case file(FileError)
  /// Not a database, or another program's.
  case notAVault
  /// A database, but not as Husk would have written it: `vault check` tells more.
  case damaged(Part)
  /// Its tables, indexes, triggers or views aren't those of its version: which one, and what about it.
  case altered(String, Alteration)
  /// Made by a newer version of Husk.
  case newerSchema(found: Int, supported: Int)
  /// Made by an older version of Husk, and opened for reading only: it can't be brought up to date.
  case olderSchema(found: Int, supported: Int)
  /// It can only be read here, but what was written last lies in a file beside it that can't be taken in.
  case unfinished
  /// Another process holds it.
  case busy
  case diskFull
  case readOnly
  /// SQLite's own words.
  case database(String)
  case cryptography(CryptographyError)

  // MARK: Its key

  /// The passphrase or key isn't this vault's.
  case wrongVaultKey(UnlockingMethod)
  /// It is unlocked by the other kind of secret.
  case wrongUnlocking(needed: UnlockingMethod)
  /// The vault key was rotated since it was unlocked.
  case vaultKeyRotated
  /// A record was not made with the vault key, or was altered.
  case foreignRecord(Part)

  // MARK: What is asked for

  /// The file isn't what a vault exported, or isn't whole.
  case notAnExport
  /// The export isn't signed by who was to vouch for it.
  case exportNotSigned
  /// Nothing that devices may be selected by: ``DeviceLabel``.
  case unusableLabel
  /// The clock says an earlier time than the vault's latest event had, seconds since 1970.
  case clockSetBack(now: UInt64, latest: UInt64)
  case unknownModule(Name)
  case unknownEpoch(Name, UInt64)
  /// No epoch comes after the module's latest.
  case lastEpoch(Name)
  /// No sequence number comes after the latest of this device and module.
  case lastSequence(Name)
  /// A content key doesn't open: it was altered, moved, or not made with this vault's key.
  case damagedContentKey(Name, UInt64)
  case noSuchDevice(String)
  /// Several devices' ids begin so.
  case ambiguousDevice(String)
  case noSuchTag(String)
  case noSuchBatch(String)
  case noSuchTrust(String)
  case ambiguousTrust(String)
  /// A device in this state gets no grants.
  case statusForbidsGrants(DeviceStatus)
  /// What a device was added on the strength of isn't trusted any more.
  case untrusted(Trust.Kind, [UInt8])
  /// A decommissioned device stays so.
  case decommissioned
  /// The device was re-keyed or updated since its record was read.
  case deviceChanged

  /// What was done to something that a vault's file consists of.
  public enum Alteration: Equatable, Sendable {
    /// It isn't Husk's, or isn't as Husk made it.
    case changed
    case missing
  }

  /// What is damaged.
  public enum Part: Equatable, Sendable {
    case meta
    case module
    case contentKey
    case trust
    case platform
    case device
    case tag
    case identity
    case statusChange
    case grant
    case event
    case package
    case job
  }
}

extension VaultError {
  /// What comes out of SQLite and of file handling, in the vault's own terms.
  init(_ error: any Error) {
    switch error {
    case let error as VaultError: self = error
    case let error as FileError: self = .file(error)
    case let error as CryptographyError: self = .cryptography(error)
    case ExportError.notAnExport: self = .notAnExport
    case ExportError.notSigned: self = .exportNotSigned
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
