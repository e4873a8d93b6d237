import CSecondCheck
import Cryptography
import Decryptor
import ErrorClass
import SecureStorage

// The second copy of what decides about loads, and of what they are decided against (SPEC 15.4): the decryptor is linked with
// code of its own for everything that this needs.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

@c @implementation
public func second_check_prepare() {
  // Whatever is missing is missing then, too.
  do throws(CryptographyError) { try initializeCryptography() } catch {}
}

@c @implementation
public func second_check_load(_ check: UnsafeRawPointer!, _ digest: UnsafeMutablePointer<UInt8>!) -> Int32 {
  do throws(ErrorClass) {
    let result = try check.assumingMemoryBound(to: LoadCheck.self).pointee.perform()
    digest.update(from: result, count: result.count)
    return 0
  } catch {
    return error.rawValue
  }
}

@c @implementation
public func second_check_status_list(_ check: UnsafeRawPointer!, _ digest: UnsafeMutablePointer<UInt8>!) -> Int32 {
  do throws(ErrorClass) {
    let result = try check.assumingMemoryBound(to: StatusListCheck.self).pointee.digest()
    digest.update(from: result, count: result.count)
    return 0
  } catch {
    return error.rawValue
  }
}

@c @implementation
public func second_check_storage(_ check: UnsafeRawPointer!, _ digest: UnsafeMutablePointer<UInt8>!) -> Int32 {
  do throws(ErrorClass) {
    let result = try check.assumingMemoryBound(to: StorageCheck.self).pointee.perform()
    digest.update(from: result, count: result.count)
    return 0
  } catch {
    return error.rawValue
  }
}
