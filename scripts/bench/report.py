"""Prints what a section of scripts/bench.sh measured, from the files that it left in the current folder."""
import os, sys


def values(path):
    """Lines of a name and a number."""
    return {name: float(value) for name, value in (line.split() for line in open(path))}


def row(what, value, note=""):
    print(f"{what:<52}{value:>12}  {note}")


def micro(seconds):
    return f"{seconds * 1e6:.1f} µs"


def milli(seconds):
    return f"{seconds * 1e3:.2f} ms"


def mib(size):
    return f"{size / (1 << 20):.1f} MiB"


def bound(run):
    return run["x25519-keygen"] + run["x25519"] + run["ed25519-sign"]


def grants(few, many):
    few, many = few + 1, many + 1
    runs = {name: values(name) for name in ("engine", "import-few", "import-many", "grant-few", "grant-many", "extract")}
    engine, importing, granting, look_up = runs["engine"], runs["import-many"], runs["grant-many"], values("look-up")
    cores = os.cpu_count()
    print(f"\ngrants: {many} devices, {cores} cores. Ratios are of processor time, beside what was sampled meanwhile.")
    each = engine["processor"] / 20000
    row("X25519 key + X25519 + Ed25519 signature", micro(bound(engine)))
    row("a grant, issued in memory", micro(each), f"with {256} keys of devices made first")
    row("  ratio per core", f"{bound(engine) / each:.2f}", "target 0.85")
    each = granting["processor"] / many
    row("X25519 key + X25519 + Ed25519 signature", micro(bound(granting)),
        " + ".join(micro(granting[name]) for name in ("x25519-keygen", "x25519", "ed25519-sign")))
    row("a grant, from vault to bundle", micro(each), "reading, recording, sorting included")
    row("  ratio per core", f"{bound(granting) / each:.2f}", "target 0.85")
    row("  ratio of all cores", f"{bound(granting) * many / (granting['wall'] * cores):.2f}",
        "by the clock on the wall: of a machine without others")
    row("grants per second", f"{many / granting['wall']:.0f}",
        f"{granting['wall']:.1f} s; {many / granting['processor']:.0f} per second of processor time")
    verifies = 4 * importing["ed25519-verify"]
    each = importing["processor"] / many
    row("4 Ed25519 verifications", micro(verifies))
    row("an identity imported", micro(each))
    row("  ratio per core", f"{verifies / each:.2f}")
    row("identities imported per second", f"{many / importing['wall']:.0f}",
        f"{importing['wall']:.1f} s; {many / importing['processor']:.0f} per second of processor time")
    for verb in ("import", "grant"):
        for count, name in ((few, "few"), (many, "many")):
            row(f"peak memory of {verb}, {count} devices", mib(runs[f"{verb}-{name}"]["memory"] * 1024),
                "target 100 MiB, flat" if name == "many" else "")
    row("look-up in the bundle, its directory in memory", micro(look_up["in-memory-directory"]))
    row("look-up in the bundle, its directory read first", micro(look_up["whole"]))
    row("husk grant extract, the whole command", milli(runs["extract"]["processor"]), "of processor time")
    row("bundle, for each device", f"{os.path.getsize('many.grants') / many:.1f} B")
    row("vault, for each device with its grant", f"{os.path.getsize('many.vault') / many:.0f} B",
        f"identity file: {os.path.getsize('many.identities') / many:.0f} B")
    print("one grant was taken from the bundle and opened by a real device")


def load():
    memory = values("load-memory")
    print("\nload: the best of 12 rounds, in turns with the parts of the bound")
    for cores, title in (("one", "one core"), ("all", f"{os.cpu_count()} cores")):
        print(title)
        for line in open(f"load-{cores}"):
            name, *times = line.split()
            first, load, plain, read, sha, gcm, lz4, fill = map(float, times)
            parts = read + sha + gcm + lz4 + fill + plain
            size = os.path.getsize(f"{name}.so")
            words = " + ".join(milli(part)[:-3] for part in (read, sha, gcm, lz4, fill, plain))
            target = {"one": "target 1.15", "all": "target 0.9" if size < 1 << 24 else "target 0.7"}[cores]
            row(f"  {mib(size)}: load", milli(load), f"first, certificates unknown: {milli(first)}")
            if size <= 1 << 16:
                row("    beyond plain dlopen", milli(load - plain), "target 1 ms")
            row("    bound", milli(parts), f"{words}: read, SHA-256, AES-GCM, LZ4, memory file, dlopen")
            row("    ratio", f"{load / parts:.2f}", target if size > 1 << 16 else "")
            if cores == "one":
                few, many = (values(f"load-processor-{name.removeprefix('com.example.m')}-{n}") for n in (2, 22))
                used = (many["processor"] - few["processor"]) / 20
                row("    processor time of all processes", milli(used), f"{used / parts:.2f} of the bound")
    print("memory while loading, above idle")
    for name, size in memory.items():
        module = os.path.getsize(f"{name}.so")
        row(f"  {mib(module)}", mib(size), f"{mib(size - module)} beyond the module; target 2 MiB")


def boot():
    started, hashes, parts = values("exec-times"), values("hash-times"), values("parts")
    # A chain of one certificate and a manifest for each of the three stages.
    verifies = 6 * parts["ed25519-verify"]
    total = sum(started.values()) + sum(hashes.values()) + verifies
    booted = values("boot-time")["boot"]
    print("\nboot: ROM to the firmware's main")
    row("boot", milli(booted))
    row("bound", milli(total), f"execute {milli(sum(started.values()))}, hash {milli(sum(hashes.values()))}, "
        f"verify 6 signatures {milli(verifies)}")
    row("  ratio", f"{booted / total:.2f}", "target 3")


{"grants": grants, "load": load, "boot": boot}[sys.argv[1]](*map(int, sys.argv[2:]))
