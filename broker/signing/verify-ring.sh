#!/bin/sh
# verify-ring.sh OLD NEW: may NEW take the place of OLD as the key ring? Says yes or no (exit status 0 or 1).
# verify-ring.sh DIR:     have enough of its own managers signed DIR?
#
# Needs OpenSSH 8.9 or later, and nothing of Tocsin. Each folder holds
#   root      allowed_signers of the ring managers        signers, revoked, policy    what nodes use
#   meta      version, threshold, expires, prev (SHA-256 of the meta before), SHA-256 of the four files
#   sigs/*    signatures over meta, namespace keyring@tocsin (exercises: keyring@exercise.tocsin)
# NEW is good if it is the next version, was made from OLD, has not expired, its files are those that its meta
# names, and enough managers of OLD and enough managers of NEW have signed it: each person and each key once,
# from two organisations where more than one must sign. It does not read signers and policy: tocsin keys lint does.
#
#   REALM=exercise   for the keys of exercises (default: live)
#   AT=20270101000000Z   judge as of that time, in UTC (default: now)
#   LANG=en…         speak English (default: Italian)
set -euf
export LC_ALL=C

case ${TOCSIN_LANG:-${LANG:-it}} in en*) english=1 ;; *) english= ;; esac
say() { if [ -n "$english" ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }
no() { say "NO: $1" "NO: $2"; exit 1; }
usage() { say "uso: verify-ring.sh VECCHIA NUOVA, oppure verify-ring.sh CARTELLA" "usage: verify-ring.sh OLD NEW, or verify-ring.sh DIR" >&2; exit 2; }

case $# in 1) old='' new=$1 ;; 2) old=$1 new=$2 ;; *) usage ;; esac
case ${REALM:-live} in
	live) namespace=keyring@tocsin ;;
	exercise) namespace=keyring@exercise.tocsin ;;
	*) usage ;;
esac
at=${AT:-$(date -u +%Y%m%d%H%M%SZ)}
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT

# takes OPTIONS: whether ssh-keygen understands a line of a ring with them.
takes() {
	printf 'a@b %sssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI%s\n' "$1" AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA > "$tmp/anybody"
	[ "$(ssh-keygen -Y match-principals -f "$tmp/anybody" -I a@b 2>/dev/null)" = a@b ]
}

# Before 9.1 it does not know times that end in Z: it gets them without, in the time zone UTC. What is asked here
# came with OpenSSH 8.9: an older one would find fault with what is good.
z=Z
if ! takes 'valid-after="20260101000000Z" '; then
	z='' TZ=UTC0 && export TZ
	takes '' || no "ssh-keygen è troppo vecchio: serve OpenSSH 8.9 o più recente" "ssh-keygen is too old: OpenSSH 8.9 or later is needed"
fi

if command -v sha256sum >/dev/null; then
	sum() { sha256sum < "$1"; }
elif command -v shasum >/dev/null; then
	sum() { shasum -a 256 < "$1"; }
else
	sum() { openssl dgst -sha256 -r < "$1"; }
fi
digest() { value=$(sum "$1") && printf '%s\n' "${value%% *}"; }

digits() { case $1 in '' | 0* | *[!0-9]*) return 1 ;; esac; [ "${#1}" -le 6 ]; }
hexdigits() { case $1 in *[!0-9a-f]*) return 1 ;; esac; [ "${#1}" -eq 64 ]; }
moment() { case $1 in 2[01][0-9][0-9][01][0-9][0-3][0-9][0-2][0-9][0-5][0-9][0-5][0-9]Z) ;; *) return 1 ;; esac; }
moment "$at" || usage

