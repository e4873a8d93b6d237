"""Turns the package's description into a Makefile that builds what ships on a device.

    HUSK_EMBEDDED=1 swift package dump-package | device_makefile.py ARCHITECTURE BUILD [SYSROOT] > BUILD/Makefile

SwiftPM can't cross-build Embedded Swift for Linux, and links it neither statically nor reproducibly. So it only says
what there is: targets, their dependencies and flags, nothing of which is listed twice. The compilers are called by
make, in the package's root and with paths relative to it, so that no path of the machine gets into what they make.

It makes BUILD/stages/NAME for every executable (with NAME.map, what the linker put where), and for the library
BUILD/lib/libNAME.a and libNAME.so.VERSION.
"""
import glob
import json
import os
import re
import sys

# Swift's name for an architecture, and what the compilers offer there against jumps into the middle of code. Swift
# hands such a flag on to its code generator when it is given for its C importer.
MACHINES = {
    "x86_64": {"swift": "x86_64-unknown-linux-gnu", "branches": "-fcf-protection=full"},
    "aarch64": {"swift": "aarch64-none-none-elf", "branches": "-mbranch-protection=standard"},
}

# Read-only after relocation, everything bound at the start, no stack that could be executed, code in pages of its own.
LINK = ["-Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code", "-Wl,--gc-sections", "-Wl,--build-id=none"]

HEADER = "Sources/CHusk/include/husk.h"

# What the package defines for a target of which a stage is to have a copy of its own, of all code that it needs.
SECOND_COPY = "HUSK_SECOND_COPY"


def flags_of(target, tool):
    """A compiler's flags for a target's settings."""
    result = []
    for setting in target["settings"]:
        if setting["tool"] != tool:
            continue
        (kind, value), = setting["kind"].items()
        value = value["_0"]
        if kind == "unsafeFlags":
            result += value
        elif kind == "swiftLanguageMode":
            result += ["-swift-version", value]
        elif kind == "enableUpcomingFeature":
            result += ["-enable-upcoming-feature", value]
        elif kind == "enableExperimentalFeature":
            result += ["-enable-experimental-feature", value]
        elif kind == "define":
            result += ["-D", value]
        elif kind == "treatAllWarnings" and value == "error":
            result += ["-warnings-as-errors"]
        else:
            sys.exit(f"device_makefile.py: unknown setting {kind} of target {target['name']}")
    return result


class Interface:
    """What husk.h says: the one place of the version and of the exported functions."""

    def __init__(self, path):
        with open(path) as file:
            text = file.read()
        self.version = [
            re.search(rf"#define HUSK_VERSION_{part} (\d+)", text).group(1) for part in ("MAJOR", "MINOR", "PATCH")]
        declared = re.findall(r"^(HUSK\w*_EXPORT) .*?(husk_\w+)\(", text, re.MULTILINE)
        self.functions = [name for _, name in declared]
        self.loading = [name for marker, name in declared if marker == "HUSK_EXPORT"]


