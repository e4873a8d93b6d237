"""Runs a firmware that says `ready` and loads when it gets a line, and prints what memory that took above idle, in bytes:
private memory of all processes of the device, and its memory files, the peak of both together."""
import os, subprocess, sys


def processes(root):
    """A process and all that descend from it."""
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                parents[int(entry)] = int(open(f"/proc/{entry}/stat").read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found, fresh = {root}, {root}
    while fresh:
        fresh = {child for child, parent in parents.items() if parent in fresh} - found
        found |= fresh
    return found


def used(members):
    anonymous, files = 0, {}
    for process in members:
        try:
            for line in open(f"/proc/{process}/smaps_rollup"):
                if line.startswith("Pss_Anon:"):
                    anonymous += int(line.split()[1]) * 1024
            for descriptor in os.listdir(f"/proc/{process}/fd"):
                path = f"/proc/{process}/fd/{descriptor}"
                if os.readlink(path).startswith("/memfd:"):
                    status = os.stat(path)
                    files[status.st_ino] = status.st_blocks * 512
            for line in open(f"/proc/{process}/maps"):
                # Still there when its descriptor is closed.
                if "/memfd:" in line:
                    status = os.stat(f"/proc/{process}/map_files/{line.split()[0]}")
                    files[status.st_ino] = status.st_blocks * 512
        except OSError:
            pass
    return anonymous + sum(files.values())


device = subprocess.Popen(sys.argv[1:], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
assert device.stdout.readline() == "ready\n"
idle = max(used(processes(device.pid)) for _ in range(3))
device.stdin.write("\n")
device.stdin.close()
peak = idle
while device.poll() is None:
    # New workers come all the time: who belongs to the device is looked up anew.
    peak = max(peak, used(processes(device.pid)))
assert device.returncode == 0
print(sys.argv[-1], peak - idle)