# meta DIR: read its meta into the variables version … policy, and hold it against its one right form.
meta() {
	version='' threshold='' expires='' prev='' root='' signers='' revoked='' policy='' rest=''
	[ -f "$1/meta" ] || no "$1/meta non c'è" "$1/meta is not there"
	{
		read -r name version && [ "$name" = version ] && read -r name threshold && [ "$name" = threshold ] &&
			read -r name expires && [ "$name" = expires ] && read -r name prev && [ "$name" = prev ] &&
			read -r name root && [ "$name" = root ] && read -r name signers && [ "$name" = signers ] &&
			read -r name revoked && [ "$name" = revoked ] && read -r name policy && [ "$name" = policy ] || name=''
	} < "$1/meta"
	if [ -z "$name" ] || ! digits "$version" || ! digits "$threshold" || [ "$threshold" -gt 16 ] || ! moment "$expires" || ! hexdigits "$prev" ||
		! hexdigits "$root" || ! hexdigits "$signers" || ! hexdigits "$revoked" || ! hexdigits "$policy"; then
		no "$1/meta non è scritto come si deve" "$1/meta is not written as it must be"
	fi
	printf 'version %s\nthreshold %s\nexpires %s\nprev %s\nroot %s\nsigners %s\nrevoked %s\npolicy %s\n' \
		"$version" "$threshold" "$expires" "$prev" "$root" "$signers" "$revoked" "$policy" | cmp -s - "$1/meta" ||
		no "$1/meta non è scritto come si deve" "$1/meta is not written as it must be"
	zeros=0000000000000000000000000000000000000000000000000000000000000000
	if [ "$version" -eq 1 ]; then [ "$prev" = "$zeros" ] || no "$1/meta: prev" "$1/meta: prev"; else
		[ "$prev" != "$zeros" ] || no "$1/meta: prev" "$1/meta: prev"; fi
	for file in root signers revoked policy; do
		case $file in root) wanted=$root ;; signers) wanted=$signers ;; revoked) wanted=$revoked ;; *) wanted=$policy ;; esac
		if [ ! -f "$1/$file" ] || [ "$(digest "$1/$file")" != "$wanted" ]; then
			no "$1/$file non è quello che meta nomina" "$1/$file is not the one that meta names"
		fi
	done
	managers "$1"
}

# bare: reads lines that begin with a key's kind and the key, and puts before each the key as what it is: with its
# private half one can sign as a plain key, as a hardware key and as a passkey.
bare() {
	awk '
	function digit(text, i) { return index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", substr(text, i, 1)) - 1 }
	function hex(text,   i, k, n, d, out) {
		for (i = 1; i <= length(text); i += 4) {
			n = 0
			for (k = 0; k < 4; k++) { d = digit(text, i + k); n = n * 64 + (d < 0 ? 0 : d) }
			out = out sprintf("%06x", n)
		}
		return out
	}
	BEGIN {
		# Where it stands in the bytes, after its kind and the name of the curve.
		at["ssh-ed25519"] = 19; at["sk-ssh-ed25519@openssh.com"] = 34
		at["ecdsa-sha2-nistp256"] = 39; at["sk-ecdsa-sha2-nistp256@openssh.com"] = 54
	}
	{ sub(/\r$/, "") }
	NF < 2 || $1 ~ /^#/ { next }
	!($1 in at) { print $2, $0; next }
	{ print substr(hex($2), 2 * at[$1] + 1, $1 ~ /ed25519/ ? 64 : 130), $0 }
	'
}
# keys_of FILE: the keys of a ring, as lines of their kind and the key.
keys_of() { awk '{ sub(/\r$/, "") } NF >= 4 && $1 !~ /^#/ { print $3, $4 }' "$1"; }

# managers DIR: each line of root has one name, a validity in UTC, this role alone, and a key of its own.
managers() {
	dir=$1
	: > "$tmp/lines"
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in '' | '#'*) continue ;; esac
		# shellcheck disable=SC2086 # words are what is meant; nothing is taken for a pattern (set -f)
		set -- $line
		name=${1:-} options=${2:-} kind=${3:-} key=${4:-}
		case $name in *[!a-z0-9@._-]* | *@*@* | @* | *@) name='' ;; *@*) ;; *) name='' ;; esac
		case ,$options, in *,namespaces=\"keyring@*) ;; *) name='' ;; esac
		case $options in *cert-authority* | *[!a-zA-Z0-9@.,=\"-]*) name='' ;; *valid-after=\"[0-9]*Z\"*) ;; *) name='' ;; esac
		case $options in *valid-before=\"[0-9]*Z\"*) ;; *) name='' ;; esac
		case $kind in ssh-ed25519 | ecdsa-sha2-nistp256 | sk-ssh-ed25519@openssh.com | sk-ecdsa-sha2-nistp256@openssh.com) ;; *) name='' ;; esac
		if [ -z "$name" ] || [ -z "$key" ]; then odd_line "$dir" "$line"; fi
		printf '%s %s %s %s\n' "$kind" "$key" "$name" "$line" >> "$tmp/lines"
	done < "$dir/root"
	keys_of "$signers_file" | bare > "$tmp/signers"
	# A key that stands for two people would let one of them sign twice.
	bare < "$tmp/lines" | awk '
	FILENAME == ARGV[1] { signer[$1]; next }
	/^ / || $1 in signer { sub(/^[^ ]* [^ ]* [^ ]* [^ ]* /, ""); print "line " $0; exit }
	$1 in owner && owner[$1] != $4 { print "twice"; exit }
	{ owner[$1] = $4 }
	' "$tmp/signers" - > "$tmp/fault"
	IFS= read -r fault < "$tmp/fault" || return 0
	case $fault in line*) odd_line "$dir" "${fault#line }" ;; esac
	no "$dir/root: una chiave è di due persone" "$dir/root: a key is two people's"
}
odd_line() { no "$1/root: una riga non è come deve essere: $2" "$1/root: a line is not as it must be: $2"; }

