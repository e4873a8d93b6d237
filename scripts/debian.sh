# Packages of Debian 12 for any architecture, fetched into a folder without touching this system's packages, its
# architectures or its apt state. For scripts that have sourced lib.sh.

# Debian's name of an architecture.
debian_architecture() {
  case "$1" in
  x86_64) echo amd64 ;;
  aarch64) echo arm64 ;;
  *) die "unknown architecture: $1 (x86_64 and aarch64 are known)" ;;
  esac
}

# unpack_debian ARCHITECTURE FOLDER PACKAGE…        for example: unpack_debian aarch64 .build-sysroot/aarch64 libc6-dev
#
# Fetches packages, not what they depend on, and unpacks them into FOLDER; apt checks signatures as ever. A package that
# stands for the newest of several (linux-image-arm64) brings that. FOLDER appears in one step, when all of it is there;
# FOLDER/.versions then lists the versions. Does nothing when the same packages are there already.
unpack_debian() {
  local debian folder=$2 wanted="bookworm: ${*:3}"
  debian=$(debian_architecture "$1")
  shift 2
  [ "$(cat "$folder/.packages" 2>/dev/null)" != "$wanted" ] || return 0
  say "Fetching from Debian for $debian: $*"
  mkdir -p "$(dirname "$folder")"
  # Two at once would fetch the same.
  (
    flock 9
    [ "$(cat "$folder/.packages" 2>/dev/null)" != "$wanted" ] || exit 0
    work=$(mktemp -d "$folder.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    fetch_debian "$debian" "$work" "$@"
    printf '%s\n' "$wanted" >"$work/root/.packages"
    rm -rf "$folder"
    mv "$work/root" "$folder"
  ) 9>"$folder.lock"
}

# Does it: into the folder `root` of a new folder.
fetch_debian() {
  local debian=$1 work=$2 suite package newest packages=()
  shift 2
  mkdir -p "$work"/apt/{lists,archives}/partial "$work/root"
  chmod 755 "$work" "$work/root"
  : >"$work/apt/status"
  for suite in debian:bookworm debian:bookworm-updates debian-security:bookworm-security; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/${suite%:*} ${suite#*:} main"
  done >"$work/apt/sources.list"
  local private=(-o "APT::Architecture=$debian" -o "APT::Architectures::=$debian" -o "APT::Sandbox::User=$(id -un)"
    -o "Dir::State=$work/apt" -o "Dir::State::status=$work/apt/status" -o "Dir::State::lists=$work/apt/lists"
    -o "Dir::Cache=$work/apt" -o "Dir::Etc::sourcelist=$work/apt/sources.list" -o "Dir::Etc::sourceparts=-"
    -o "Acquire::Languages=none" -o "APT::Update::Post-Invoke=" -o "APT::Update::Post-Invoke-Success=")
  quietly apt-get "${private[@]}" update
  for package in "$@"; do
    newest=$(apt-cache "${private[@]}" depends --important "$package" |
      sed -n "s/^  Depends: \(${package%-"$debian"}-[0-9].*\)/\1/p")
    packages+=("${newest:-$package}")
  done
  (cd "$work/apt/archives" && quietly apt-get "${private[@]}" download "${packages[@]}")
  for package in "$work"/apt/archives/*.deb; do
    # A kernel's modules are most of its size, and no board here needs one.
    dpkg-deb --fsys-tarfile "$package" | tar -x -C "$work/root" --no-same-owner --exclude=./lib/modules
    dpkg-deb -W --showformat='${Package} ${Version}\n' "$package"
  done | sort >"$work/root/.versions"
}

# unpack_board ARCHITECTURE FOLDER: the kernel of an emulated board, and the C library for its firmware.
unpack_board() { unpack_debian "$1" "$2" "linux-image-$(debian_architecture "$1")" libc6; }
