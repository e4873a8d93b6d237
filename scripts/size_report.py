"""Says what each part of the stages and of libhusk weighs.

    size_report.py BUILD RELEASE-FOLDER

The parts come from the linker's maps in BUILD (see device_makefile.py), the whole from the stripped files. A Swift
object holds what it uses of the standard library; its symbols tell the two apart.
"""
import collections
import functools
import os
import re
import subprocess
import sys

PARTS = ["libcrypto", "liblz4", "libc", "Swift library", "Husk, Swift", "Husk, C"]

# An input section in a map: its name, perhaps a line break, address, size, and the object that it comes from.
INPUT = re.compile(r"^ (\S+)\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S.*)$", re.MULTILINE)
# What takes no place in a stripped file.
UNLOADED = (".bss", ".tbss", ".comment", ".note.GNU-stack", ".symtab", ".strtab", ".shstrtab", "COMMON", ".debug")


class Report:
    def __init__(self, build):
        self.build = build

    @functools.cache
    def standard_library_share(self, name):
        """How much of a Swift object is the standard library's."""
        command = ["nm", "-S", "--defined-only", f"{self.build}/{name}.o"]
        total = library = 0
        for line in subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines():
            words = line.split()
            if len(words) == 4:
                size = int(words[1], 16)
                total += size
                # Mangled names of module Swift, or of a type of it that has a short name; the runtime.
                library += size if re.match(r"\$e[sS]|_?swift_", words[3]) else 0
        return library / total if total else 0

    def weigh(self, map_path):
        with open(map_path) as file:
            text = file.read().split("Linker script and memory map", 1)[1]
        weights = dict.fromkeys(PARTS, 0)
        for section, size, origin in INPUT.findall(text):
            if not section.startswith(UNLOADED):
                # What the object doesn't have is the format's.
                parts = self.origins()[section] if origin.endswith("/libhusk.o") else [(1, origin)]
                for part, origin in parts:
                    self.add(weights, int(size, 16) * part // sum(part for part, _ in parts), origin)
        return weights

    def add(self, weights, size, origin):
        library = re.search(r"/(libcrypto|liblz4)\.a\(", origin)
        own = origin.startswith(f"{self.build}/") and re.search(r"([^/(]*)\.o\)?$", origin)
        if library:
            weights[library.group(1)] += size
        elif not own:
            weights["libc"] += size
        elif os.path.exists(f"{self.build}/{own.group(1)}.swiftmodule"):
            share = round(size * self.standard_library_share(own.group(1)))
            weights["Swift library"] += share
            weights["Husk, Swift"] += size - share
        else:
            weights["Husk, C"] += size

    @functools.cache
    def origins(self):
        """Which objects each section of libhusk comes from, and how much of it: shared libraries are linked from one
        object of all."""
        with open(f"{self.build}/lib/libhusk.o.map") as file:
            text = file.read().split("Linker script and memory map", 1)[1]
        origins = collections.defaultdict(list)
        for section, size, origin in INPUT.findall(text):
            if int(size, 16):
                origins[section].append((int(size, 16), origin))
        return origins

    def row(self, map_path, path):
        weights, whole = self.weigh(map_path), os.path.getsize(path)
        figures = [weights[name] for name in PARTS] + [whole - sum(weights.values()), whole]
        print(f"{os.path.basename(path):<18}" + "".join(f"{figure / 1024:>14.1f}" for figure in figures))


def main():
    build, release = sys.argv[1:]
    report = Report(build)
    print("What ships on a device, in KiB. The rest is the file format's tables, and padding to pages.\n")
    print(f"{'':<18}" + "".join(f"{title:>14}" for title in PARTS + ["rest", "file"]))
    for stage in sorted(os.listdir(f"{release}/stages")):
        report.row(f"{build}/stages/{stage}.map", f"{release}/stages/{stage}")
    libraries = [os.path.realpath(f"{release}/lib/{name}.so") for name in ("libhusk", "libhusk-store")]
    for library in libraries:
        report.row(f"{build}/lib/{os.path.basename(library)}.map", library)
    print("\nIn memory, in bytes:")
    for library in libraries:
        command = ["size", library]
        sizes = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()[1].split()
        print(f"{os.path.basename(library)}: text {sizes[0]}, data {sizes[1]}, bss {sizes[2]}")


main()