# signed DIR THRESHOLD: have enough managers of DIR signed the meta of $new?
signed() {
	: > "$tmp/who"
	sed -e 's/\(valid-[a-z]*="[0-9]*\)Z"/\1'"$z"'"/g' "$1/root" > "$tmp/root"
	# A key that is revoked in one form is revoked in each.
	bare < "$1/revoked" > "$tmp/bare"
	{
		cat "$1/revoked" && echo
		if [ -s "$tmp/bare" ]; then
			keys_of "$1/root" | bare | awk 'FILENAME == ARGV[1] { gone[$1]; next } $1 in gone { print $2, $3 }' "$tmp/bare" -
		fi
	} > "$tmp/revoked"
	set +f
	for s in "$new"/sigs/*; do
		set -f
		[ -f "$s" ] || continue
		ssh-keygen -Y find-principals -f "$tmp/root" -s "$s" -O "verify-time=${at%Z}$z" > "$tmp/names" 2>/dev/null || continue
		while read -r who; do
			ssh-keygen -vv -Y verify -f "$tmp/root" -I "$who" -n "$namespace" -s "$s" -r "$tmp/revoked" -O "verify-time=${at%Z}$z" \
				< "$new/meta" > "$tmp/out" 2> "$tmp/err" || continue
			# A hardware key says whether it was touched (1) and by whom (4), and whether it can be copied (8).
			flags=$(sed -n -e '/signature details: .*flags = 0x/{' -e 's/.*flags = 0x\([0-9a-f]*\).*/\1/p' -e q -e '}' "$tmp/err")
			case $flags in '' | ?[57] | [57]) ;; *) continue ;; esac
			while read -r line; do
				case $line in *' key SHA256:'*) printf '%s %s\n' "$who" "${line##* key }" >> "$tmp/who" ;; esac
			done < "$tmp/out"
		done < "$tmp/names"
	done
	set -f
	sort -u "$tmp/who" | COUNTS=$tmp/counts awk '
	!($1 in person) { person[$1]; people++; print "  " $1 }
	!($2 in key) { key[$2]; keys++ }
	{ sub(/.*@/, "", $1) }
	!($1 in house) { house[$1]; houses++ }
	END { print people + 0, keys + 0, houses + 0 > ENVIRON["COUNTS"] }
	'
	read -r people keys organisations < "$tmp/counts"
	if [ "$keys" -lt "$people" ]; then people=$keys; fi
	[ "$people" -ge "$2" ] ||
		no "hanno firmato $people dei responsabili di $1, ne servono $2" "$people of the managers of $1 have signed, $2 must"
	[ "$2" -eq 1 ] || [ "$organisations" -ge 2 ] ||
		no "i responsabili di $1 che hanno firmato sono di una sola organizzazione" "the managers of $1 who have signed are all of one organisation"
}

if [ -n "$old" ]; then
	signers_file=$old/signers
	meta "$old"
	old_version=$version old_threshold=$threshold
fi
signers_file=$new/signers
meta "$new"
if [ -n "$old" ]; then
	[ "$version" -eq $((old_version + 1)) ] ||
		no "è la versione $version, dopo la $old_version serve la successiva" "it is version $version, after $old_version the next one is wanted"
	[ "$prev" = "$(digest "$old/meta")" ] || no "non è stata fatta da $old" "it was not made from $old"
	before=$(printf '%s\n%s\n' "$at" "$expires" | sort | sed -n 1p)
	if [ "$at" = "$expires" ] || [ "$before" != "$at" ]; then no "è scaduta: $expires" "it has expired: $expires"; fi
	signed "$old" "$old_threshold"
fi
signed "$new" "$threshold"
say "SÌ: versione $version, meta $(digest "$new/meta")" "YES: version $version, meta $(digest "$new/meta")"
