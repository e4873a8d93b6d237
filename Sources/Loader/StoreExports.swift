public import CHusk
import CLoader
import DeviceStore
import ErrorClass
import SecureWorld

// The functions of husk.h that concern a store; see Exports.swift.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, NoLeadingUnderscores

@c @implementation
public func husk_store_open(
  _ device: OpaquePointer!, _ flash_fd: Int32, _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in try Store(borrow(device, as: Device.self), flash: flash_fd) }
}

@c @implementation
public func husk_store_close(_ store: OpaquePointer!) {
  release(store, as: Store.self)
}

@c @implementation
public func husk_load_installed(
  _ store: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ options: UnsafePointer<husk_load_options>!,
  _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  handOut(out) { () throws(ErrorClass) in
    guard let name else { throw .invalidArgument }
    let store = try borrow(store, as: Store.self)
    return try store.load(bytes(name), husk_load_options(reading: options, store.device.log))
  }
}

@c @implementation
public func husk_module_confirm(_ store: OpaquePointer!, _ module: OpaquePointer!) -> husk_status {
  status { () throws(ErrorClass) in
    try use(store, as: Store.self).confirm(borrow(module, as: Module.self))
  }
}

@c @implementation
public func husk_check_fd(
  _ device: OpaquePointer!, _ fd: Int32, _ progress: husk_progress_callback!, _ user: UnsafeMutableRawPointer!,
  _ info: UnsafeMutablePointer<husk_file_info>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard fd >= 0 else { throw .invalidArgument }
    let device = try use(device, as: Device.self)
    var teller = ProgressTeller(progress, user)
    try write(
      device.checkWhole(fd) { (done, total) throws(ErrorClass) in try teller.report(done, of: total) }, to: info)
  }
}

@c @implementation
public func husk_install_begin(
  _ store: OpaquePointer!, _ options: UnsafePointer<husk_install_options>!, _ offset: UnsafeMutablePointer<UInt64>!,
  _ out: UnsafeMutablePointer<OpaquePointer?>!
) -> husk_status {
  offset?.pointee = 0
  return handOut(out) { () throws(ErrorClass) in
    let install = try Install(borrow(store, as: Store.self), husk_install_options(reading: options))
    offset?.pointee = install.position
    return install
  }
}

@c @implementation
public func husk_install_write(
  _ install: OpaquePointer!, _ bytes: UnsafeRawPointer!, _ count: Int
) -> husk_status {
  status { () throws(ErrorClass) in
    guard bytes != nil || count == 0, count >= 0 else { throw .invalidArgument }
    try use(install, as: Install.self).take(UnsafeRawBufferPointer(start: bytes, count: count))
  }
}

@c @implementation
public func husk_install_finish(
  _ install: OpaquePointer!, _ info: UnsafeMutablePointer<husk_file_info>!
) -> husk_status {
  status { () throws(ErrorClass) in try write(use(install, as: Install.self).finish(), to: info) }
}

@c @implementation
public func husk_install_close(_ install: OpaquePointer!) {
  release(install, as: Install.self)
}

@c @implementation
public func husk_install_fd(
  _ store: OpaquePointer!, _ fd: Int32, _ options: UnsafePointer<husk_install_options>!,
  _ info: UnsafeMutablePointer<husk_file_info>!
) -> husk_status {
  status { () throws(ErrorClass) in
    let options = try husk_install_options(reading: options)
    guard fd >= 0, options.resume == nil else { throw .invalidArgument }
    let install = try Install(use(store, as: Store.self), options)
    try install.takeAll(from: fd)
    try write(install.finish(), to: info)
  }
}

@c @implementation
public func husk_store_usage(_ store: OpaquePointer!, _ usage: UnsafeMutablePointer<husk_usage>!) -> husk_status {
  status { () throws(ErrorClass) in
    guard let usage else { throw .invalidArgument }
    var all = try use(store, as: Store.self).usage()
    try write(&all, MemoryLayout<husk_usage>.size, to: usage)
  }
}

@c @implementation
public func husk_store_modules(
  _ store: OpaquePointer!, _ modules: UnsafeMutablePointer<husk_stored_module>!, _ capacity: Int,
  _ count: UnsafeMutablePointer<Int>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let count, modules != nil || capacity == 0 else { throw .invalidArgument }
    count.pointee = 0
    try use(store, as: Store.self).describeModules(modules, capacity, count)
  }
}

@c @implementation
public func husk_store_history(
  _ store: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ events: UnsafeMutablePointer<husk_event>!,
  _ capacity: Int, _ count: UnsafeMutablePointer<Int>!
) -> husk_status {
  status { () throws(ErrorClass) in
    guard let name, let count, events != nil || capacity == 0 else { throw .invalidArgument }
    count.pointee = 0
    try use(store, as: Store.self).describeHistory(of: bytes(name), events, capacity, count)
  }
}

// MARK: - Helpers

private func write(_ file: CheckedFile, to info: UnsafeMutablePointer<husk_file_info>?) throws(ErrorClass) {
  guard let info else { return }
  var all = husk_file_info()
  all.version = triple(file.version)
  all.security_version = file.securityVersion
  all.epoch = file.epoch
  all.number = file.number
  all.file_size = file.payloadOffset &+ file.payloadSize
  copy(file.digest, to: &all.identity, MemoryLayout.size(ofValue: all.identity) + 1)
  copy(file.role, to: &all.role, MemoryLayout.size(ofValue: all.role))
  copy(file.name, to: &all.name, MemoryLayout.size(ofValue: all.name))
  try write(&all, MemoryLayout<husk_file_info>.size, to: info)
}
