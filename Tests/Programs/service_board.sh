#!/usr/bin/env bash
# Starts Debian's systemd as the first process of an emulated x86-64 board, installs the service as Samples/service/README.md
# tells, and lets clients use it. What comes of that goes to standard output, the kernel's and systemd's words to CONSOLE.
#
#   service_board.sh SYSTEM RELEASE DEVICE CLIENT CONSOLE
#
#   SYSTEM   a folder with Debian's kernel in boot/     RELEASE  the release folder
#   DEVICE   a device with com.example.adpcm granted    CLIENT   the program service_client
set -euo pipefail
system=$1 release=$2 device=$3 client=$4 console=$5
work=$(mktemp -d "${TMPDIR:-/tmp}/husk.XXXXXX")
trap 'rm -rf "$work"' EXIT
root="$work/root"
mkdir -p "$root"/{dev,proc,run,sys,tmp,root,data,etc/husk,etc/systemd/system}
mkdir -p "$root"/usr/{bin,sbin,lib/husk,lib/sysusers.d,lib/systemd/system,lib64} "$root"/var/lib/husk/flash/boot/a
for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done

# This machine's programs, with the libraries that they need.
take() {
  local file library
  for file in "$@"; do
    install -D -m 755 "$file" "$root/usr/${file#/usr/}"
    for library in $(ldd "$file" | grep -o '/[^ ]*'); do
      [ -e "$root/$library" ] || install -D -m 755 "$library" "$root/$library"
    done
  done
}
cp -aL /lib/systemd/systemd /lib/systemd/systemd-shutdown "$root/usr/lib/systemd/"
take $(for name in bash cat id install kill ls setpriv sleep stat systemctl systemd-sysusers; do
  echo "/usr/bin/$name"
done)
for program in systemd systemd-shutdown; do
  for library in $(ldd "/lib/systemd/$program" | grep -o '/[^ ]*'); do
    [ -e "$root/$library" ] || install -D -m 755 "$library" "$root/$library"
  done
done
for unit in basic paths slices sockets sysinit timers; do cp "/lib/systemd/system/$unit.target" "$root/lib/systemd/system/"; done
ln -s /lib/systemd/systemd "$root/init"
printf 'root:x:0:0::/root:/bin/bash\n' >"$root/etc/passwd"
printf 'root:x:0:\n' >"$root/etc/group"
printf 'passwd: files\ngroup: files\n' >"$root/etc/nsswitch.conf"
printf '[Manager]\nDefaultStandardOutput=kmsg\nDefaultStandardError=kmsg\n' >"$root/etc/systemd/system.conf"

# The table of Samples/service/README.md.
install -m 755 "$release/stages/fuseprovider" "$root/usr/lib/husk/"
install -m 644 "$device"/flash/boot/a/{bootloader,decryptor}.husk "$root/var/lib/husk/flash/boot/a/"
install -m 400 "$device/fuses/fuses" "$root/etc/husk/"
install -m 644 "$release/systemd/husk.sysusers" "$root/usr/lib/sysusers.d/husk.conf"
install -m 644 "$release"/systemd/husk-decryptor.{socket,service} "$root/etc/systemd/system/"

install -m 755 "$client" "$root/usr/bin/client"
install -m 644 "$device/flash/modules/com.example.adpcm/1.husk" "$root/data/com.example.adpcm.husk"
install -m 644 "$device/flash/grants/com.example.adpcm/1.grant" "$root/data/com.example.adpcm.grant"
cat >"$root/etc/systemd/system/default.target" <<'END'
[Unit]
Requires=basic.target use.service
END
cat >"$root/etc/systemd/system/use.service" <<'END'
[Unit]
After=basic.target
[Service]
Type=oneshot
ExecStart=/bin/bash /root/use.sh
ExecStopPost=/bin/systemctl poweroff --force --force
StandardOutput=file:/dev/ttyS1
StandardError=file:/dev/ttyS1
END
cat >"$root/root/use.sh" <<'END'
unit=husk-decryptor
member() { setpriv --reuid 1001 --regid 1001 --groups 64902 client /run/husk/decryptor "$@"; }
load() { member /data/com.example.adpcm.husk /data/com.example.adpcm.grant; }
processes() { cat /sys/fs/cgroup/system.slice/$unit.service/cgroup.procs; }
echo "first process: $(cat /proc/1/comm)"
systemd-sysusers 2>/dev/null
# As the README has it.
install -d -m 755 /var/lib/husk
install -d -m 700 -o husk-decryptor -g husk-decryptor /var/lib/husk/flash/storage
install -m 600 -o husk-decryptor -g husk-decryptor /dev/null /var/lib/husk/counter
install -m 444 /dev/null /var/lib/husk/floors
systemctl enable --now $unit.socket 2>/dev/null
echo "socket: $(stat -c '%A %U %G' /run/husk/decryptor)"
echo "service before the first client: $(systemctl is-active $unit.service)"
echo "member: $(load)"
echo "service: $(systemctl is-active $unit.service)"
for process in $(processes); do
  while read -r name value rest; do
    case "$name" in Uid: | CapEff: | CapBnd: | NoNewPrivs: | Seccomp:) echo "$name $value" ;; esac
  done </proc/$process/status
done
echo "stranger: $(setpriv --reuid 1002 --regid 1002 --clear-groups client /run/husk/decryptor)"
main=$(systemctl show -P MainPID $unit.service)
for process in $(processes); do [ "$process" = "$main" ] || kill -KILL "$process"; done
while [ "$(systemctl is-active $unit.service)" = active ]; do sleep 0.1; done
echo "without its decryptor: $(systemctl is-active $unit.service)"
echo "member again: $(load)"
echo "service again: $(systemctl is-active $unit.service)"
systemctl stop $unit.socket $unit.service
echo "stopped: $(systemctl show -P Result $unit.service), $(ls /run/husk)"
END

(cd "$root" && find . -print0 | cpio --quiet --null --create --format=newc --owner=+0:+0) >"$work/files"
cd "$work"
touch output
timeout --foreground --signal=KILL 120 qemu-system-x86_64 -M q35 -cpu max -m 1024 -nodefaults -no-user-config \
  -display none -nic none -no-reboot -kernel "$system"/boot/vmlinuz-* -initrd files -serial "file:$console" \
  -serial file:output -append "console=ttyS0 quiet panic=-1 systemd.log_target=console systemd.show_status=no" \
  </dev/null 1>&2
tr -d '\r' <output | sed '/^Powering off\.$/d'
