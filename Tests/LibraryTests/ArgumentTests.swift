import DeviceSupport
import Foundation
import TestSupport
import Testing

@Suite("libhusk", .serialized, .enabled(if: devicesAvailable, "\(needsDevice)"))
struct ArgumentTests {
  @Test("answers null and wrong arguments to every function with a status")
  func arguments() throws {
    let outcome = try Bench.device().boot("arguments", "com.acme.counter")
    #expect(
      outcome.stdout == """
        open, null out: 64
        open, no descriptor: 64
        device after that: 0
        open, closed descriptor: 64
        open, not a socket: 64
        open, nobody at the other end: 66
        open, bad options: 64
        connect, null path: 64
        connect, null out: 64
        connect, bad options: 64
        connect, no such path: 65
        connect, not a folder: 65
        connect, not a socket: 64
        load, null device: 64
        module after that: 0
        load, null out: 64
        load, no package: 64
        load, no grant: 64
        load, closed package: 64
        load, closed grant: 64
        load, package a folder: 28
        load, grant a socket: 28
        load, grant as package: 1
        load, package as grant: 1
        load, unreadable package: 28
        load, options of no size: 64
        load, options of no size: 64
        load, options of no size: 64
        load, options of no size: 64
        load, options of no size: 64
        load, options of an earlier version: 0
        load, options of a later version: 0
        load, an option of a later version: 64
        load by path, null package: 64
        load by path, null grant: 64
        load by path, no such file: 65
        load by path, null out: 64
        symbol, null module: 64
        address after that: 0
        symbol, null name: 64
        symbol, null out: 64
        symbol, empty name: 65
        symbol, no such: 65
        info, null module: 64
        info, null out: 64
        identity, null device: 64
        identity, null length: 64
        identity, null buffer: 64
        identity, no room: 3
        untouched: 0
        identity, only its length: 3
        protections, null count: 64
        protections, null buffer: 64
        protections, no room: 3
        untouched: 0
        protections, no size: 64
        store, null device: 64
        store after that: 0
        store, null out: 64
        store, closed descriptor: 64
        store, not a folder: 64
        store: 0
        installed, null store: 64
        module after that: 0
        installed, null name: 64
        installed, null out: 64
        installed, no name: 65
        installed, no such: 65
        installed, options of no size: 64
        confirm, null store: 64
        confirm, null module: 64
        confirm, not on trial: 0
        check, null device: 64
        check, no descriptor: 64
        check, a folder: 28
        check, info of no size: 64
        check: 0
        begin, null store: 64
        after that: 0
        begin, null out: 64
        begin, options of no size: 64
        begin, no name: 64
        begin: 0
        write, null install: 64
        write, null bytes: 64
        write, no bytes: 0
        finish, null install: 64
        finish, nothing: 33
        finish again: 64
        write after that: 64
        install, null store: 64
        install, no descriptor: 64
        install, a folder: 28
        install, to resume: 64
        usage, null store: 64
        usage, null out: 64
        usage, no size: 64
        modules, null store: 64
        modules, null count: 64
        modules, null buffer: 64
        modules: 0
        history, null name: 64
        history, null count: 64
        history, null buffer: 64
        history, no name: 0
        an unknown event: 0
        version 0.4.0 4000

        """)
    #expect(outcome.stderr == "")
    #expect(outcome.status == 0)
  }

  @Test("fills in as much of a struct as the caller has")
  func structSizes() throws {
    let outcome = try Bench.device().boot("info", "com.acme.counter")
    #expect(outcome.stdout.hasPrefix("com.acme.counter 1.2.3 security version "))
    #expect(outcome.stdout.hasSuffix("epoch 7, \(try Data(contentsOf: Bench.counter()).count) bytes\n"))
    #expect(outcome.stderr == "")
  }

  @Test("has a text for every status of husk.h, each another, and one for all other numbers")
  func statusTexts() throws {
    let header = try String(contentsOf: Release.host.header, encoding: .utf8)
    let known = Set(
      header.matches(of: /HUSK_(?:OK|E_[A-Z_]+) = ([0-9]+)/).compactMap { Int($0.output.1) })
    #expect(known.count == 46)
    let outcome = try Bench.device([:]).boot("strings")
    var texts: [Int: String] = [:]
    for line in outcome.stdout.split(separator: "\n") {
      let parts = line.split(separator: " ", maxSplits: 1)
      texts[try #require(Int(parts[0]))] = String(parts[1])
    }
    #expect(texts.keys.sorted() == Array(-5...200))
    for (number, text) in texts {
      #expect((text == "unknown status") == !known.contains(number), "\(number): \(text)")
    }
    #expect(Set(known.compactMap { texts[$0] }).count == known.count)
  }
}
