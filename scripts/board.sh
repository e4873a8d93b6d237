#!/usr/bin/env bash
# Switches on a device on an emulated board: Debian 12's own kernel, the device's boot ROM as its first process, and the
# whole chain up to the firmware. No root, no KVM, no network.
#
#   scripts/board.sh [--arch x86_64|aarch64] [--data FOLDER] [--kernel WORDS] [--limit SECONDS] [DEVICE] [-- ARGUMENTS]
#
#   --arch   the board's processor; this machine's if not given. DEVICE's ROM and packages must be for it
#   --data   a folder whose content the firmware finds, and may change, in its working directory
#   --kernel more words for the kernel's command line, such as lsm= for a kernel without Landlock
#   --limit  ends a board that runs for longer; 60 if not given
#
# DEVICE is a directory as `husk sim create` and `husk sim install` make it; without one, the board is a sample device with
# the sample firmware and data: try `-- roundtrip melody.wav`. ARGUMENTS are the firmware's. The board works on a copy:
# what it writes goes with it. The firmware's standard output and error come out of this script's own, byte for byte; its
# standard input is empty. The exit status is the chain's (SPEC 7.2, 7.3); 124 if the time limit ended the board, 125 if
# it couldn't be started or ended without a status.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
. "$root/scripts/debian.sh"

usage="usage: board.sh [--arch x86_64|aarch64] [--data FOLDER] [--kernel WORDS] [--limit SECONDS] [DEVICE] [-- ARGUMENTS]"

# fail STATUS MESSAGE [FILE]: shows the end of the file too.
fail() {
  say "husk: error: $2"
  [ ! -s "${3:-}" ] || tail -n 15 "$3" | tr -d '\r' >&2
  exit "$1"
}

# Who the firmware runs as, and the seconds that an update on trial has: the platform's usual ones.
firmware=64902 watchdog=60
arch=$(uname -m) data="" kernel="" limit=60
while [ $# -gt 0 ]; do
  case "$1" in
  --arch | --data | --kernel | --limit)
    [ $# -ge 2 ] || fail 125 "$usage"
    declare "${1#--}=$2"
    shift 2
    ;;
  --) break ;;
  -*) fail 125 "$usage" ;;
  *) break ;;
  esac
done
device=
if [ $# -gt 0 ] && [ "$1" != -- ]; then
  device=$1
  shift
fi
[ $# -eq 0 ] || [ "$1" = -- ] || fail 125 "$usage"
[ $# -eq 0 ] || shift
[[ $limit =~ ^[1-9][0-9]*$ ]] || fail 125 "--limit takes a number of seconds"

# What the architectures differ in: the machine, and where the serial lines are that carry the kernel's messages, the
# firmware's output and errors, and the exit status. `max` is the one model with protection keys (x86-64), and with
# branch target identification and pointer authentication (AArch64), which cortex-a57 lacks; pauth-impdef is the
# authentication that costs an emulator little.
serial_lines=(-chardev "file,id=console,path=console" -chardev "file,id=stdout,path=stdout"
  -chardev "file,id=stderr,path=stderr" -chardev "file,id=status,path=status")
case "$arch" in
x86_64)
  machine=(qemu-system-x86_64 -M q35 -cpu max -serial chardev:console -serial chardev:stdout -serial chardev:stderr
    -serial chardev:status)
  console=ttyS0 lines=(ttyS1 ttyS2 ttyS3)
  ;;
aarch64)
  machine=(qemu-system-aarch64 -M virt -cpu "max,pauth-impdef=on" -serial chardev:console
    -device "pci-serial-4x,chardev1=stdout,chardev2=stderr,chardev3=status")
  console=ttyAMA0 lines=(ttyS0 ttyS1 ttyS2)
  ;;
*) fail 125 "unknown architecture: $arch (x86_64 and aarch64 are known)" ;;
esac

if [ -z "$device" ]; then
  device="$root/.build-board/$arch-device"
  "$root/scripts/sample-device.sh" "$arch" "$device" >&2 || fail 125 "no sample device could be made"
  data=${data:-$root/Samples/data}
fi
for part in rom/bootrom fuses flash; do
  [ -e "$device/$part" ] || fail 125 "$device is not a device: it has no $part"
done
device=$(cd "$device" && pwd)
[ -z "$data" ] || data=$(cd "$data" && pwd) || exit 125
for program in "${machine[0]}" cpio timeout; do
  command -v "$program" >/dev/null || fail 125 "$program is missing: scripts/setup.sh installs it"
done
system="$root/.build-board/$arch"
unpack_board "$arch" "$system"
image=$(echo "$system"/boot/vmlinuz-*)

# Folders of the file system, as an archive in the kernel's format; the kernel takes several after one another, and a
# folder's last owner counts.
archive() { archive_of 0 "$@"; }
archive_of() { (cd "$2" && find "${@:3}" -print0 | cpio --quiet --null --create --format=newc --owner="+$1:+$1"); }
readable_archive() {
  if [ -r "$1/fuses" ] && [ -x "$1/fuses" ]; then
    archive "$@"
  else
    as_root bash -c "$(declare -f archive archive_of); archive \"\$@\"" - "$@"
  fi
}

work=$(mktemp -d "${TMPDIR:-/tmp}/husk.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"
mkdir -p tree/{board,proc,sys,dev,tmp,data}
chmod 1777 tree/tmp tree/data
ln -s rom/bootrom tree/init
for i in 0 1 2; do
  names=(stdout stderr status)
  ln -s "/dev/${lines[i]}" "tree/board/${names[i]}"
done
printf '%s\0' bootrom /fuses/fuses /fuses/counter /fuses/floors /flash "$watchdog" - $firmware $firmware "$@" >tree/board/arguments
if [ -n "$data" ]; then cp -R "$data/." tree/data && chmod -R a+rwX tree/data; fi
{
  archive tree .
  archive "$system" $(cd "$system" && ls -d lib lib64 2>/dev/null)
  readable_archive "$device" rom fuses flash
  archive_of "$firmware" "$device" flash/{modules,grants,status,update}
} >files

# Both ends of the two pipes are open before anybody uses them: their readers wait neither for an emulator that doesn't
# start, nor for ever.
mkfifo stdout stderr
exec 8<>stdout 9<>stderr 6<stdout 7<stderr
cat <&6 8>&- 9>&- &
cat <&7 >&2 8>&- 9>&- &
outcome=0
# By a signal that whoever started this can't have blocked.
timeout --foreground --signal=KILL "$limit" "${machine[@]}" -m 512 -nodefaults -no-user-config -display none -nic none \
  -no-reboot -kernel "$image" -initrd files "${serial_lines[@]}" \
  -append "console=$console quiet panic=-1 secretmem.enable=1 $kernel" </dev/null >qemu 2>&1 \
  6<&- 7<&- 8>&- 9>&- || outcome=$?
exec 8>&- 9>&-
wait

[ $outcome -ne 137 ] || fail 124 "the board was still running after $limit seconds" console
[ $outcome -eq 0 ] || fail 125 "the emulator ended with status $outcome" qemu
[ -s status ] || fail 125 "the board ended without a status; its kernel's last words:" console
exit "$(cat status)"
