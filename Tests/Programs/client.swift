// A firmware in Swift: loads the module that it is told, and prints what is known of it. client.cpp does the same.
import CHusk
import Glibc

let flash: Int32 = 4
let name = CommandLine.arguments[1]

func require(_ status: husk_status) {
  if status != husk_status(HUSK_OK) { exit(status) }
}

var openOptions = husk_open_options()
openOptions.size = MemoryLayout<husk_open_options>.size
openOptions.log = { _, level, message in print("log \(level): \(message.map { String(cString: $0) } ?? "")") }
var device: OpaquePointer?
require(husk_open(HUSK_INHERITED_SOCKET, &openOptions, &device))

var options = husk_load_options()
options.size = MemoryLayout<husk_load_options>.size
options.progress = { _, _, _ in 0 }
let package = openat(flash, "modules/\(name).husk", O_RDONLY)
let grant = openat(flash, "grants/\(name).grant", O_RDONLY)
var module: OpaquePointer?
let status = husk_load_fd(device, package, grant, &options, &module)
print("load: \(String(cString: husk_status_string(status)))")
require(status)

var info = husk_module_info()
info.size = MemoryLayout<husk_module_info>.size
require(husk_module_get_info(module, &info))
print("\(String(cString: info.name)) \(info.version.0).\(info.version.1).\(info.version.2)")

var address: UnsafeMutableRawPointer?
require(husk_symbol(module, "counter_next", &address))
typealias Next = @convention(c) () -> Int32
print("count \(unsafeBitCast(address, to: Next.self)())")

var protections = [husk_protection](repeating: husk_protection(), count: Int(HUSK_PROTECTIONS_MAX))
protections[0].size = MemoryLayout<husk_protection>.size
var count = 0
require(husk_protections(device, &protections, protections.count, &count))
print("first: \(String(cString: protections[0].name))")
husk_unload(module)
husk_close(device)