class Plan:
    def __init__(self, package, architecture, build, sysroot):
        self.targets = {target["name"]: target for target in package["targets"]}
        self.libraries = [p for p in package["products"] if "library" in p["type"]]
        self.build = build
        self.parts = f"{build}/parts.a"
        machine = MACHINES[architecture]
        self.gcc = f"{architecture}-linux-gnu-gcc" + (f" --sysroot={sysroot}" if sysroot else "")
        self.binutils = f"{architecture}-linux-gnu-"
        self.c = [machine["branches"], "-fPIC", "-Os", "-ffunction-sections", "-fdata-sections"]
        # Nothing unwinds through Swift's frames, so nothing gets as far as these.
        self.c += ["-fno-asynchronous-unwind-tables"]
        self.swift = ["-target", machine["swift"], "-package-name", package["name"], "-I", build]
        self.swift += ["-module-cache-path", f"{build}/cache"]
        self.swift += ["-Xfrontend", "-enable-stack-protector", "-Xcc", machine["branches"]]
        # So that a link leaves out what nobody calls, as with C: a firmware pays for what it uses of libhusk.a.
        self.swift += ["-Xfrontend", "-function-sections"]
        self.link = list(LINK)
        if sysroot:
            headers = [word for folder in (f"usr/include/{architecture}-linux-gnu", "usr/include")
                       for word in ("-isystem", f"{sysroot}/{folder}")]
            self.c += headers
            self.swift += [word for header in headers for word in ("-Xcc", header)]
            # Before what a cross compiler may have brought, of another version.
            libraries = f"{sysroot}/usr/lib/{architecture}-linux-gnu"
            self.link += [f"-B{libraries}", f"-L{libraries}"]

    # What there is

    @staticmethod
    def folder(target):
        return target.get("path") or f"Sources/{target['name']}"

    def is_c(self, target):
        return bool(glob.glob(f"{self.folder(target)}/*.c"))

    @staticmethod
    def is_second_copy(target):
        return SECOND_COPY in flags_of(target, "swift")

    def closure(self, name):
        """The targets that a target needs, each once and after those it needs itself; the target is the last."""
        order = []

        def visit(name):
            for dependency in self.targets[name]["dependencies"]:
                visit(dependency["byName"][0])
            if self.targets[name] not in order:
                order.append(self.targets[name])

        visit(name)
        return order

    def object(self, target):
        return f"{self.build}/{target['name']}.o"

    def objects(self, name):
        """What a stage or library is linked from: its own object and, of all the others, those it needs. A Swift object
        is seldom needed: its code went to where it is used, and what is left of it is the language's runtime."""
        second = [self.object(target) for target in self.closure(name) if self.is_second_copy(target)]
        return [f"{self.build}/{name}.o", *second, self.parts]

    def system_libraries(self, name):
        """Static libraries of Debian that a target needs."""
        names = [t["pkgConfig"].removeprefix("lib") for t in self.closure(name) if t.get("pkgConfig")]
        return [f"-l{name}" for name in names] + ["-lm"]

    def module_map(self, target):
        """Where a C target's module map lies; written here for a target that brings none, as SwiftPM does."""
        folder, name = self.folder(target), target["name"]
        for path in (f"{folder}/module.modulemap", f"{folder}/include/module.modulemap"):
            if os.path.exists(path):
                return path
        path = f"{self.build}/{name}.modulemap"
        has_own_header = os.path.exists(f"{folder}/include/{name}.h")
        include = os.path.relpath(f"{folder}/include", self.build)
        headers = f'header "{include}/{name}.h"' if has_own_header else f'umbrella "{include}"'
        with open(path, "w") as file:
            file.write(f"module {name} {{ {headers} export * }}\n")
        return path

    # Rules

    def rules(self, interface):
        results, parts = [], []
        for target in self.targets.values():
            if target["type"] == "system":
                continue
            if self.is_second_copy(target):
                yield from self.second_copy_rules(target)
                continue
            yield from self.c_rules(target) if self.is_c(target) else self.swift_rule(target)
            if target["type"] == "regular":
                parts.append(self.object(target))
            if target["type"] == "executable":
                results.append(f"{self.build}/stages/{target['name']}")
                yield self.stage_rule(target["name"], results[-1])
        for library in self.libraries:
            files, rules = self.library_rules(library, interface)
            results += files
            yield from rules
        yield rule(self.parts, parts, "rm -f $@", f"{self.binutils}ar rcD $@ {' '.join(parts)}")
        yield "all: " + " ".join(results)
        yield ".DEFAULT_GOAL := all"

    def c_rules(self, target):
        objects = []
        include = f"{self.folder(target)}/include"
        for source in sorted(glob.glob(f"{self.folder(target)}/*.c")):
            objects.append(f"{self.build}/{target['name']}.{os.path.basename(source)[:-2]}.o")
            dependencies = f"{objects[-1][:-2]}.d"
            flags = flags_of(target, "c") + self.c + ["-I", include, "-MMD", "-MF", dependencies, "-MT", objects[-1], "-c"]
            yield rule(objects[-1], [source], f"{self.gcc} {' '.join(flags)} -o $@ {source}")
            yield f"-include {dependencies}"
        yield rule(self.object(target), objects, f"{self.gcc} -r -nostdlib -o $@ {' '.join(objects)}")

    def second_copy_rules(self, target):
        """An object of which only its functions for C are visible, so that the linker doesn't take other copies of what it
        has for its own, nor the other way round; and what these functions don't need is left out. It brings no C: what
        there is of that has a state, and there can be only one of it."""
        code = f"{self.build}/{target['name']}.code.o"
        functions = re.findall(r"^public func (\w+)\(", self.text_of(target), re.MULTILINE)
        roots = " ".join(f"-Wl,-u,{function}" for function in functions)
        keep = " ".join(f"--keep-global-symbol={function}" for function in functions)
        yield from self.swift_rule(target, code)
        yield rule(
            self.object(target), [code],
            f"{self.gcc} -r -nostdlib -Wl,--gc-sections,--force-group-allocation {roots} -o $@ {code}",
            f"{self.binutils}objcopy {keep} $@")

    def text_of(self, target):
        text = ""
        for path in sorted(glob.glob(f"{self.folder(target)}/**/*.swift", recursive=True)):
            with open(path) as file:
                text += file.read()
        return text

    def swift_rule(self, target, result=None):
        result = result or self.object(target)
        sources = sorted(glob.glob(f"{self.folder(target)}/**/*.swift", recursive=True))
        needed = []
        flags = self.swift + flags_of(target, "swift") + ["-module-name", target["name"]]
        if not any(os.path.basename(source) == "main.swift" for source in sources):
            flags.append("-parse-as-library")
        for dependency in self.closure(target["name"])[:-1]:
            if dependency["type"] == "system" or self.is_c(dependency):
                flags += ["-Xcc", f"-fmodule-map-file={self.module_map(dependency)}"]
                needed += glob.glob(f"{self.folder(dependency)}/**/*.h", recursive=True)
            else:
                needed.append(self.object(dependency))
        flags += ["-emit-module", "-emit-module-path", f"{self.build}/{target['name']}.swiftmodule", "-emit-object"]
        # swiftc leaves an object alone if the code that went into it was the same before it was optimized for the machine:
        # with other flags for that, an old object would stay.
        compile = f"swiftc {' '.join(flags)} -o {result} {' '.join(sources)}"
        yield rule(result, sources + needed, f"rm -f {result}", compile)

    def stage_rule(self, name, path):
        """A static executable that runs wherever the kernel puts it. The linker's warnings of what libcrypto could do
        (look up host names, which nothing here asks for) go with its output, which is shown only when it fails."""
        objects = self.objects(name)
        flags = ["-static-pie"] + self.link + [f"-Wl,-Map={path}.map"]
        return rule(
            path, objects, f"{self.gcc} {' '.join(flags)} -o $@ {' '.join(objects + self.system_libraries(name))}")

    def library_rules(self, product, interface):
        """One object in which nothing is visible but the functions of the header and only what these need is left; out
        of it, the static library, and two shared ones: with what loads modules, and with all."""
        lib = f"{self.build}/lib"
        name = f"lib{product['name']}"
        root, = product["targets"]
        objects = self.objects(root)
        whole, exports, static = f"{lib}/{name}.o", f"{lib}/exports", f"{lib}/{name}.a"
        os.makedirs(lib, exist_ok=True)
        write(exports, "".join(f"{function}\n" for function in interface.functions))
        roots = " ".join(f"-Wl,-u,{function}" for function in interface.functions)
        rules = [
            rule(
                whole, objects + [HEADER],
                f"{self.gcc} -r -nostdlib -Wl,--gc-sections,--force-group-allocation,-Map={whole}.map {roots} -o $@ "
                + " ".join(objects),
                f"{self.binutils}objcopy --keep-global-symbols={exports} --strip-unneeded $@"),
            rule(static, [whole], "rm -f $@", f"{self.binutils}ar rcD $@ {whole}"),
        ]
        results = [static]
        for shared, functions in ((name, interface.loading), (f"{name}-store", interface.functions)):
            results.append(f"{lib}/{shared}.so.{'.'.join(interface.version)}")
            rules.append(self.shared_rule(results[-1], whole, interface.version[0], functions))
        return results, rules

    def shared_rule(self, path, whole, major, functions):
        """A shared library with what some functions need. It has no start files: it needs none, and Debian's lack the
        marks that keep the hardware's branch protection on."""
        soname = re.sub(r"(?<=\.so\.).*", major, os.path.basename(path))
        versions = f"{path}.versions"
        write(versions, "HUSK_%s {\nglobal:\n%slocal: *;\n};\n" % (
            major, "".join(f"  {function};\n" for function in functions)))
        flags = self.link + ["-Wl,-z,defs", "-Wl,--no-undefined-version", f"-Wl,-soname,{soname}", f"-Wl,-Map={path}.map"]
        return rule(
            path, [whole],
            f"{self.gcc} -shared -nostartfiles {' '.join(flags)} -Wl,--version-script,{versions} -s -o $@ {whole}")


def rule(result, needed, *commands):
    # $(RECIPE): other flags or compilers make all of it anew. $@: what isn't complete must not bear a result's name; a
    # build that was killed would be taken up again there.
    lines = [f"{result}: {' '.join(needed)} $(RECIPE)", f"\t@mkdir -p {os.path.dirname(result)}"]
    commands = [command.replace("$@", f"{result}.new") for command in commands]
    if any(f"{result}.new" in command for command in commands):
        commands.append(f"@mv {result}.new {result}")
    return "\n".join(lines + [f"\t{command}" for command in commands])


def write(path, text):
    with open(path, "w") as file:
        file.write(text)


def main():
    architecture, build, *sysroot = sys.argv[1:]
    plan = Plan(json.load(sys.stdin), architecture, build, sysroot[0] if sysroot else None)
    print("RECIPE := $(lastword $(MAKEFILE_LIST))")
    print("\n".join(plan.rules(Interface(HEADER))))


main()
