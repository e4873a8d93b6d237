"""Says what each part of the stages and of libhusk weighs.

    size_report.py BUILD RELEASE-FOLDER

The parts come from the linker's maps in BUILD (see device_makefile.py), the whole from the stripped files. A Swift
object holds the parts of the standard library that it uses; its symbols tell them apart.
"""
import os
import re
import subprocess
import sys

PARTS = ["libcrypto", "liblz4", "libc", "Swift library", "Husk, Swift", "Husk, C"]
REST = "rest"

# An input section in a map: its name, perhaps a line break, address, size and where it comes from.
INPUT = re.compile(r"^ (\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$", re.MULTILINE)
# What takes no place in a stripped file.
UNLOADED = (".bss", ".tbss", ".comment", ".note.GNU-stack", ".symtab", ".strtab", ".shstrtab", "COMMON", ".debug")


def standard_library_share(path):
    """How much of a Swift object's code and data is the standard library's."""
    symbols = subprocess.run(["nm", "-S", "--defined-only", path], capture_output=True, text=True, check=True).stdout
    total = library = 0
    for line in symbols.splitlines():
        words = line.split()
        if len(words) == 4:
            size = int(words[1], 16)
            total += size
            # Mangled names of module Swift, or of a type of it that has a short name.
            library += size if re.match(r"\$e[sS]|swift_|_swift_", words[3]) else 0
    return library / total if total else 0


def part(origin):
    for name in ("libcrypto", "liblz4"):
        if f"/{name}.a(" in origin:
            return name
    if origin.startswith("/") or "/lib" in origin:
        return "libc"
    return "Husk, Swift" if os.path.exists(origin.removesuffix(".o") + ".swiftmodule") else "Husk, C"


def weigh(map_path):
    with open(map_path) as file:
        text = file.read().split("Linker script and memory map", 1)[1]
    weights = dict.fromkeys(PARTS, 0)
    for section, size, origin in INPUT.findall(text):
        if section.startswith(UNLOADED):
            continue
        size, name = int(size, 16), part(origin)
        if name == "Husk, Swift":
            library = round(size * standard_library_share(origin))
            weights["Swift library"] += library
            size -= library
        weights[name] += size
    return weights


def row(name, weights, file):
    figures = [weights[p] for p in PARTS] + [file - sum(weights.values()), file]
    print(f"{name:<16}" + "".join(f"{figure / 1024:>14.1f}" for figure in figures))


def main():
    build, release = sys.argv[1:]
    print("What ships on a device, in KiB. The rest is tables of the file format and padding to pages.\n")
    print(f"{'':<16}" + "".join(f"{title:>14}" for title in PARTS + [REST, "file"]))
    for stage in sorted(os.listdir(f"{release}/stages")):
        row(stage, weigh(f"{build}/stages/{stage}.map"), os.path.getsize(f"{release}/stages/{stage}"))
    library = os.path.realpath(f"{release}/lib/libhusk.so")
    row("libhusk.so", weigh(f"{build}/lib/libhusk.o.map"), os.path.getsize(library))
    text, data, bss = subprocess.run(
        ["size", library], capture_output=True, text=True, check=True).stdout.splitlines()[1].split()[:3]
    print(f"\nlibhusk.so in memory, in bytes: text {text}, data {data}, bss {bss}")


main()
