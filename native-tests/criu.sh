#!/bin/bash
# `criu.sh DIRECTORY`: makes DIRECTORY/criu, a criu of a newer release of Debian than this machine's, whose own does not
# start on every kernel. Nothing is installed: it runs with the libraries of that release, which are beside it.
set -euo pipefail
directory=$1 release=trixie
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/{state/lists/partial,cache/archives/partial,none,debs,tree}
touch "$work/status"

# The packages of that release, from where this machine has its own; its lists and its state are left alone.
mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' | grep -m 1 '/debian/*$')
echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror $release main" >"$work/sources"
cat >"$work/apt.conf" <<END
Dir::Etc { SourceList "$work/sources"; SourceParts "$work/none"; Preferences "$work/none"; PreferencesParts "$work/none"; };
Dir::State "$work/state";
Dir::State::status "$work/status";
Dir::Cache "$work/cache";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
END
export APT_CONFIG=$work/apt.conf
apt-get update -qq
packages=$(apt-get install --simulate --no-install-recommends criu | sed -n 's/^Inst \([^ ]*\) .*/\1/p')
(cd "$work/debs" && apt-get download -qq $packages)
for package in "$work"/debs/*.deb; do dpkg-deb -x "$package" "$work/tree"; done

rm -rf "$directory"
mkdir -p "$directory/lib"
loader=$(find "$work/tree/" -name 'ld-linux*.so.*' -print -quit)
cp -a "${loader%/*}"/*.so* "$directory/lib"
cp "$work/tree/usr/sbin/criu" "$directory/lib/criu"
cat >"$directory/criu" <<END
#!/bin/sh
lib=\${0%/*}/lib
exec "\$lib/${loader##*/}" --library-path "\$lib" --argv0 criu "\$lib/criu" "\$@"
END
chmod 755 "$directory/criu"
"$directory/criu" --version
