#!/bin/sh
# verify-alert.sh checks an alert that "tocsin audit export" wrote, without Tocsin.
#
#   sh verify-alert.sh            in that folder, or by its path from anywhere
#   sh verify-alert.sh FOLDER     a copy of this script that you trust, on another folder
#
# It needs a POSIX shell, ssh-keygen (OpenSSH 8.9 or later), awk, cat, cut, mkdir, rm, sed, sort, wc,
# and sha256sum, shasum or openssl. It works in a folder of its own under TMPDIR, which it removes.
# Exit status: 0 yes, the alert is proven as far as a script can; 1 no.
#
# It believes nothing in the folder that it can work out for itself: who signed, with
# which key and when follows from ssh-keygen, the key ring and the ledger's records.
# What it can't work out, it prints for you to compare. docs/audit.md explains it.
#
# What is proven, section by section:
#    1 The folder      nothing was added, removed or altered since MANIFEST was written.
#    2 The claims      nothing that the exporter claims is believed: it is held against the rest.
#    3 The records     each record says its own number, its own time and this ledger.
#    4 The root        each record lies under the root of the checkpoint, at its own number.
#    5 The key ring    each version was brought by a record and approved by its managers.
#    6 The policy      every line of each policy is understood, or the answer is no.
#    7 The bulletins   each is built as it must be, and so is what is prepared inside it.
#    8 Break-glass     it was allowed, somebody had tried to call, and the wait was over.
#    9 The signatures  each was made by a person whom the version in force admitted.
#   10 The verdict     each release follows from the signatures, at its place in the alert.
#   11 To compare      what no script can know.
set -eu

case "${TOCSIN_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}}" in
[eE][nN]*) lang=en ;;
*) lang=it ;;
esac
LC_ALL=C TZ=UTC0
export LC_ALL TZ
nl='
'
tab=$(printf '\t')
cr=$(printf '\r')
IFS=" $tab$nl"
problems=0

# pick ITALIAN ENGLISH: sets words to the one in the reader's language.
pick() { if [ "$lang" = en ]; then words=$2; else words=$1; fi; }

# because ITALIAN ENGLISH: sets why.
because() { pick "$1" "$2" && why=$words; }

# say ITALIAN ENGLISH
say() {
	if [ "$lang" = en ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi
}

# problem ITALIAN ENGLISH: something for which the answer is no.
problem() {
	problems=$((problems + 1))
	say "  NO: $1" "  NO: $2"
}

# give_up ITALIAN ENGLISH: nothing more can be checked.
give_up() {
	problem "$1" "$2"
	say "NO: l'allerta non è provata." "NO: the alert is not proven."
	exit 1
}

# shown TEXT: a text of the folder, without what a terminal would obey.
shown() {
	case "$1" in
	*[!\ -~]*) printf '%s\n' "$1" | sed -e 's/[^ -~]/?/g' | cut -c 1-200 ;;
	*) printf '%.200s\n' "$1" ;;
	esac
}

case $# in
0)
	self=$0
	case "$0" in
	*/*) folder=${0%/*} ;;
	*) folder=. ;;
	esac
	;;
1) self=$0 folder=$1 ;;
*)
	say "uso: sh verify-alert.sh [CARTELLA]" "usage: sh verify-alert.sh [FOLDER]" >&2
	exit 1
	;;
esac

if command -v sha256sum >/dev/null 2>&1; then
	digests() { sha256sum "$@"; }
elif command -v shasum >/dev/null 2>&1; then
	digests() { shasum -a 256 "$@"; }
elif command -v openssl >/dev/null 2>&1; then
	digests() { openssl dgst -sha256 -r "$@"; }
else
	give_up "manca sha256sum (o shasum, o openssl)" "sha256sum is missing (or shasum, or openssl)"
fi
digest() {
	value=$(digests)
	printf '%s\n' "${value%% *}"
}
for tool in awk ssh-keygen; do
	command -v "$tool" >/dev/null 2>&1 || give_up "manca $tool" "$tool is missing"
done

script_digest=''
if [ -f "$self" ]; then script_digest=$(digest <"$self"); fi
case "$self" in */*) beside=$(CDPATH='' cd -- "${self%/*}" && pwd) ;; *) beside=$(pwd) ;; esac
scratch=${TMPDIR:-/tmp}/verify-alert.$$
case "$scratch" in /*) ;; *) scratch=$(pwd)/$scratch ;; esac
CDPATH='' cd -- "$folder" || give_up "la cartella non si apre" "the folder can't be opened"
(umask 077 && mkdir "$scratch") || give_up "non si può creare una cartella in ${TMPDIR:-/tmp}" "no folder can be made in ${TMPDIR:-/tmp}"
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

# takes OPTIONS: whether ssh-keygen understands a line of a ring with them.
takes() {
	zeros=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA
	printf 'a@b %sssh-ed25519 %s%s\n' "$1" AAAAC3NzaC1lZDI1NTE5AAAAI "$zeros" >"$scratch/anybody"
	[ "$(ssh-keygen -Y match-principals -f "$scratch/anybody" -I a@b 2>/dev/null || :)" = a@b ]
}

# Before 9.1 it does not know times that end in Z. It takes times without it in the local zone, which is
# UTC here, so that the same ring without the Z says the same. What is asked here came with OpenSSH 8.9: an older
# one would find fault with what is good.
z=Z
if ! takes 'valid-after="20260101000000Z" '; then
	z=''
	takes '' || give_up "ssh-keygen è troppo vecchio: serve OpenSSH 8.9 o più recente" "ssh-keygen is too old: OpenSSH 8.9 or later is needed"
fi

# --- forms of numbers, names and times ---------------------------------------------

is_hex64() {
	case "$1" in *[!0-9a-f]*) return 1 ;; esac
	[ ${#1} -eq 64 ]
}

is_number() {
	case "$1" in '' | 0* | *[!0-9]*) return 1 ;; esac
	[ ${#1} -le 15 ]
}

is_uuid() {
	case "$1" in *[!0-9a-f-]*) return 1 ;; ????????-????-????-????-????????????) return 0 ;; esac
	return 1
}

# is_principal NAME: name@organisation in lower case, and nothing that a shell, a
# pattern or an option could take for something else.
is_principal() {
	case "$1" in
	*[!a-z0-9._@-]* | *@*@* | .* | -* | *@ | *@.* | *@-* | *. | *..*) return 1 ;;
	?*@?*) [ ${#1} -le 255 ] ;;
	*) return 1 ;;
	esac
}

is_role() {
	case "$1" in officer | police | deputy | breakglass | correction | keyring) return 0 ;; esac
	return 1
}

is_file() { [ -f "$1" ] && [ ! -L "$1" ]; }

# lookup LIST KEY: sets value to what follows "KEY|" on a line of the list.
lookup() {
	value=${1#*"$nl$2|"}
	if [ "$value" = "$1" ]; then
		value=
		return 1
	fi
	value=${value%%"$nl"*}
}

# seconds TIME: sets value to the Unix time of an RFC 3339 time, fractions cut off, and
# stamp to its digits.
seconds() {
	value=
	case "$1" in
	20[0-9][0-9]-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-6][0-9]*) ;;
	*) return 1 ;;
	esac
	zone=${1#???????????????????}
	case "$zone" in
	.*)
		zone=${zone#.}
		fraction=${zone%%[!0-9]*}
		[ -n "$fraction" ] || return 1
		zone=${zone#"$fraction"}
		;;
	esac
	offset=0
	case "$zone" in
	Z) ;;
	[+-][0-2][0-9]:[0-5][0-9])
		h=${zone%:*} h=${h#?} m=${zone#*:}
		offset=$((${h#0} * 3600 + ${m#0} * 60))
		case "$zone" in -*) offset=-$offset ;; esac
		;;
	*) return 1 ;;
	esac
	rest=$1
	y=${rest%%-*} rest=${rest#*-}
	m=${rest%%-*} rest=${rest#*-}
	d=${rest%%T*} rest=${rest#*T}
	h=${rest%%:*} rest=${rest#*:}
	i=${rest%%:*} rest=${rest#*:}
	s=${rest%%[!0-9]*}
	stamp=$y$m$d$h$i$s m=${m#0} d=${d#0}
	# Days since 1970-03-01 in years that begin in March, so that leap days come last.
	if [ "$m" -le 2 ]; then
		y=$((y - 1)) m=$((m + 9))
	else
		m=$((m - 3))
	fi
	value=$((365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + d - 719469))
	value=$((value * 86400 + ${h#0} * 3600 + ${i#0} * 60 + ${s#0} - offset))
}

# field NAME: sets value to a text of the record in payload; fails if it stands there
# not exactly once, or with an escape in it. Within a JSON text no bare quote can stand,
# so that ,"NAME":" is the name of a field.
field() {
	mark=",\"$1\":\""
	rest=${payload#*"$mark"}
	value=
	[ "$rest" != "$payload" ] || return 1
	case "$rest" in *"$mark"*) return 1 ;; esac
	value=${rest%%\"*}
	case "$value" in
	*\\*)
		if [ "$1" = signature ]; then return 0; fi
		value=
		return 1
		;;
	esac
}

# number NAME: the same for a number.
number() {
	mark=",\"$1\":"
	rest=${payload#*"$mark"}
	value=
	[ "$rest" != "$payload" ] || return 1
	case "$rest" in *"$mark"*) return 1 ;; esac
	rest=${rest%%[!0-9]*}
	is_number "$rest" || return 1
	value=$rest
}

# title ROLE: sets words to what people call a role, or to the word itself.
title() {
	case "$1" in
	officer) pick "funzionario di turno" "duty officer" ;;
	police) pick "referente di polizia" "police liaison" ;;
	deputy) pick "vice" "deputy" ;;
	breakglass) pick "firmatario di emergenza" "emergency signer" ;;
	correction) pick "firmatario delle rettifiche" "signer of corrections" ;;
	*) words=$1 ;;
	esac
}

# titles SLOTS: sets words to the people whom they ask for.
titles() {
	text=''
	for slot in $1; do
		pick " e " " and "
		text=$text${text:+$words} either=''
		while [ -n "$slot" ]; do
			pick " o " " or "
			either=$either${either:+$words}
			title "${slot%%,*}"
			either=$either$words
			case "$slot" in *,*) slot=${slot#*,} ;; *) slot='' ;; esac
		done
		text=$text$either
	done
	words=$text
}

# kind_of KIND TYPE: sets words to what people call a bulletin, by the kind as which it was
# prepared, or else by the type of its message.
kind_of() {
	case "${1:-$2}" in
	correction) pick "rettifica" "correction" ;;
	revocation | Cancel) pick "revoca" "revocation" ;;
	ratification) pick "ratifica" "ratification" ;;
	Alert) pick "allerta" "alert" ;;
	Update) pick "aggiornamento" "update" ;;
	*) words=$1 ;;
	esac
}

# --- 1. The folder: nothing was added, removed or altered since MANIFEST was written --

# known PATH: whether an export may hold a file of this name.
known() {
	name=${1#*/}
	case "$1" in
	export.txt | README.txt | verify-alert.sh | verify-ring.sh | checkpoint | ledger.vkey) ;;
	bulletins/*.bulletin) is_hex64 "${name%.bulletin}" ;;
	records/*) is_number "$name" ;;
	signatures/*.sig | halts/*.sig) is_number "${name%.sig}" ;;
	halts/*.halt) is_number "${name%.halt}" ;;
	proofs/*.tlog-proof) is_number "${name%.tlog-proof}" ;;
	keys/*/*)
		[ "${name%%/*}" = 0 ] || is_number "${name%%/*}" || return 1
		case "${name#*/}" in
		meta | root | signers | revoked | policy) ;;
		sigs/ | sigs/[!a-z0-9]* | sigs/*[!a-z0-9@._-]*) return 1 ;;
		sigs/*) ;;
		*) return 1 ;;
		esac
		;;
	*) return 1 ;;
	esac
}

is_file MANIFEST || give_up "questa non è la cartella di un'esportazione: manca MANIFEST" "this is not the folder of an export: MANIFEST is missing"
listed=$nl sums=$nl found=$nl
set --
while IFS= read -r line || [ -n "$line" ]; do
	sum=${line%%  *} path=${line#*  }
	if ! known "$path" || ! is_hex64 "$sum"; then
		problem "riga di MANIFEST che non è ammessa: $(shown "$line")" "a line of MANIFEST is not allowed: $(shown "$line")"
		continue
	fi
	case "$listed" in *"$nl$path$nl"*) problem "$path è due volte in MANIFEST" "$path stands twice in MANIFEST" ;; esac
	listed=$listed$path$nl sums=$sums"$sum  $path"$nl
	if is_file "$path"; then
		set -- "$@" "$path"
	else
		problem "manca il file $path" "the file $path is missing"
	fi
done <MANIFEST
if [ $# -gt 0 ]; then digests "$@" >"$scratch/sums"; else : >"$scratch/sums"; fi
while IFS= read -r line; do
	sum=${line%% *} path=${line#* }
	path=${path#[ *]}
	case "$path" in bulletins/* | keys/*) found=$found$path\|$sum$nl ;; esac
	case "$sums" in
	*"$nl$sum  $path$nl"*) ;;
	*) problem "il file $path non è quello di MANIFEST" "the file $path is not the one of MANIFEST" ;;
	esac
done <"$scratch/sums"
for path in * .[!.]* ..?* */* */.[!.]* */..?* */*/* */*/.[!.]* */*/..?* */*/*/* */*/*/.[!.]* */*/*/..?*; do
	if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
	case "$path" in
	MANIFEST | bulletins | records | signatures | halts | proofs | keys) if [ ! -L "$path" ]; then continue; fi ;;
	keys/*) if [ -d "$path" ] && [ ! -L "$path" ] && known "${path%/sigs}/signers"; then continue; fi ;;
	esac
	case "$listed" in
	*"$nl$path$nl"*) ;;
	*) problem "file in più, che MANIFEST non nomina: $(shown "$path")" "an extra file, which MANIFEST does not name: $(shown "$path")" ;;
	esac
done
is_file export.txt || give_up "manca il file export.txt" "the file export.txt is missing"

# --- 2. The claims: nothing that the exporter claims is believed; it is held against the rest --

alert='' code='' realm='' ledger='' claims=$nl halt_claims=$nl versions=''
while IFS= read -r line || [ -n "$line" ]; do
	case "$line" in
	'alert: '*) alert=${line#*: } ;;
	'code: '*) code=${line#*: } ;;
	'realm: '*) realm=${line#*: } ;;
	'ledger: '*) ledger=${line#*: } ;;
	'released: '* | 'halted: '*)
		claim=${line%%:*} line=${line#*: }
		if ! is_hex64 "${line%% *}" || ! is_number "${line#* }"; then
			claim=''
		fi
		if [ "$claim" = released ]; then
			claims=$claims${line%% *}\|${line#* }$nl
		elif [ "$claim" = halted ]; then
			halt_claims=$halt_claims${line%% *}\|${line#* }$nl
		else
			problem "il file export.txt ha una riga illeggibile" "the file export.txt has a line that can't be read"
		fi
		;;
	'key-ring: '*)
		line=${line#*: }
		if ! is_number "${line% *}" || { [ "${line#* }" != 0 ] && ! is_number "${line#* }"; }; then
			give_up "il file export.txt ha una riga illeggibile" "the file export.txt has a line that can't be read"
		fi
		versions="$versions ${line% *}|${line#* }"
		;;
	esac
done <export.txt
is_uuid "$alert" || give_up "il file export.txt non nomina un'allerta" "the file export.txt names no alert"
case "$code" in '' | *[!A-Z0-9-]*) give_up "il file export.txt non ha un codice" "the file export.txt has no code" ;; esac
case "$realm" in
live) suffix=tocsin other=exercise.tocsin ;;
exercise) suffix=exercise.tocsin other=tocsin ;;
*) give_up "il file export.txt non dice se è realtà o esercitazione" "the file export.txt does not say whether it is reality or an exercise" ;;
esac
case "${ledger#"tocsin/$realm/"}" in
"$ledger" | '' | *[!0-9a-z-]*)
	problem "il registro è di un altro ambiente, o il suo nome non è ammesso" "the ledger is of another realm, or its name is not allowed"
	ledger=
	;;
esac

# --- 3. The records: each one says its own number, its own time and this ledger --------

# escaped FILE: its text as it stands in a record, on one line.
escaped() {
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/</\\u003c/g' -e 's/>/\\u003e/g' -e 's/&/\\u0026/g' "$1" |
		sed -e ':a' -e '$!{' -e 'N' -e 'ba' -e '}' -e 's/\n/\\n/g'
}

genesis='' contacts=$nl called=$nl handed_numbers=$nl stopped=$nl bulletins=$nl statements=$nl halts=$nl refusals=$nl floods=$nl sendings=$nl rings=$nl brought=$nl rings_brought=0 numbered='' newest=0
numbers=$(for path in records/*; do printf '%s\n' "${path#records/}"; done | sort -n)
for seq in $numbers; do
	if ! is_number "$seq" || ! is_file "records/$seq"; then continue; fi # said above
	head='' time='' subject='' payload='' more=''
	{
		IFS= read -r head || :
		IFS= read -r time || :
		IFS= read -r subject || :
		IFS= read -r payload || :
		IFS= read -r more || :
	} <"records/$seq"
	case "$time" in *Z) seconds "$time" || : ;; *) value= ;; esac
	if [ "$head" != "$seq" ] || [ -z "$value" ]; then
		problem "la voce $seq non dice il proprio numero e la propria ora" "record $seq does not say its own number and time"
		continue
	fi
	at=$value newest=$seq numbered="$numbered $seq"
	if [ -n "$more" ]; then continue; fi
	case "$payload" in '{"schema":1,'*'}') ;; *) continue ;; esac # without effect in Tocsin too
	field type || continue
	type=$value
	case "$type" in
	genesis)
		if [ "$seq" = 1 ] && [ "$subject" = ledger.genesis ] && field realm && [ "$value" = "$realm" ] && field epoch && [ "$ledger" = "tocsin/$realm/$value" ]; then
			genesis=yes
		else
			problem "la prima voce è di un altro registro o di un altro ambiente" "the first record is of another ledger or of another realm"
		fi
		continue
		;;
	key_ring)
		if [ "$subject" != ledger.keyring ] || ! number number; then continue; fi
		one=$value
		if ! field meta; then continue; fi
		one=$one\|$value
		if ! field key_ring; then continue; fi
		brought=$brought$seq\|$one\|$value\|$stamp$nl rings_brought=$((rings_brought + 1))
		continue
		;;
	rejected)
		# On ledger.rejected commands write too: what is refused there is nobody's word.
		if [ "$subject" != ledger.rejected.record ] || ! number refers; then continue; fi
		refers=$value
		field class || value=
		case "$value" in flood) floods=$floods$seq\|$at$nl ;; code | bulletin) refusals=$refusals$refers\|$value\|$seq$nl ;; *) refusals=$refusals$refers\|other\|$seq$nl ;; esac
		continue
		;;
	esac
	if ! field alert || [ "$value" != "$alert" ]; then continue; fi
	if ! field bulletin || ! is_hex64 "$value"; then continue; fi
	digest=$value
	case "$type" in
	bulletin)
		# What was prepared inside another one stands on a subject of its own.
		on=bulletin
		if field kind && [ -n "$value" ]; then on=prepared; fi
		[ "$subject" = "ledger.alert.$alert.decision.$on" ] || continue
		if lookup "$bulletins" "$digest" || ! field code || [ -z "$value" ] || ! number bytes || ! number number; then continue; fi
		bulletins=$bulletins$digest\|$seq$nl handed_numbers=$handed_numbers$digest\|$value$nl
		for name in number bytes; do number "$name" && printf '%s\n' "$value" >"$scratch/$digest.said-$name"; done
		for name in code identifier msg_type kind expires; do
			field "$name" || value=''
			printf '%s\n' "$value" >"$scratch/$digest.said-$name"
		done
		value=''
		case "$payload" in *',"breakglass":true'[,'}']*) value=yes ;; esac
		printf '%s\n' "$value" >"$scratch/$digest.said-breakglass"
		;;
	contact)
		[ "$subject" = "ledger.alert.$alert.decision.contact" ] || continue
		# For a bulletin that was there to be signed.
		lookup "$handed_numbers" "$digest" || continue
		expected=$value
		if ! number number || [ "$value" != "$expected" ]; then continue; fi
		field way || value=
		case "$value" in phone | radio | message | person) way=$value ;; *) continue ;; esac
		field whom || value=
		case "$value" in '' | *[!a-z]*) continue ;; esac
		whom=$value
		# As many with one role, by one writer, as a node counts.
		field node || value='?'
		case "$value" in *[!A-Za-z0-9.@/_:\ -]*) value='?' ;; esac
		by="$digest $whom $value"
		lookup "$called" "$by" || value=0
		[ "$value" -lt 64 ] || continue
		called=$nl$by\|$((value + 1))$called value=$whom
		contacts=$contacts$seq\|$digest\|$expected\|$time\|$at\|$way\|$value$nl
		;;
	signature | refused | withdrawn)
		lookup "$bulletins" "$digest" || continue # the bulletin must be handed in before
		field principal || value=
		principal=$value
		field namespace || value=
		namespace=$value
		[ "$subject" = "ledger.alert.$alert.decision.$type.${namespace%%@*}" ] || continue
		field signature || value=
		if is_principal "$principal"; then :; else principal='?'; fi
		case "$namespace" in *[!a-z.@]*) namespace='?' ;; esac
		case "$value" in *[!A-Za-z0-9+/=\\\ -]*) value= ;; esac
		printf '%s\n' "$value" >"$scratch/armor.$seq"
		if [ "$type" = signature ]; then
			statements=$statements$seq\|$digest\|$time\|$principal\|$namespace$nl
			continue
		fi
		said=no # whether the file is what the record says
		if is_file "halts/$seq.halt"; then
			case "$payload" in *",\"statement\":\"$(escaped "halts/$seq.halt")\\n\""*) said=yes ;; esac
		fi
		halts=$halts$seq\|$digest\|$time\|$principal\|$namespace\|$type\|$said$nl
		;;
	attempt | posted)
		case "$subject" in "ledger.alert.$alert.attempt" | "ledger.alert.$alert.channel."*) ;; *) continue ;; esac
		sendings=$sendings$digest\|$seq$nl
		if field key_ring && is_hex64 "$value"; then
			case "$rings" in *"$nl$value$nl"*) ;; *) rings=$rings$value$nl ;; esac
		fi
		;;
	esac
done
[ -n "$genesis" ] || problem "manca la prima voce del registro" "the first record of the ledger is missing"

# refused SEQ AT: whether a refusal of the record stands among the records.
refused() {
	if lookup "$refusals" "$1"; then return 0; fi
	while IFS='|' read -r flood_seq flood_at; do
		[ -n "$flood_seq" ] || continue
		if [ "$1" -lt "$flood_seq" ] || [ "$2" -lt $((flood_at + 3600)) ]; then return 0; fi
	done <<EOF
$floods
EOF
	return 1
}

# undisputed SEQ: has the answer be no where the ledger refuses by name what holds here: the node that did
# so judged by another key ring than the one of this folder.
undisputed() {
	if lookup "$refusals" "$1"; then
		problem "voce $1: qui la firma vale, e il registro la respinge (voce ${value#*|}): il portachiavi di allora era un altro" \
			"record $1: the signature holds here, and the ledger refuses it (record ${value#*|}): the key ring of then was another one"
	fi
}

# --- 4. The root: each record lies under the root of the checkpoint, at its own number --

origin='' size='' root='' proven=0
if is_file checkpoint; then
	{
		IFS= read -r origin || :
		IFS= read -r size || :
		IFS= read -r root || :
	} <checkpoint
	if [ "$origin" != "$ledger" ] || ! is_number "$size"; then
		problem "il sigillo è di un altro registro" "the checkpoint is of another ledger"
		size=''
	fi
fi

# steps FILES: reads proofs (C2SP tlog-proof; RFC 9162, section 2.1.3.2) and prints for each step
# of each one the record, the number of the step, the side on which its hash stands, and that hash
# in octal; after a proof that is whole, its last step; at the end the root in hexadecimal.
steps() {
	awk -v "size=$size" -v "root=$root" '
	function digit(text, i) { return index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", substr(text, i, 1)) - 1 }
	# bytes: 32 bytes in base64, each one written in a form.
	function bytes(text, form,   i, n, out) {
		if (length(text) != 44 || text !~ /^[A-Za-z0-9+\/]+=$/) return ""
		text = substr(text, 1, 43) "A"
		for (i = 1; i <= 44; i += 4) {
			n = ((digit(text, i) * 64 + digit(text, i + 1)) * 64 + digit(text, i + 2)) * 64 + digit(text, i + 3)
			out = out sprintf(form, int(n / 65536)) sprintf(form, int(n / 256) % 256)
			if (i < 41) out = out sprintf(form, n % 256)
		}
		return out
	}
	function finish() { if (!wrong && ended && right == 0) print seq, n, "end" }
	FNR == 1 {
		if (NR > 1) finish()
		seq = FILENAME; gsub(/[^0-9]/, "", seq)
		wrong = $0 != "c2sp.org/tlog-proof@v1"; ended = n = 0
		at = seq - 1; right = size - 1
		next
	}
	wrong || ended { next }
	FNR == 2 { if ($1 != "index" || $2 !~ /^[0-9]+$/ || $2 + 0 != at || at > right) wrong = 1; next }
	$0 == "" { ended = 1; next }
	{
		hash = bytes($0, "\\0%03o")
		if (right == 0 || hash == "") { wrong = 1; next }
		left = at % 2 || at == right
		print seq, ++n, left ? "left" : "right", hash
		while (left && at % 2 == 0 && at > 0) { at = int(at / 2); right = int(right / 2) }
		at = int(at / 2); right = int(right / 2)
	}
	END { finish(); print "root", bytes(root, "%02x") }
	' "$@"
}

# climb FILES: goes up from the leaves n.SEQ in the scratch folder, all of them one step at a time.
climb() {
	wanted=$(sed -n -e 's/^root //p' "$scratch/steps") step=0
	while [ $# -gt 0 ]; do
		(cd "$scratch" && digests "$@") >"$scratch/nodes"
		awk -v "step=$step" '
		function digit(i) { return index("0123456789abcdef", substr($1, i, 1)) - 1 }
		NR == FNR {
			if ($3 == "end") last[$1] = $2
			else if ($2 == step + 1) { side[$1] = $3; hash[$1] = $4 }
			next
		}
		{
			own = ""; seq = $2; sub(/^\*?n\./, "", seq)
			for (i = 1; i < 64; i += 2) own = own sprintf("\\0%03o", 16 * digit(i) + digit(i + 1))
			if (!(seq in last)) print seq, "wrong"
			else if (last[seq] == step) print seq, $1
			else print seq, "\\0001" (side[seq] == "left" ? hash[seq] own : own hash[seq])
		}
		' "$scratch/steps" "$scratch/nodes" >"$scratch/next"
		step=$((step + 1))
		set --
		while read -r seq node; do
			case "$node" in
			\\0001*) printf '%b' "$node" >"$scratch/n.$seq" && set -- "$@" "n.$seq" ;;
			"$wanted") proven=$((proven + 1)) ;;
			*) problem "la voce $seq non sta sotto la radice del sigillo a questo numero" "record $seq does not lie under the checkpoint's root at this number" ;;
			esac
		done <"$scratch/next"
	done
}

if [ -n "$size" ]; then
	set --
	leaves=''
	for seq in $numbered; do
		if [ "$seq" -gt "$size" ]; then continue; fi
		if ! is_file "proofs/$seq.tlog-proof"; then
			problem "la voce $seq non ha la prova che il sigillo la comprende" "record $seq has no proof that the checkpoint covers it"
			continue
		fi
		{ printf '\0' && cat "records/$seq"; } >"$scratch/n.$seq"
		leaves="$leaves n.$seq"
		set -- "$@" "proofs/$seq.tlog-proof"
	done
	if [ $# -gt 0 ]; then
		steps "$@" >"$scratch/steps"
		# shellcheck disable=SC2086 # names without blanks
		climb $leaves
	fi
fi

# bare is for awk: a key as what it is, whatever it is called. Whoever has the private half can sign with it
# as a plain key, as a hardware key and as a passkey of any page: revoked as one it is revoked as the others.
# shellcheck disable=SC2016 # for awk
bare='
function digit64(text, i) { return index("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", substr(text, i, 1)) - 1 }
function hex(text,   i, k, n, d, out) {
	for (i = 1; i <= length(text); i += 4) {
		n = 0
		for (k = 0; k < 4; k++) { d = digit64(text, i + k); n = n * 64 + (d < 0 ? 0 : d) }
		out = out sprintf("%06x", n)
	}
	return out
}
function number(digits,   i, n) {
	for (i = 1; i <= length(digits); i++) n = n * 16 + index("0123456789abcdef", substr(digits, i, 1)) - 1
	return n
}
# take: the next of the counted parts of bytes, as SSH writes them; skip passes over others.
function take(   n, part) {
	n = 2 * number(substr(bytes, 1, 8)); part = substr(bytes, 9, n)
	bytes = substr(bytes, 9 + n)
	return part
}
function skip(n) { bytes = substr(bytes, 2 * n + 1) }
function letters(part,   i, n, out) {
	for (i = 1; i < length(part); i += 2) {
		n = number(substr(part, i, 2))
		out = out (n == 9 || n == 10 || n == 13 ? "\t" : n < 32 ? "\001" : n > 126 ? "\177" : sprintf("%c", n))
	}
	return out
}
# key: takes one out of bytes, up to the end of what is the key, and sets kind.
function key(   mark) {
	kind = letters(take())
	if (kind ~ /-cert-v01@/) take()
	mark = kind ~ /ssh-ed25519/ ? "ed25519:" : kind ~ /ecdsa-sha2-nistp256/ ? "p256:" : "other:"
	if (mark == "other:") return mark bytes
	if (mark == "p256:") take()
	mark = mark take()
	if (kind ~ /^sk-/) take()
	return mark
}
function key_of(text) { bytes = hex(text); return key() }
'

# --- 5. The key ring: each version was brought by a record and approved by its managers --

# faults FILE: what is wrong with a ring. ssh-keygen passes over lines that it does not
# understand, and takes lines that admit to everything for ever: what Tocsin would not take is no
# key ring here either.
faults() {
	awk "$bare"'
	function fine(name) { return name ~ /^[a-z0-9_][a-z0-9._-]*@[a-z0-9_][a-z0-9._-]*$/ && name !~ /\.\./ && name !~ /\.$/ && length(name) <= 255 }
	# without: takes an option off the others; its length lies in these bounds.
	function without(option, least, most) {
		if (!match(left, option) || RLENGTH < least || RLENGTH > most) return 0
		left = substr(left, 1, RSTART - 1) substr(left, RSTART + RLENGTH)
		return 1
	}
	{ sub(/\r$/, "") }
	NF == 0 || $1 ~ /^#/ { next }
	{
		lines++
		name = $1; left = "," $2; roles = $2; first = ""
		authority = without(",cert-authority", 15, 15)
		if (authority) sub(/^\*@/, "any@", name)
		good = fine(name) && $4 ~ /^[A-Za-z0-9+\/=]+$/
		if ($3 !~ /^(ssh-ed25519|ecdsa-sha2-nistp256|sk-ssh-ed25519@openssh\.com|sk-ecdsa-sha2-nistp256@openssh\.com)$/) good = 0
		if (!without(",valid-after=\"[0-9]+Z\"", 24, 30) || !without(",valid-before=\"[0-9]+Z\"", 25, 31)) good = 0
		if (!without(",namespaces=\"[a-z.@,]+\"", 15, 999) || left != "") good = 0
		sub(/.*namespaces="/, "", roles); sub(/".*/, "", roles)
		n = split(roles, names, ",")
		for (i = 1; i <= n; i++) {
			role = names[i]; sub(/@.*/, "", role)
			if (names[i] != role "@tocsin" && names[i] != role "@exercise.tocsin") good = 0
			if (role !~ /^(officer|police|deputy|breakglass|correction|keyring)$/ || first != "" && role != first) good = 0
			first = role
		}
		who = $1 " " first " " authority
		if (!good) { print "line"; next }
		held = key_of($4)
		if (held in owner && owner[held] != who) print "key", $1
		owner[held] = who
	}
	END { if (!lines) print "empty" }
	' "$1"
}

# read_ring N: reads the ring of a version; 0 stands for a ring without versions.
read_ring() {
	for path in signers revoked policy; do
		is_file "keys/$1/$path" || give_up "manca il file keys/$1/$path" "the file keys/$1/$path is missing"
	done
	if [ -z "$z" ]; then sed -e 's/\(valid-[a-z]*="[0-9]*\)Z"/\1"/g' "keys/$1/signers" >"$scratch/ring.$1"; fi
	awk "$bare"'
	{ sub(/\r$/, "") }
	NF == 0 || $1 ~ /^#/ { next }
	$1 !~ /^[a-z0-9@.-]+$/ || $2 !~ /^[A-Za-z0-9+\/]+=*$/ { print "revoked"; next }
	{ print key_of($2) }
	' "keys/$1/revoked" >"$scratch/revoked.$1"
	while read -r fault name; do
		case "$fault" in
		line) problem "il portachiavi ha una riga che Tocsin non ammette" "the key ring has a line that Tocsin does not take" ;;
		empty) problem "il portachiavi è vuoto" "the key ring is empty" ;;
		revoked) problem "l'elenco delle chiavi revocate ha una riga che Tocsin non ammette" "the list of revoked keys has a line that Tocsin does not take" ;;
		key) problem "una chiave è nel portachiavi per due persone o due ruoli ($name)" "one key is in the key ring for two persons or two roles ($name)" ;;
		esac
	done <<EOF
$(faults "keys/$1/signers" && sed -n -e '/^revoked$/p' "$scratch/revoked.$1")
EOF
}

# sum_of PATH: sets value to the SHA-256 that a file was found to have.
sum_of() { lookup "$found" "$1" || :; }

# ring_digest N: prints what the ledger calls key_ring.
ring_digest() {
	sum_of "keys/$1/signers" && signers=$value
	sum_of "keys/$1/revoked" && printf 'signers %s\nrevoked %s\n' "$signers" "$value" | digest
}

# verify-ring.sh, the one with this digest, holds each version against the one before it:
# its number, the digest that it follows, its files, its end, and the managers of both.
ring_script=04c3760c051eca847b36d83b9b5a58efde1b0d57ec55fc593a879142286af885

# approved TIME FOLDERS: what that script says, as of a time.
approved() {
	moment=$1
	shift
	AT=$moment REALM=$realm TOCSIN_LANG=$lang sh "$scratch/verify-ring.sh" "$@" >"$scratch/approved" 2>&1
}

# approved_first: whether the managers of the first version signed it while they could.
approved_first() {
	# shellcheck disable=SC2013 # words are what is meant
	for after in $(sed -n -e 's/.*valid-after="\([0-9]*\)Z".*/\1/p' keys/1/root | sort -u); do
		case ${#after} in 8) after=${after}000000 ;; 12) after=${after}00 ;; esac
		if approved "${after}Z" keys/1; then return 0; fi
	done
	return 1
}

# brought_by SEQ VERSION: whether the record is the one of that version, as it lies here.
brought_by() {
	lookup "$brought" "$1" || return 1
	IFS='|' read -r r_version r_meta r_ring r_stamp <<EOF
$value
EOF
	sum_of "keys/$2/meta"
	[ "$r_version" = "$2" ] && [ "$r_meta" = "$value" ] && [ "$r_ring" = "$(ring_digest "$2")" ]
}

before=0 before_seq=-1 named=0
if [ -z "$versions" ]; then
	read_ring 0
else
	for path in "$beside/verify-ring.sh" verify-ring.sh; do
		if is_file "$path" && [ "$(digest <"$path")" = "$ring_script" ]; then cat "$path" >"$scratch/verify-ring.sh" && break; fi
	done
	is_file "$scratch/verify-ring.sh" || give_up "manca verify-ring.sh, quello con l'SHA-256 $ring_script" "verify-ring.sh is missing, the one with SHA-256 $ring_script"
fi
for one in $versions; do
	version=${one%|*} seq=${one#*|} good=no
	if [ "$version" -ne $((before + 1)) ] || [ "$seq" -le "$before_seq" ]; then
		give_up "le versioni del portachiavi non si susseguono (versione $version, voce $seq)" "the versions of the key ring do not follow each other (version $version, record $seq)"
	fi
	read_ring "$version"
	if [ "$seq" -gt 0 ]; then
		named=$((named + 1))
		brought_by "$seq" "$version" || give_up "la versione $version del portachiavi non è quella che porta la voce $seq" "version $version of the key ring is not the one that record $seq brings"
	fi
	if [ "$version" = 1 ]; then
		if approved_first; then good=yes; fi
	elif approved "${r_stamp}Z" "keys/$before" "keys/$version"; then
		good=yes
	fi
	if [ "$good" = no ]; then
		value=$(sed -n -e 's/^NO: //p' "$scratch/approved")
		problem "i responsabili delle chiavi non hanno approvato la versione $version del portachiavi: $value" \
			"the key-ring managers have not approved version $version of the key ring: $value"
	fi
	before=$version before_seq=$seq
done
[ "$rings_brought" -eq "$named" ] || problem "una voce porta una versione del portachiavi che export.txt non nomina" "a record brings a version of the key ring that export.txt does not name"

# version_at SEQ: sets version to the one by which the record is judged: the newest one that a
# record before it brought, and the first one where there is none.
version_at() {
	version=0
	for one in $versions; do
		if [ "$version" = 0 ] || [ "${one#*|}" -lt "$1" ]; then version=${one%|*}; fi
	done
}

# use_version N: has what follows judged by that version.
in_use=''
use_version() {
	if [ "$in_use" = "$1" ]; then return 0; fi
	in_use=$1 ring=keys/$1/signers revoked=keys/$1/revoked
	if [ -z "$z" ]; then ring=$scratch/ring.$1; fi
	read_policy "keys/$1/policy"
}

# --- 6. The policy: every line of it is understood, or the answer is no ------------------

unread_policy() {
	give_up "le regole di firma hanno una riga che questo script non sa leggere: $(shown "$1")" "the signing policy has a line that this script can't read: $(shown "$1")"
}

# policy_lines FILE: what a policy says, as lines "section.key|words".
policy_lines() {
	awk '
	function unread() { if (!failed) print "unread|" text; failed = 1 }
	function add(to, word) {
		gsub(/^ +| +$/, "", word)
		if (word ~ /^"[^"]*"$/ || word ~ /^\047[^\047]*\047$/) word = substr(word, 2, length(word) - 2)
		if (word !~ /^[A-Za-z0-9.:\/_-]+$/) unread()
		words[to] = words[to] " " word
	}
	BEGIN {
		split("alert update cancel prepared.correction prepared.revocation prepared.ratification", names, " ")
		for (i in names) { form[names[i]] = "section"; form[names[i] ".all"] = form[names[i] ".any"] = "list" }
		split("prepared halts halts.refusal halts.withdrawal hardware_keys breakglass", names, " ")
		for (i in names) form[names[i]] = "section"
		split("halts.refusal.any halts.withdrawal.any hardware_keys.origins breakglass.at_once breakglass.events breakglass.channels breakglass.notify", names, " ")
		for (i in names) form[names[i]] = "list"
		form["hardware_keys.user_verification"] = form["hardware_keys.synced_passkeys"] = "truth"
		split("version breakglass.attempts breakglass.wait_minutes breakglass.life_minutes breakglass.per_day", names, " ")
		for (i in names) form[names[i]] = "number"
	}
	failed { next }
	{
		sub(/\r$/, ""); sub(/^#.*/, ""); sub(/ #.*/, ""); sub(/ *$/, "")
		if ($0 == "") next
		match($0, /^ */); depth = RLENGTH; text = substr($0, depth + 1)
	}
	text ~ /^- / {
		if (list == "" || depth < at[top]) unread()
		add(list, substr(text, 3))
		next
	}
	{
		while (top > 0 && at[top] >= depth) top--
		above = top ? path[top] : ""
		if (!match(text, /^[a-z_]+:/) || above == "" && depth > 0 || (above in child) && child[above] != depth) { unread(); next }
		child[above] = depth
		key = (top ? above "." : "") substr(text, 1, RLENGTH - 1); value = substr(text, RLENGTH + 1)
		if (value != "" && value !~ /^ / || key in words || !(key in form)) { unread(); next }
		sub(/^ +/, "", value)
		words[key] = list = ""
		at[++top] = depth; path[top] = key
		if (form[key] == "section") { if (value != "") unread() }
		else if (form[key] == "truth") { if (value !~ /^(true|false)$/) unread(); words[key] = " " value }
		else if (form[key] == "number") { if (value !~ /^([0-9]|[1-9][0-9])$/) unread(); words[key] = " " value }
		else if (value == "") list = key
		else if (value !~ /^\[.*\]$/) unread()
		else {
			value = substr(value, 2, length(value) - 2)
			n = value ~ /^ *$/ ? 0 : split(value, names, ",")
			for (i = 1; i <= n; i++) add(key, names[i])
		}
	}
	END { for (key in words) print key "|" substr(words[key], 2) }
	' "$1"
}

# slots_of RULE: sets slots to one word for each signature that the rule asks for, with the
# roles that may give it.
slots_of() {
	slots='' given=' '
	lookup "$policy" "$1.all" || :
	all=$value
	lookup "$policy" "$1.any" || :
	any=$value
	for role in $all $any; do
		if ! is_role "$role" || [ "$role" = keyring ]; then unread_policy "$role"; fi
		case "$given" in *" $role "*) unread_policy "$role" ;; esac
		given="$given$role "
	done
	if [ -n "$all" ] && [ -n "$any" ]; then unread_policy "all, any"; fi
	for role in $all; do slots="$slots${slots:+ }$role"; done
	for role in $any; do slots="$slots${slots:+,}$role"; done
	[ -n "$slots" ] || unread_policy "all, any"
}

# rule_of KIND TYPE: sets slots for a bulletin; where the policy says nothing on what is
# prepared, the rule of its type holds.
rule_of() {
	case "$2" in Alert) rule=alert ;; Update) rule=update ;; *) rule=cancel ;; esac
	if [ -n "$1" ] && lookup "$policy" "prepared.$1"; then rule=prepared.$1; fi
	slots_of "$rule"
}

# halt_rule TYPE: sets slots to those who may refuse or withdraw what is not released.
halt_rule() {
	rule=halts.refusal slots=police,deputy
	if [ "$1" = withdrawn ]; then rule=halts.withdrawal slots=officer,deputy; fi
	if lookup "$policy" "$rule"; then slots_of "$rule"; fi
}

# count_of KEY LEAST MOST: sets value to a number of the policy.
count_of() {
	if ! lookup "$policy" "$1" || [ "$value" -lt "$2" ] || [ "$value" -gt "$3" ]; then unread_policy "$1"; fi
}

# read_policy FILE: sets policy, and what hardware keys and break-glass must attest.
read_policy() {
	policy=$nl$(policy_lines "$1")$nl
	if lookup "$policy" unread; then unread_policy "$value"; fi
	count_of version 1 1
	for rule in alert update cancel; do slots_of "$rule"; done
	for rule in prepared.correction prepared.revocation prepared.ratification halts.refusal halts.withdrawal; do
		if lookup "$policy" "$rule"; then slots_of "$rule"; fi
	done
	verification=true synced=false
	if lookup "$policy" hardware_keys.user_verification; then verification=$value; fi
	if lookup "$policy" hardware_keys.synced_passkeys; then synced=$value; fi
	lookup "$policy" hardware_keys.origins || :
	origins=$value
	if lookup "$policy" breakglass; then
		count_of breakglass.attempts 1 9 && attempts=$value
		count_of breakglass.wait_minutes 0 60 && wait_minutes=$value
		count_of breakglass.life_minutes 1 30 && life_minutes=$value
		count_of breakglass.per_day 1 24 && per_day=$value
	fi
}

# --- 7. The bulletins: each is built as it must be, and so is what is prepared inside it --

# sections FILES: takes bulletins apart, section by section, by the bytes that each one
# counts: what stands inside a counted body is text, and never a field or a section of
# the bulletin itself. The first file lists SHA-256 and size of the others. It writes facts, each
# into a file SHA256.NAME of the scratch folder:
#
#   ok, or bad                     whether it is built as a bulletin is
#   the fields of the header, and those of the section breakglass
#   identifier, sender, sent, status, msgType, references
#                                  of its message, where the element stands there once, in one line
#   channels, bytes                each as NAME/KIND; how many bytes it has
#   held-KIND                      what is prepared inside it: the SHA-256 that is said of it, and the
#                                  file of the scratch folder into which its bytes are copied
#   core                           the file into which all bytes before that are copied
#   infos, codes                   of break-glass: how many infos, and their event codes as N=CODE
#   comment                        of break-glass: the message can't be read with certainty
sections() {
	SCRATCH=$scratch awk -v "level=$level" '
	function refuse() { bad = 1 }
	function hex(s) { return length(s) == 64 && s !~ /[^0-9a-f]/ }
	function value(name) { return index($0, name ": ") == 1 ? substr($0, length(name) + 3) : "" }
	function fact(name, text) { print text > (scratch id "." name); close(scratch id "." name) }
	# element: counts the places where a line begins the element, and takes its text.
	function element(name,   rest, close_tag) {
		rest = $0
		while (match(rest, "<([^ <>/:!?]+:)?" name "([ \t\r/>]|$)")) {
			times[name]++
			close_tag = "</" substr(rest, RSTART + 1, RLENGTH - 1)
			rest = substr(rest, RSTART + RLENGTH)
			if (close_tag ~ />$/ && index(rest, "<") == index(rest, close_tag) && index(rest, close_tag) > 0) texts[name] = substr(rest, 1, index(rest, "<") - 1)
			else times[name]++
		}
	}
	function finish(   i) {
		if (file == "") return
		close(core_file)
		if (made && texts["msgType"] == "Cancel") refuse()
		for (i = 1; i <= 6; i++) if (times[elements[i]] == 1) fact(elements[i], texts[elements[i]])
		fact("channels", channels); fact("bytes", size[file]); fact("core", core_name); fact("infos", infos + 0); fact("codes", codes); fact("holds", holds)
		fact(bad || state != "done" || end != size[file] ? "bad" : "ok", "")
	}
	function begin() {
		file = FILENAME; sub(/.*\//, "", file)
		id = digest[file]; state = "first"; bad = end = glass = infos = prepared = made = 0; core = section = channels = codes = holds = earlier = ""
		core_name = "core." level "." file; core_file = scratch core_name
		printf "" > core_file
		for (i in elements) { times[elements[i]] = 0; texts[elements[i]] = "" }
		if (size[file] > 4194304) refuse()
	}
	BEGIN {
		scratch = ENVIRON["SCRATCH"] "/"
		last = split("alert code number realm issuer composed expires not-after previous prepared-as prepared-for", names, " ")
		needed = 7
		split("identifier sender sent status msgType references", elements, " ")
		said["it"] = "Emesso da una sola autorità"; said["de"] = "Von nur einer Behörde herausgegeben"
		said["fr"] = "Émis par une seule autorité"; said["en"] = "Issued by one authority only"
	}
	FILENAME == ARGV[1] { name = $0; sub(/^ *[0-9a-f]+ [ *]?/, "", name); sub(/.*\//, "", name); if (hex($1)) digest[name] = $1; else size[name] = $1 + 0; next }
	FNR == 1 { finish(); begin() }
	bad { next }
	FNR > 1 && core == "" { print earlier > core_file }
	{ earlier = $0; at = end; end += length($0) + 1 }
	state == "first" {
		if ($0 != "tocsin-bulletin: 1") refuse()
		state = "header"; n = 0
		next
	}
	state == "header" && $0 != "" {
		for (n++; n <= last && value(names[n]) == ""; n++) if (n <= needed) refuse()
		if (n > last) refuse()
		else fact(names[n], value(names[n]))
		if (names[n] == "prepared-as") prepared = 1
		next
	}
	state == "header" {
		if (n < needed) refuse()
		state = "section"
		next
	}
	state == "section" {
		before = section
		section = substr($0, 5)
		if (substr($0, 1, 4) != "--- ") refuse()
		if (section == "breakglass" && before == "") { state = "glass"; n = 0; next }
		if (section == "scenario" && (before == "" || before == "breakglass")) { if (prepared) refuse(); state = "fields"; made = 1; n = 0; bytes = ""; next }
		if ((before == "" || before == "breakglass" || before == "scenario") != (section == "cap")) refuse()
		if (core == "" && (section == "prepared" || section == "end")) core = at
		if (section == "end") { state = "done"; next }
		if (section != "cap" && section != "prepared" && (core != "" || section != "post" && section != "mark" && section != "image")) refuse()
		state = "fields"; n = 0; bytes = as = sum = channel = kind = ""
		next
	}
	state == "glass" && $0 != "" {
		n++
		name = n == 1 ? "instead-of" : n == 2 ? "cause" : n == 3 ? "why" : "contact-" (n - 3)
		if (n > 12 || value(name) == "") refuse()
		fact(name, value(name))
		next
	}
	state == "glass" {
		if (n < 4) refuse()
		glass = 1; state = "section"
		next
	}
	state == "fields" && $0 != "" {
		n++
		if (value("channel") != "") channel = value("channel")
		if (value("kind") != "") kind = value("kind")
		if (value("language") != "") lang = tolower(value("language"))
		if (bytes != "") refuse()
		if (value("bytes") != "") {
			bytes = value("bytes")
			if (bytes !~ /^[1-9][0-9]*$/ || length(bytes) > 7) refuse()
			if (section == "cap" && n != 1 || section == "prepared" && n != 3 || section == "scenario" && n != 4) refuse()
		} else if (section == "scenario") {
			if (n == 1 && value("name") !~ /^[a-z][a-z0-9-]*$/ || n == 2 && value("version") !~ /^[1-9][0-9]*$/ || n == 3 && !hex(value("sha256")) || n > 3) refuse()
		} else if (section == "prepared" && n == 1) {
			as = value("as")
			if (as != "correction" && as != "revocation" && as != "ratification") refuse()
		} else if (section == "prepared" && n == 2) {
			sum = value("sha256")
			if (!hex(sum)) refuse()
		} else if (section == "cap" || section == "prepared" || $0 !~ /^[a-z0-9-]+: ./) refuse()
		next
	}
	state == "fields" {
		if (bytes == "" || section == "post" && (channel !~ /^[a-z0-9][a-z0-9-]*$/ || kind !~ /^[a-z0-9][a-z0-9-]*$/)) refuse()
		if (section == "post" && index(channels " ", " " channel "/" kind " ") == 0) channels = channels " " channel "/" kind
		stop = end + bytes + 1; told = 0; state = "body"
		sub(/-.*/, "", lang); if (!(lang in said)) lang = "en"
		if (section == "prepared") { part = "p." level "." ++parts; part_file = scratch part; fact("held-" as, sum " " part); holds = holds " " as; glue = "" }
		next
	}
	state == "body" {
		if (end > stop) refuse()
		if (section == "scenario" && $0 !~ /^[a-z][a-z0-9-]*=./) refuse()
		if (section == "cap") for (i = 1; i <= 6; i++) element(elements[i])
		if (section == "cap" && glass) {
			if (index($0, "<!")) fact("comment", "")
			line = $0; gsub(/^ +/, "", line)
			# An info or a code in any other form than compose writes could hide from what follows.
			if ($0 ~ /info[^a-z<]*>/ && line != "<info>" && line != "</info>" || $0 ~ /info$/ || $0 ~ /eventCode/ && line != "<eventCode>" && line != "</eventCode>") fact("comment", "")
			if (line == "<info>") infos++
			if (line == "<eventCode>") coded = 1
			else if (coded == 1 && line ~ /^<valueName>[^<]*<\/valueName>$/) { code = substr(line, 12, length(line) - 23); coded = 2 }
			else if (coded == 2 && line ~ /^<value>[^<]*<\/value>$/) { code = code "/" substr(line, 8, length(line) - 15); coded = 3 }
			else if (coded == 3 && line == "</eventCode>") { if (code !~ /[^A-Za-z0-9.:\/_-]/) codes = codes " " infos "=" code; coded = 0 }
			else coded = 0
		}
		if (section == "post" && $0 == said[lang]) told = 1
		if (section == "prepared") { printf "%s%s", glue, $0 > part_file; glue = "\n" }
		if (end < stop) next
		if (section == "prepared") close(part_file)
		if (section == "post" && glass && !told) refuse()
		state = "section"
		next
	}
	{ refuse() }
	END { finish() }
	' "$scratch/list" "$@"
}

# weigh FILES: lists SHA-256 and size of files for sections; the SHA-256 of a file NAME is a fact too,
# NAME.sum.
weigh() {
	if [ $# -eq 0 ]; then return 0; fi
	digests "$@" >"$scratch/list"
	while IFS= read -r line; do printf '%s\n' "${line%% *}" >"$scratch/${line##*/}.sum"; done <"$scratch/list"
	wc -c "$@" >>"$scratch/list"
}

# Level by level: the bulletins, what is prepared inside them, what is prepared inside that.
level=0 inside=''
set --
for path in bulletins/*; do
	if known "$path" && is_file "$path"; then set -- "$@" "$path"; fi
done
weigh "$@"
while [ $# -gt 0 ]; do
	level=$((level + 1))
	sections "$@"
	set --
	for path in "$scratch/p.$level."*; do if [ -f "$path" ]; then set -- "$@" "$path"; fi; done
	weigh "$@" "$scratch/core.$level."*
	for path in "$@"; do inside="${path##*/} $inside"; done
done

# fact ID NAME: sets value to a fact of a bulletin; fails, with an empty one, where there is none.
fact() {
	value=''
	[ -f "$scratch/$1.$2" ] && IFS= read -r value <"$scratch/$1.$2"
}

# same ID OTHER NAME: whether two bulletins say the same.
same() {
	fact "$1" "$3" || return 1
	said=$value
	fact "$2" "$3" && [ "$value" = "$said" ]
}

# among WORDS OTHERS: whether each word is one of the others.
among() {
	for one in $1; do
		case " $2 " in *" $one "*) ;; *) return 1 ;; esac
	done
}

# until_of ID: sets value to the time at which a bulletin ends.
until_of() { fact "$1" expires && seconds "$value"; }

# held AROUND KIND: whether what is prepared inside a bulletin goes with it as Tocsin demands: it
# says no more than that this one is in doubt or disregarded, to the same people. It sets inner to its
# SHA-256, or why.
held() {
	fact "$1" "held-$2" && kind_of "$2" ''
	pick "ciò che sta pronto dentro di esso ($words)" "what is prepared inside it ($words)"
	no=$words inner=${value%% *}
	fact "${value#* }" sum || :
	if [ "$value" != "$inner" ]; then
		because "$no non ha l'SHA-256 scritto lì" "$no does not have the SHA-256 that it says"
		return 1
	fi
	if lookup "$unfit" "$inner"; then
		why="$no: $value"
		return 1
	fi
	fact "$1" core && fact "$value" sum
	core=$value
	fact "$inner" prepared-as || :
	as=$value
	fact "$inner" prepared-for || :
	if [ "$as" != "$2" ] || [ "$value" != "$core" ]; then
		because "$no è stato preparato per un altro bollettino" "$no was prepared for another bulletin"
		return 1
	fi
	for name in alert code realm issuer sender status; do
		same "$1" "$inner" "$name" || { because "$no ha un'altra indicazione di $name, o una che non si legge con certezza" "$no has another $name, or one that can't be read with certainty" && return 1; }
	done
	fact "$1" number && number=$value
	if ! fact "$inner" number || [ "$value" -ne $((number + 1)) ]; then
		because "$no non ha il numero che segue" "$no does not have the number that follows"
		return 1
	fi
	reference=''
	for name in sender identifier sent; do
		fact "$1" "$name" || :
		reference=$reference,$value
	done
	fact "$inner" references || :
	if ! among "${reference#,}" "$value"; then
		because "$no non si riferisce al messaggio di cui prende il posto" "$no does not refer to the message whose place it takes"
		return 1
	fi
	fact "$1" channels && channels=$value
	fact "$inner" channels || :
	if ! among "$channels" "$value" || ! among "$value" "$channels"; then
		because "$no è per altri canali" "$no is for other channels"
		return 1
	fi
	until_of "$1" && expires=$value
	if ! until_of "$inner" || [ "$value" -lt "$expires" ]; then
		because "$no scade prima di esso" "$no expires before it"
		return 1
	fi
}

# read_bulletin ID: sets what the signed bytes say; sets why where they are no bulletin of this
# alert.
read_bulletin() {
	why='' holds=''
	if ! fact "$1" ok || fact "$1" bad; then
		because "i suoi byte non sono costruiti come un bollettino" "its bytes are not built as a bulletin is"
		return 1
	fi
	if ! fact "$1" alert || [ "$value" != "$alert" ] || ! fact "$1" code || [ "$value" != "$code" ]; then
		because "è di un'altra allerta, o ha un altro codice" "it is of another alert, or has another code"
		return 1
	fi
	if ! fact "$1" realm || [ "$value" != "$realm" ]; then
		because "è dell'altro ambiente (reale ed esercitazione sono separati)" "it is of the other realm (live and exercise are separate)"
		return 1
	fi
	fact "$1" msgType || :
	b_type=$value
	case "$b_type" in
	Alert | Update | Cancel) ;;
	*) because "il genere del messaggio (msgType) non si legge con certezza" "the kind of its message (msgType) can't be read with certainty" && return 1 ;;
	esac
	b_not_after='' b_composed='' bad=''
	fact "$1" number && b_number=$value
	until_of "$1" && b_expires=$value || bad=yes
	if fact "$1" composed && seconds "$value"; then b_composed=$value; else bad=yes; fi
	if fact "$1" not-after; then seconds "$value" && b_not_after=$value || bad=yes; fi
	fact "$1" previous || :
	b_previous=$value
	fact "$1" prepared-as || :
	b_as=$value
	fact "$1" prepared-for || :
	b_for=$value
	fact "$1" instead-of || :
	b_instead=$value
	# Bulletin 1 follows none, each other one names by one field the one that it follows.
	case "$b_number|$b_type|${b_previous:+previous}|$b_as|${b_for:+for}" in
	'1|Alert|||') ;;
	1\|* | *'|Alert|'*) bad=yes ;;
	*'|previous||' | *'|Update||correction|for' | *'|Cancel||revocation|for' | *'|Update||ratification|for') ;;
	*) bad=yes ;;
	esac
	if [ -n "$b_previous$b_for" ] && ! is_hex64 "$b_previous$b_for"; then bad=yes; fi
	if [ -n "$b_instead" ] && { ! is_hex64 "$b_instead" || [ -n "$b_as" ] || [ "$b_type" = Cancel ]; }; then bad=yes; fi
	if [ -n "$bad" ] || ! is_number "$b_number"; then
		because "numero, genere e ciò che segue non vanno insieme" "its number, its kind and what it follows do not go together"
		return 1
	fi
	fact "$1" holds || :
	kinds=$value
	case "$b_type|$b_as|$kinds" in
	*'|' | 'Update|correction| revocation' | 'Alert||'* | 'Update||'* | 'Update|ratification|'*) ;;
	*) bad=yes ;;
	esac
	case "${b_instead:+glass}|$kinds" in
	*'|' | *'| correction' | *'| revocation' | *'| correction revocation') ;;
	'glass| ratification' | 'glass| correction ratification' | 'glass| revocation ratification' | 'glass| correction revocation ratification') ;;
	*) bad=yes ;;
	esac
	if [ -n "$bad" ]; then
		because "non può avere pronti dentro di sé questi bollettini:$kinds" "it may not have these prepared inside it:$kinds"
		return 1
	fi
	for kind in $kinds; do
		held "$1" "$kind" || return 1
		holds=$holds$1\ $kind\ $inner$nl
	done
}

# recorded ID: whether the ledger's record of the bulletin that was read last says of it what it says itself.
# Nobody decides by the record, but whoever reads along must not be deceived. Else it sets why.
recorded() {
	for name in number code identifier msg_type kind expires bytes breakglass; do
		fact "$1" "said-$name" || :
		record=$value
		case "$name" in
		msg_type) value=$b_type ;;
		kind) if [ -n "$record" ]; then value=$b_as; fi ;; # records of older programs do not say it
		expires)
			seconds "$record" || :
			record=$value value=$b_expires
			;;
		breakglass) value=${b_instead:+yes} ;;
		*) fact "$1" "$name" || : ;;
		esac
		if [ "$value" = "$record" ]; then continue; fi
		because "la voce del registro ne dà un'altra indicazione di $name" "the ledger's record of it says another $name"
		return 1
	done
}

# What is prepared is read first, the innermost before what is around it.
unfit=$nl
for part in $inside; do
	fact "$part" sum && id=$value
	read_bulletin "$id" || unfit=$unfit$id\|$why$nl
done

# asks ID: sets slots to what the policy asks for, or why where it does not allow the bulletin.
asks() {
	if [ -n "$b_instead" ]; then
		allows_glass "$1" || return 1
		slots='officer breakglass'
	else
		rule_of "$b_as" "$b_type"
	fi
}

# --- 8. Break-glass: it was allowed, somebody had tried to call, and the wait was over -------

# every ID LIST: whether every info of a message has an event code of a list of the policy, and
# there is an info.
every() {
	fact "$1" infos && infos=$value n=0
	fact "$1" codes && codes=$value
	lookup "$policy" "$2" || return 1
	while [ "$n" -lt "$infos" ]; do
		n=$((n + 1)) has=''
		for one in $value; do
			case " $codes " in *" $n=$one "*) has=yes ;; esac
		done
		[ -n "$has" ] || return 1
	done
	[ "$n" -gt 0 ]
}

# allows_glass ID: whether the policy allows what the signed bytes say of a break-glass
# bulletin; it sets wait, in seconds, or why.
allows_glass() {
	pick "è un'emissione d'emergenza, e" "it is break-glass, and"
	no=$words
	if ! lookup "$policy" breakglass; then
		because "$no le regole non la ammettono" "$no the policy does not allow it"
		return 1
	fi
	if fact "$1" comment; then
		because "$no il suo messaggio non si legge con certezza" "$no its message can't be read with certainty"
		return 1
	fi
	if every "$1" breakglass.at_once; then
		wait=0
	elif every "$1" breakglass.events; then
		wait=$((wait_minutes * 60))
	else
		because "$no le regole non la ammettono per questo evento" "$no the policy does not allow it for this event"
		return 1
	fi
	fact "$1" channels && channels=$value
	lookup "$policy" breakglass.channels || :
	for one in $channels; do
		among "${one%/*}" "$value" || { because "$no le regole non la ammettono sul canale ${one%/*}" "$no the policy does not allow it on channel ${one%/*}" && return 1; }
	done
	if [ -z "$b_not_after" ] || [ "$b_expires" -gt $((b_composed + life_minutes * 60)) ] || [ "$b_not_after" -gt $((b_composed + life_minutes * 60)) ]; then
		because "$no vale per più dei $life_minutes minuti che le regole ammettono" "$no it holds for longer than the $life_minutes minutes that the policy allows"
		return 1
	fi
	rule_of '' "$b_type"
	calls=0
	while fact "$1" "contact-$((calls + 1))"; do
		calls=$((calls + 1)) whom=${value##* }
		# Who is to sign with the officer, and not somebody of the same house.
		case "$whom" in officer | breakglass) break ;; esac
		case " $slots " in *[\ ,]"$whom"[\ ,]*) continue ;; esac
		whom='' && break
	done
	case "$whom" in '' | officer | breakglass) calls=0 ;; esac
	if [ "$calls" -lt "$attempts" ]; then
		because "$no non cita i tentativi di contatto che le regole chiedono ($attempts)" "$no it does not name the contact attempts that the policy asks for ($attempts)"
		return 1
	fi
}

# nanoseconds TIME: sets value to the part of a time below a second, in nine digits.
nanoseconds() {
	value=000000000
	case "$1" in *.*) ;; *) return 0 ;; esac
	value=${1#*.} value=${value%%[!0-9]*}00000000
	value=${value%"${value#?????????}"}
}

# timely ID HANDED TIME AT SEQ: whether each attempt that the bulletin names stands in the
# ledger, for the bulletin that it replaces and before it was handed in itself, and the
# wait since the first of them was over at a time; else sets why.
timely() {
	first='' first_part='' n=1
	if lookup "$stopped" "$b_instead" && [ "$value" -lt "$5" ]; then
		because "il bollettino di cui prende il posto era stato rifiutato o ritirato (voce $value)" "the bulletin that it stands for was refused or withdrawn (record $value)"
		return 1
	fi
	if [ $((b_composed - $4)) -gt 300 ]; then
		because "dice di essere stato composto dopo le firme" "it says that it was composed after it was signed"
		return 1
	fi
	while fact "$1" "contact-$n"; do
		n=$((n + 1))
		IFS=' ' read -r c_seq c_time c_way c_whom <<RECORD
$value
RECORD
		if ! is_number "$c_seq" || ! lookup "$contacts" "$c_seq" || [ "$c_seq" -ge "$2" ]; then
			because "il tentativo di contatto che cita non è nel registro prima di esso (voce $(shown "$c_seq"))" "the contact attempt that it names is not in the ledger before it (record $(shown "$c_seq"))"
			return 1
		fi
		IFS='|' read -r r_digest r_number r_time r_at r_way r_whom <<RECORD
$value
RECORD
		if [ "$r_digest" != "$b_instead" ] || [ "$r_number" != "$b_number" ] || [ "$r_way" != "$c_way" ] || [ "$r_whom" != "$c_whom" ] || [ "${r_time%%[.Z]*}Z" != "$c_time" ]; then
			because "il tentativo di contatto della voce $c_seq non è quello che esso cita" "the contact attempt of record $c_seq is not the one that it names"
			return 1
		fi
		nanoseconds "$r_time"
		if [ -z "$first" ] || [ "$r_at" -lt "$first" ] || { [ "$r_at" -eq "$first" ] && [ "$value" -lt "$first_part" ]; }; then
			first=$r_at first_part=$value
		fi
	done
	nanoseconds "$3"
	if [ "$4" -gt $((first + wait)) ] || { [ "$4" -eq $((first + wait)) ] && [ "$value" -ge "$first_part" ]; }; then return 0; fi
	because "le firme sono arrivate prima che l'attesa fosse finita" "the signatures came before the wait was over"
	return 1
}

# colleague ROLE PRINCIPAL KEY ORGANISATION: whether another person of the same
# organisation signed before in the other of the two roles, with another key.
colleague() {
	while IFS='|' read -r a_role a_principal a_key a_organisation; do
		case "$1|$a_role" in 'officer|breakglass' | 'breakglass|officer') ;; *) continue ;; esac
		if [ "$a_principal" != "$2" ] && [ "$a_key" != "$3" ] && [ "$a_organisation" = "$4" ]; then return 0; fi
	done <<EOF
$approvals
EOF
	return 1
}

# --- 9. The signatures: each was made by a person whom the version in force admitted ---------

# took_apart FILE: sets held to the bare key that made a signature, authority to that of the authority that
# certifies it, or nothing, client to what a browser signed, and browser to json, or none where there was
# no browser, twice where an object in it has a name twice, or odd where it is no JSON with plain names.
took_apart() {
	held='' authority='' browser='' client=''
	awk "$bare"'
	function blank() { while (substr(data, at, 1) ~ /^[ \t]$/) at++ }
	function odd() { if (browser == "json") browser = "odd" }
	function string(   c, from) {
		if (substr(data, at, 1) != "\"") { odd(); return "" }
		from = ++at
		while ((c = substr(data, at, 1)) != "\"") {
			if (c == "" || c == "\t" || c == "\001") { odd(); return "" }
			if (c == "\\") {
				c = substr(data, at + 1, 5)
				if (c !~ /^["\\\/bfnrt]/ && c !~ /^u[0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f][0-9A-Fa-f]$/) { odd(); return "" }
				at++
			}
			at++
		}
		at++
		return substr(data, from, at - 1 - from)
	}
	function value(   c, id, name, last) {
		blank(); c = substr(data, at, 1)
		if (c == "\"") { string(); return }
		if (c != "{" && c != "[") {
			if (!match(substr(data, at), /^(true|false|null|-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?)/)) odd()
			at += RLENGTH
			return
		}
		last = c == "{" ? "}" : "]"; id = ++objects; at++
		blank()
		if (substr(data, at, 1) == last) { at++; return }
		while (browser == "json") {
			if (last == "}") {
				blank(); name = string()
				if (name ~ /[^ -~]/ || index(name, "\\")) odd()
				else if ((id, name) in names) browser = "twice"
				names[id, name] = 1
				blank()
				if (substr(data, at++, 1) != ":") odd()
			}
			if (browser == "json") value()
			blank(); c = substr(data, at++, 1)
			if (c == last) return
			if (c != ",") odd()
		}
	}
	!/^-----/ { sub(/\r$/, ""); text = text $0 }
	END {
		all = hex(text); bytes = substr(all, 21) # after SSHSIG and the version
		signer = take(); take(); take(); take(); signed = take()
		bytes = signer
		print key()
		if (kind ~ /-cert-v01@/) {
			skip(12); take(); take(); skip(16); take(); take(); take()
			bytes = take()
			print key()
		} else print ""
		bytes = signed; browser = "none"
		if (letters(take()) ~ /^webauthn/) {
			take(); skip(5); take()
			data = letters(take()); browser = "json"; at = 1
			value(); blank()
			if (browser == "json" && at != length(data) + 1) odd()
		}
		print browser; print data
	}
	' "$1" >"$scratch/signature" || :
	{
		IFS= read -r held || :
		IFS= read -r authority || :
		IFS= read -r browser || :
		IFS= read -r client || :
	} <"$scratch/signature"
	case "$held" in ed25519:????????????????????????????????* | p256:04????????????????????????????????*) ;; *) return 1 ;; esac
	[ -n "$browser" ]
}

# attested: what a hardware key or passkey attested; sets hardware to words for
# people, or why to the reason for which the policy does not take it.
attested() {
	# ssh-keygen writes nothing of the signer's into this line.
	flags=$(ssh-keygen -vv -Y verify -f "$ring" -r "$revoked" -I "$principal" -n "$namespace" -s "$sig" \
		-O "verify-time=$stamp$z" <"$signed" 2>&1 >/dev/null |
		sed -n -e "s/$cr\$//" -e 's/^debug[0-9]: [a-z_: ]*signature details: counter = [0-9]*, flags = 0x\([0-9a-f][0-9a-f]\)$/\1/p')
	case "$flags" in [0-9a-f][0-9a-f]) ;; *) because "ssh-keygen non dice che cosa ha attestato la chiave hardware" "ssh-keygen does not say what the hardware key attested" && return 1 ;; esac
	flags=$((0x$flags))
	present=$((flags & 1)) verified=$((flags >> 2 & 1)) copied=$((flags >> 3 & 1)) page=''
	pick "chiave hardware, presenza UP=$present, verifica UV=$verified, copiabile BE=$copied" "hardware key, presence UP=$present, verification UV=$verified, may be copied BE=$copied"
	hardware=$words
	if [ "$present" -ne 1 ]; then
		because "nessuno ha toccato la chiave (UP=0)" "nobody touched the key (UP=0)"
		return 1
	fi
	if [ "$verified" -ne 1 ] && [ "$verification" = true ]; then
		because "la chiave non ha chiesto PIN, impronta o volto (UV=0) e le regole lo esigono" "the key did not ask for PIN, fingerprint or face (UV=0), and the policy demands it"
		return 1
	fi
	if [ "$copied" -eq 1 ] && [ "$synced" = false ]; then
		because "la chiave può esistere su più dispositivi (BE=1) e le regole non lo ammettono" "the key may exist on several devices (BE=1), and the policy does not allow it"
		return 1
	fi
	# ssh-keygen looks at neither page nor frame of what a browser signed. It has checked that this begins as it
	# must, with the page that asked.
	case "$browser" in
	none) return 0 ;;
	twice) because "i dati del browser dicono due volte la stessa cosa" "the browser's data say something twice" && return 1 ;;
	esac
	text=$client
	case "$browser|$text" in
	'json|{"type":"webauthn.get","challenge":"'*'","origin":"'*)
		text=${text#*'{"type":"webauthn.get","challenge":"'} text=${text#*'","origin":"'}
		page=${text%%\"*} text=${text#*\"}
		case "$text" in
		,\"crossOrigin\":false[,'}']* | '}') ;;
		*) because "la passkey ha firmato dentro una pagina incorniciata da un altro sito" "the passkey signed in a page that another site framed" && return 1 ;;
		esac
		pick pagina page
		hardware="$hardware, $words $(shown "$page")"
		;;
	*) because "i dati del browser non si leggono con certezza" "the browser's data can't be read with certainty" && return 1 ;;
	esac
	if [ -z "${origins#"${origins%%[! ]*}"}" ]; then return 0; fi
	case "$page| $origins " in
	*\ *\|* | *\'* | '|'*) because "la pagina che ha chiesto la firma non si legge con certezza" "the page that asked for the signature can't be read with certainty" && return 1 ;;
	*" $page "*) ;;
	*) because "la pagina $(shown "$page") non è fra quelle ammesse dalle regole" "the page $(shown "$page") is not one that the policy allows" && return 1 ;;
	esac
}

# certified: whether the certificate that a signature bears is one that Tocsin takes, of which ssh-keygen
# asks less: for one person, without critical options, and not for a key that the ring gives to somebody
# else. Else it sets why.
certified() {
	ssh-keygen -Y verify -f "$ring" -r "$revoked" -I "$principal" -n "$namespace" -s "$sig" \
		-O "verify-time=$stamp$z" -O print-pubkey <"$signed" 2>/dev/null | sed -n 2p >"$scratch/certificate"
	# A name can hold a line of its own: each of these must stand there once.
	bound=$(ssh-keygen -L -f "$scratch/certificate" 2>/dev/null | awk -v "name=$principal" '
	{ sub(/\r$/, "") }
	/^ *Principals:/ { if (people++) odd = 1; at = NR }
	/^ *Critical Options:/ { if (options++ || NR != at + 2) odd = 1; if ($0 !~ /\(none\)$/) bound = NR; next }
	at && at == NR - 1 { sub(/^ */, ""); if ($0 != name) odd = 1 }
	bound && NR == bound + 1 { sub(/^ */, ""); print "option " $0 }
	END { if (odd || people != 1 || options != 1) print "names" }
	')
	case "$bound" in
	'') ;;
	option*) because "il suo certificato ha opzioni critiche ($(shown "${bound#option }"))" "its certificate has critical options ($(shown "${bound#option }"))" && return 1 ;;
	*) because "il suo certificato non è per una persona sola" "its certificate is not for one person" && return 1 ;;
	esac
	if [ ! -f "$scratch/enrolled.$in_use" ]; then
		awk "$bare"'{ sub(/\r$/, "") } NF && $1 !~ /^#/ {
			role = $2; sub(/.*namespaces="/, "", role); sub(/@.*/, "", role)
			print key_of($4), $1 "/" role ($2 ~ /cert-authority/ ? "/authority" : "")
		}' "$ring" >"$scratch/enrolled.$in_use"
	fi
	while read -r mark owner; do
		if [ "$mark" != "$held" ] || [ "$owner" = "$principal/$role" ]; then continue; fi
		because "il suo certificato è per una chiave che il portachiavi dà a ${owner%%/*}" "its certificate is for a key that the key ring gives to ${owner%%/*}"
		return 1
	done <"$scratch/enrolled.$in_use"
}

# in_time: whether a signature came before the bulletin had expired, and by the time by which people
# had to sign; else sets why.
in_time() {
	if [ "$at" -ge "$b_expires" ]; then
		because "è arrivata quando il bollettino era scaduto" "it came when the bulletin had expired"
		return 1
	fi
	if [ -z "$b_not_after" ] || [ "$at" -lt "$b_not_after" ]; then return 0; fi
	case "$at|$time" in
	"$b_not_after|"*.*) ;;
	"$b_not_after|"*) return 0 ;;
	esac
	because "è arrivata dopo il termine per firmare" "it came after the time by which people had to sign"
	return 1
}

# holds_good SEQ FOLDER FILE: whether the signature of a record, which lies in the folder, is one
# on the file by a person whom the version in use admitted at the record's time, in a role that is asked
# for. It sets key, held, kind, organisation and hardware, or why.
holds_good() {
	sig=$2/$1.sig signed=$3 why='' armor=''
	IFS= read -r armor <"$scratch/armor.$1" || :
	pick "chiave in un file" "key in a file"
	hardware=$words
	role=${namespace%%@*} organisation=${principal#*@}
	if [ "$principal" = '?' ] || [ "$namespace" = '?' ] || [ -z "$armor" ]; then
		because "la voce non ha la forma delle nostre" "the record does not have the form of ours"
		return 1
	fi
	if [ "$namespace" = "$role@$other" ]; then
		because "è una firma dell'altro ambiente ($namespace)" "it is a signature of the other realm ($namespace)"
		return 1
	fi
	case " $slots " in *[\ ,]"$role"[\ ,]*) ;; *) because "le regole non chiedono questo ruolo" "the policy does not ask for this role" && return 1 ;; esac
	if [ "$namespace" != "$role@$suffix" ]; then
		because "lo spazio dei nomi non è un ruolo di questo ambiente" "the namespace is no role of this realm"
		return 1
	fi
	if ! is_file "$sig"; then
		because "manca il file della firma" "the signature's file is missing"
		return 1
	fi
	inner=''
	while IFS= read -r line || [ -n "$line" ]; do inner="$inner$line\\n"; done <"$sig"
	case "$inner" in
	-----BEGIN\ SSH\ SIGNATURE-----\\n*\\n-----END\ SSH\ SIGNATURE-----\\n) ;;
	*) because "il file della firma ha altro testo intorno" "the signature's file has other text around it" && return 1 ;;
	esac
	if [ "${armor%\\n}" != "${inner%\\n}" ]; then
		because "il file della firma non è ciò che dice la voce del registro" "the signature's file is not what the ledger's record says"
		problem "voce $1: $why" "record $1: $why"
		return 1
	fi
	set -- -Y verify -f "$ring" -r "$revoked" -I "$principal" -n "$namespace" -s "$sig" -O "verify-time=$stamp$z"
	if ! good=$(ssh-keygen "$@" <"$signed" 2>/dev/null); then
		why=$(ssh-keygen "$@" <"$signed" 2>&1 >/dev/null | sed -n -e "s/$cr\$//" -e '/./p' | sed -n 1p)
		if ssh-keygen "$@" -r /dev/null <"$signed" >/dev/null 2>&1; then
			because "la chiave, o l'autorità che la certifica, è fra le revocate" "the key, or the authority that certifies it, is revoked"
		elif [ -n "$why" ]; then
			why="ssh-keygen: $(shown "$why")"
		else
			because "nessuna riga del portachiavi ammette questa chiave con questo nome" "no line of the key ring admits this key under this name"
		fi
		return 1
	fi
	kind=${good#"Good \"$namespace\" signature for $principal with "}
	key=${kind##* key } kind=${kind%% key *}
	if [ "$good" != "Good \"$namespace\" signature for $principal with $kind key $key" ]; then
		because "ssh-keygen non conferma la firma" "ssh-keygen does not confirm the signature"
		return 1
	fi
	case "$key" in SHA256:*[!A-Za-z0-9+/]* | [!S]*) because "ssh-keygen non nomina la chiave" "ssh-keygen does not name the key" && return 1 ;; esac
	if ! took_apart "$sig"; then
		because "la firma non si legge con certezza" "the signature can't be read with certainty"
		return 1
	fi
	while read -r mark; do
		if [ "$mark" = "$held" ] || [ "$mark" = "$authority" ]; then
			because "la chiave, o l'autorità che la certifica, è fra le revocate, forse in un'altra forma" "the key, or the authority that certifies it, is revoked, perhaps in another form"
			return 1
		fi
	done <"$scratch/revoked.$in_use"
	case "$kind" in *-CERT) certified || return 1 ;; esac
	case "$kind" in
	ED25519 | ECDSA | ED25519-CERT | ECDSA-CERT) ;;
	ED25519-SK | ECDSA-SK | ED25519-SK-CERT | ECDSA-SK-CERT) attested || return 1 ;;
	*) because "una chiave di questo genere non è ammessa" "a key of this kind is not accepted" && return 1 ;;
	esac
}

# halt_text FILE KIND: whether the text that a person signed is a refusal or a withdrawal of
# the bulletin that was read last. It sets why, or the reason.
halt_text() {
	because "il testo firmato non è quello di un rifiuto o di un ritiro di questo bollettino" "the text that was signed is not that of a refusal or a withdrawal of this bulletin"
	text=$(cat "$1" && printf x)
	head="tocsin-halt: 1${nl}kind: $2${nl}alert: $alert${nl}code: $code${nl}number: $b_number${nl}bulletin: $digest${nl}realm: $realm${nl}principal: $principal${nl}time: "
	reason=${text#"$head"}
	if [ "$reason" = "$text" ]; then return 1; fi
	case "${reason%%"$nl"*}" in *Z) seconds "${reason%%"$nl"*}" || return 1 ;; *) return 1 ;; esac
	reason=${reason#*"$nl"}
	count=${reason%%"$nl"*}
	count=${count#bytes: }
	if ! is_number "$count" || [ "$count" -gt 2048 ]; then return 1; fi
	text=${reason#"bytes: $count$nl$nl"}
	if [ "$text" = "$reason" ]; then return 1; fi
	reason=${text%"$nl--- end${nl}x"}
	if [ "$text" = "$reason" ] || [ ${#reason} -ne "$count" ]; then return 1; fi
	why=''
}

# check_halt SEQ TYPE SAID: whether the refusal or withdrawal of the bulletin that was read
# last holds. It sets why where it does not.
check_halt() {
	word=refusal
	if [ "$2" = withdrawn ]; then word=withdrawal; fi
	if [ -n "$b_as" ]; then
		because "ciò che è pronto per fermare un'allerta non si rifiuta e non si ritira" "what is prepared to stop an alert is neither refused nor withdrawn"
		return 1
	fi
	if [ "$3" != yes ]; then
		because "il testo non è ciò che dice la voce del registro" "the text is not what the ledger's record says"
		return 1
	fi
	halt_text "halts/$1.halt" "$word" || return 1
	version_at "$1"
	use_version "$version"
	halt_rule "$2"
	# When it came plays no part: only the bulletin expires.
	holds_good "$1" halts "halts/$1.halt"
}

# choose MODE SLOTS USED: whether the approvals fill every slot with signatures that are
# apart from each other. MODE 1: other persons; 2: other keys too; 3: other
# organisations too. The bare key is that of the key inside a certificate.
choose() (
	mode=$1 todo=$2 used=$3
	if [ -z "$todo" ]; then exit 0; fi
	slot=${todo%% *}
	case "$todo" in *' '*) todo=${todo#* } ;; *) todo= ;; esac
	while IFS='|' read -r a_role a_principal a_key a_organisation; do
		case ",$slot," in *",$a_role,"*) ;; *) continue ;; esac
		case "$used" in *"$nl$a_principal|"*) continue ;; esac
		if [ "$mode" -ge 2 ]; then case "$used" in *"|$a_key|"*) continue ;; esac; fi
		if [ "$mode" -ge 3 ]; then case "$used" in *"|$a_organisation$nl"*) continue ;; esac; fi
		if choose "$mode" "$todo" "$used$nl$a_principal|$a_key|$a_organisation$nl"; then exit 0; fi
	done <<EOF
$approvals
EOF
	exit 1
)

# lacking SLOTS: sets why to what the approvals lack.
lacking() {
	for slot in $1; do
		if choose 1 "$slot" ''; then continue; fi
		titles "$slot"
		because "manca la firma di: $words" "the signature is missing of: $words"
		return
	done
	because "due firme sono della stessa organizzazione" "two signatures are of one organisation"
	if ! choose 2 "$1" ''; then because "due firme sono della stessa chiave" "two signatures are by one key"; fi
	if ! choose 1 "$1" ''; then because "due firme sono della stessa persona" "two signatures are by one person"; fi
}

# --- 10. The verdict: each release follows from the signatures, at its place in the alert ------

pick reale live
if [ "$realm" = exercise ]; then pick ESERCITAZIONE EXERCISE; fi
say "Allerta $code ($words), identificativo $alert" "Alert $code ($words), identifier $alert"

# take SEQ: takes up the signature of a record, and what it signs.
take() {
	lookup "$statements" "$1" && IFS='|' read -r of time principal namespace <<EOF
$value
EOF
	seconds "$time" && at=$value
	file=bulletins/$of.bulletin
}

# counts SEQ: whether the signature counts, by the version in use.
counts() {
	if in_time && holds_good "$1" signatures "$file"; then
		approval="$role|$principal|$held|$organisation"
		return 0
	fi
	return 1
}

# judge_by VERSION: has the bulletin that was read last judged by a version of the key ring from here
# on; what was signed before counts only if it holds by this one too.
judge_by() {
	use_version "$1"
	barred='' was=$judged_by judged_by=$1 approvals=''
	if ! asks "$digest"; then barred=$why; fi
	if [ -n "$was" ]; then say "  da qui decide la versione $1 del portachiavi" "  from here on version $1 of the key ring decides"; fi
	if [ -n "$barred" ]; then return 0; fi
	asked=$slots
	titles "$slots"
	if [ "$1" = 0 ]; then
		say "  le regole chiedono: $words" "  the policy asks for: $words"
	else
		say "  le regole (versione $1) chiedono: $words" "  the policy (version $1) asks for: $words"
	fi
	for earlier in $sound; do
		take "$earlier"
		if counts "$earlier"; then
			approvals="$approvals${approvals:+$nl}$approval"
		else
			say "    la firma della voce $earlier non conta più: $why" "    the signature of record $earlier does not count any more: $why"
		fi
	done
}

# signed_by WORD: prints who stands in a record, as what.
signed_by() {
	title "${namespace%%@*}"
	if [ "$namespace" != "${namespace%%@*}@$suffix" ]; then words=$namespace; fi
	echo "  $1, $time: $principal, $words"
}

# detail: prints what was found of a signature that counts.
detail() {
	pick "vale" "good"
	echo "    $words; $kind $key; $hardware; $namespace; verify-time=${stamp}Z"
	if [ "$in_use" -gt 0 ]; then
		value=$(sed -n -e 's/^expires //p' "keys/$in_use/meta")
		if [ "${value%Z}" -le "$stamp" ]; then say "    la versione $in_use del portachiavi era scaduta" "    version $in_use of the key ring had expired"; fi
	fi
}

glasses=0 events='' verdicts=$nl files=$nl holding=$nl halted=$nl
while IFS='|' read -r digest handed; do
	[ -n "$digest" ] || continue
	files=$files$digest$nl file=bulletins/$digest.bulletin
	echo
	good=yes
	if ! is_file "$file"; then
		because "mancano i suoi byte" "its bytes are missing" && good=''
	elif ! lookup "$found" "$file" || [ "$value" != "$digest" ]; then
		because "i suoi byte non hanno l'SHA-256 del suo nome" "its bytes do not have the SHA-256 of its name" && good=''
	elif ! read_bulletin "$digest" || ! recorded "$digest"; then
		good=''
	fi
	if [ -z "$good" ]; then
		say "Bollettino $digest (voce $handed)" "Bulletin $digest (record $handed)"
		verdicts=$verdicts$digest\|$why$nl
		say "  NON DIFFUSO: $why. Non conta." "  NOT RELEASED: $why. It does not count."
		continue
	fi
	kind_of "$b_as" "$b_type"
	say "Bollettino $b_number ($words), voce $handed, SHA-256 $digest" "Bulletin $b_number ($words), record $handed, SHA-256 $digest"
	if [ -n "$b_as" ]; then say "  dice di essere stato preparato dentro un altro" "  it says that it was prepared inside another one"; fi
	halt='' halt_words=''
	while IFS='|' read -r seq of time principal namespace type said; do
		[ "$of" = "$digest" ] || continue
		seconds "$time" || continue
		at=$value
		pick "rifiuto, voce" "refusal, record"
		if [ "$type" = withdrawn ]; then pick "ritiro, voce" "withdrawal, record"; fi
		signed_by "$words $seq"
		if ! check_halt "$seq" "$type" "$said"; then
			say "    NON CONTA: $why" "    DOES NOT COUNT: $why"
			refused "$seq" "$at" || problem "voce $seq: il rifiuto o ritiro non vale e il registro non lo respinge" "record $seq: the refusal or withdrawal does not hold, and the ledger does not refuse it"
			continue
		fi
		undisputed "$seq"
		detail
		printf '%s\n' "$reason" | sed -e 's/[^ -~]/?/g' -e 's/^/      | /'
		if [ -z "$halt" ]; then
			halt=$seq
			pick "rifiutato da $principal alla voce $seq" "refused by $principal, record $seq"
			if [ "$type" = withdrawn ]; then pick "ritirato da $principal alla voce $seq" "withdrawn by $principal, record $seq"; fi
			halt_words=$words
		fi
	done <<EOF
$halts
EOF
	if [ -n "$halt" ]; then stopped=$stopped$digest\|$halt$nl; fi
	version_at "$handed"
	released='' house='' early='' sound='' judged_by=''
	judge_by "$version"
	while IFS='|' read -r seq of rest; do
		[ "$of" = "$digest" ] || continue
		version_at "$seq"
		if [ "$version" != "$judged_by" ]; then judge_by "$version"; fi
		if [ -n "$barred" ]; then
			early=$barred
			continue
		fi
		take "$seq"
		slots=$asked
		pick "firma, voce" "signature, record"
		signed_by "$words $seq"
		if ! counts "$seq"; then
			say "    NON CONTA: $why" "    DOES NOT COUNT: $why"
			refused "$seq" "$at" || problem "voce $seq: la firma non vale e il registro non la respinge" "record $seq: the signature does not hold, and the ledger does not refuse it"
			continue
		fi
		undisputed "$seq"
		detail
		if lookup "$refusals" "$handed"; then
			case "$value" in
			bulletin\|*) if [ "$seq" -gt "${value#*|}" ]; then
				say "    NON CONTA: il bollettino era già respinto (voce ${value#*|})" "    DOES NOT COUNT: the bulletin was refused before (record ${value#*|})"
				continue
			fi ;;
			esac
		fi
		if [ -n "$halt" ] && [ "$seq" -gt "$halt" ] && [ -z "$released" ]; then
			say "    NON CONTA: il bollettino era già $halt_words" "    DOES NOT COUNT: the bulletin was $halt_words"
			continue
		fi
		sound="$sound $seq"
		if [ -n "$b_instead" ]; then
			case "$nl$approvals$nl" in *"$nl$approval$nl"*) continue ;; esac # recorded again, it is no later signature
			if [ -z "$released" ] && colleague "$role" "$principal" "$held" "$organisation"; then
				if timely "$digest" "$handed" "$time" "$at" "$seq"; then released=$seq house=$organisation; else early=$why; fi
			fi
			approvals="$approvals${approvals:+$nl}$approval"
			continue
		fi
		approvals="$approvals${approvals:+$nl}$approval"
		if [ -z "$released" ] && choose 3 "$asked" ''; then released=$seq; fi
	done <<EOF
$statements
EOF
	holding=$holding$holds
	if [ -n "$halt" ] && [ -z "$released" ]; then
		halted=$halted$digest\|$halt$nl verdicts=$verdicts$digest\|$halt_words$nl
		say "  NON DIFFUSO: $halt_words." "  NOT RELEASED: $halt_words."
		continue
	fi
	if [ -n "$halt" ]; then say "  la voce $halt è arrivata dopo la diffusione: non ha effetto" "  record $halt came after the release: it has no effect"; fi
	events="$events$handed h $digest$nl"
	if [ -n "$released" ] && [ -n "$b_instead" ]; then
		say "  EMISSIONE D'EMERGENZA: due firme, due persone, due chiavi, UNA SOLA organizzazione ($house). I tentativi di contatto che cita sono nel registro, l'attesa è passata." \
			"  BREAK-GLASS: two signatures, two persons, two keys, ONE organisation ($house). The contact attempts that it names are in the ledger, the wait had passed."
		say "  NON CONTROLLATO: quante ce n'erano già nelle 24 ore prima (ammesse: $per_day)" "  NOT CHECKED: how many there were in the 24 hours before (allowed: $per_day)"
		if lookup "$claims" "$digest"; then
			glasses=$((glasses + 1))
		else
			released=''
			because "chi ha esportato dice che non lo è, e qui non si può controllare: troppe nelle 24 ore prima, o il suo posto era già preso" "the exporter says that it is not, which can't be checked here: too many in the 24 hours before, or its place was taken"
			early=$why
		fi
	fi
	if [ -n "$released" ]; then
		events="$events$released r $digest$nl"
		verdicts=$verdicts$digest\|ok\|$released$nl
	else
		if [ -n "$early$barred" ]; then
			why=${early:-$barred}
		elif [ -n "$b_instead" ]; then
			because "mancano le firme di due persone di una stessa organizzazione, il funzionario di turno e il firmatario di emergenza" "the signatures of two persons of one organisation are missing, the duty officer and the emergency signer"
		else
			lacking "$asked"
		fi
		verdicts=$verdicts$digest\|$why$nl
		say "  NON DIFFUSO: $why. Non conta." "  NOT RELEASED: $why. It does not count."
	fi
done <<EOF
$bulletins
EOF

# Each bulletin must take up where its alert stands, when it is handed in and when its
# last signature comes. What says that it is prepared must stand, byte for byte, inside
# the newest released one.
chain=$nl broken=$nl around=$nl last='' last_number=0
while IFS=' ' read -r seq event digest; do
	[ -n "$seq" ] || continue
	case "$broken" in *"$nl$digest|"*) continue ;; esac
	read_bulletin "$digest"
	within=''
	if [ -n "$last" ] && fact "$last" core && fact "$value" sum; then within=$value; fi
	if lookup "$bulletins" "$digest" && lookup "$refusals" "$value"; then
		case "$value" in code\|*) because "il suo codice è di un'altra allerta: respinto alla voce ${value#*|}" "its code is another alert's: refused by record ${value#*|}" ;; esac
	fi
	if [ -n "$why" ]; then
		:
	elif [ -z "$last" ]; then
		if [ "$b_number" != 1 ]; then because "prima di esso non era diffuso nessun bollettino" "no bulletin was released before it"; fi
	elif [ "$b_number" -le "$last_number" ]; then
		if [ "$digest" != "$last" ]; then because "il bollettino $last_number era già diffuso" "bulletin $last_number was released already"; fi
	elif fact "$last" msgType && [ "$value" = Cancel ]; then
		because "l'allerta era già revocata" "the alert was revoked already"
	elif [ -n "$b_as" ] && [ "$b_for" != "$within" ]; then
		because "è stato preparato per un bollettino diverso dall'ultimo diffuso, il $last_number" "it was prepared for another bulletin than the newest released one, which is $last_number"
	elif [ -n "$b_as" ]; then
		case "$b_number|$holding" in
		"$((last_number + 1))|"*"$nl$last $b_as $digest$nl"*) ;;
		*) because "non è fra quelli pronti dentro l'ultimo diffuso, il $last_number" "it is not among those that are prepared inside the newest released one, which is $last_number" ;;
		esac
	elif [ "$b_previous" != "$last" ]; then
		because "non segue l'ultimo bollettino diffuso" "it does not follow the newest released bulletin"
	elif ! same "$last" "$digest" sender; then
		because "ha un altro mittente (sender) dell'ultimo diffuso, o uno che non si legge con certezza" "it has another sender than the newest released one, or one that can't be read with certainty"
	fi
	if [ -n "$why" ]; then
		broken=$broken$digest\|$why$nl
	elif [ "$event" = r ]; then
		if [ -n "$b_as" ]; then around=$around$digest\|$last_number$nl; fi
		chain=$chain$digest\|$seq$nl last=$digest last_number=$b_number
	fi
done <<EOF
$(printf '%s' "$events" | sort -n -k 1,1)
EOF

# holds_claim DIGEST CLAIMED FOUND ITALIAN ENGLISH: whether the exporter claims what is found.
holds_claim() {
	lookup "$2" "$1" || :
	claimed=$value
	lookup "$3" "$1" || :
	if [ "$claimed" != "$value" ]; then
		problem "bollettino $1: chi ha esportato dice \"$4: ${claimed:-no}\", le firme dicono \"${value:-no}\"" "bulletin $1: the exporter says \"$5: ${claimed:-no}\", the signatures say \"${value:-no}\""
	fi
}

echo
while IFS='|' read -r digest verdict seq; do
	[ -n "$digest" ] || continue
	if [ "$verdict" = ok ]; then
		fact "$digest" number && number=$value
		if lookup "$broken" "$digest"; then
			say "Bollettino $number: NON DIFFUSO: $value. Non conta." "Bulletin $number: NOT RELEASED: $value. It does not count."
		else
			say "Bollettino $number: DIFFUSO con la voce $seq." "Bulletin $number: RELEASED by record $seq."
			if lookup "$around" "$digest"; then
				say "  I suoi byte stanno dentro il bollettino $value: chi ha firmato quello ha firmato anche questi." "  Its bytes stand inside bulletin $value: whoever signed that one signed them too."
			fi
		fi
	fi
	holds_claim "$digest" "$claims" "$chain" diffuso released
	holds_claim "$digest" "$halt_claims" "$halted" "rifiutato o ritirato" "refused or withdrawn"
done <<EOF
$verdicts
EOF
while IFS='|' read -r digest seq; do
	[ -n "$digest" ] || continue
	case "$files" in *"$nl$digest$nl"*) ;; *) problem "il bollettino $digest è detto diffuso e nessuna voce lo consegna" "bulletin $digest is said to be released, and no record hands it in" ;; esac
done <<EOF
$claims
EOF
while IFS='|' read -r digest seq; do
	[ -n "$digest" ] || continue
	if lookup "$chain" "$digest" && [ "$value" -le "$seq" ]; then continue; fi
	problem "la voce $seq invia un bollettino che non era diffuso ($digest)" "record $seq sends a bulletin that was not released ($digest)"
done <<EOF
$sendings
EOF
for path in bulletins/*; do
	digest=${path#bulletins/} digest=${digest%.bulletin}
	if is_hex64 "$digest"; then
		case "$files" in *"$nl$digest$nl"*) ;; *) problem "nessuna voce consegna il bollettino $digest" "no record hands in the bulletin $digest" ;; esac
	fi
done
for path in signatures/*; do
	seq=${path#signatures/} seq=${seq%.sig}
	if is_number "$seq"; then
		lookup "$statements" "$seq" || problem "nessuna voce ha la firma $seq" "no record has the signature $seq"
	fi
done
for path in halts/*; do
	seq=${path#halts/} seq=${seq%.*}
	if is_number "$seq"; then
		lookup "$halts" "$seq" || problem "nessuna voce ha il rifiuto o ritiro $seq" "no record has the refusal or withdrawal $seq"
	fi
done
[ "$chain" != "$nl" ] || problem "nessun bollettino di questa allerta è diffuso" "no bulletin of this alert was released"

# --- 11. To compare: what no script can know ----------------------------------------------

say "
DA CONFRONTARE. Chi esporta può mentire su ciò che segue, e nessuno script lo vede:" "
TO COMPARE. An exporter can lie about what follows, and no script can see it:"
if [ -z "$versions" ]; then
	say "- portachiavi, revocate, regole: con le copie che la tua organizzazione conserva" "- key ring, revoked keys, policy: with the copies that your organisation keeps"
	for path in keys/0/signers keys/0/revoked keys/0/policy; do
		sum_of "$path"
		echo "    $value  $path"
	done
else
	say "- la prima versione del portachiavi: con la copia che la tua organizzazione conserva; le altre le hanno approvate i responsabili della precedente" \
		"- the first version of the key ring: with the copy that your organisation keeps; the others were approved by the managers of the one before"
	sum_of keys/1/meta
	echo "    $value  keys/1/meta"
fi
say "- portachiavi e revocate insieme (key_ring nel registro):" "- key ring and revoked keys together (key_ring in the ledger):"
used=$nl
for one in ${versions:-0}; do
	value=$(ring_digest "${one%|*}")
	used=$used$value$nl
	if [ "$one" = 0 ]; then echo "    $value"; else say "    $value  versione ${one%|*}, dalla voce ${one#*|}" "    $value  version ${one%|*}, from record ${one#*|}"; fi
done
for one in $rings; do
	case "$used" in
	*"$nl$one$nl"*) say "    gli invii del registro nominano $one" "    the ledger's attempts name $one" ;;
	*) say "    gli invii del registro ne nominano un altro: $one. È cambiato da allora, o non è quello" "    the ledger's attempts name another one: $one. It was changed since, or it is not the one" ;;
	esac
done
if [ -n "$origin" ]; then
	say "- la radice del registro: con un sigillo (checkpoint) che un'altra organizzazione conserva" "- the ledger's root: with a checkpoint that another organisation keeps"
	echo "    $(shown "$origin")"
	say "    $(shown "$size") voci, radice $(shown "$root")" "    $(shown "$size") records, root $(shown "$root")"
	say "    sotto di essa stanno, con numero e ora, $proven delle voci di questa esportazione" "    under it lie, with their numbers and times, $proven of the records of this export"
	for seq in $numbered; do
		if is_number "$size" && [ "$seq" -gt "$size" ]; then
			say "    le voci dalla $seq in poi sono più recenti del sigillo e non hanno prova" "    the records from $seq on are newer than the checkpoint and have no proof"
			break
		fi
	done
else
	say "- l'esportazione non ha un sigillo: le ore non si possono confrontare con nulla" "- the export has no checkpoint: there is nothing to compare the times with"
fi
if [ "$glasses" -gt 0 ]; then
	say "- NON CONTROLLATO: quante emissioni d'emergenza c'erano già nelle 24 ore prima; solo il registro intero lo dice (tocsin audit verify)" "- NOT CHECKED: how much break-glass there was in the 24 hours before; the whole ledger alone tells (tocsin audit verify)"
fi
if [ -n "$script_digest" ]; then
	say "- questo script: con quello pubblicato insieme a Tocsin" "- this script: with the one that is published with Tocsin"
	echo "    $script_digest  verify-alert.sh"
fi
say "- che non manchi nessuna voce, dell'allerta (l'ultima qui è la $newest) o del portachiavi: solo il registro intero lo dice" "- that no record is left out, of the alert (the last one here is $newest) or of the key ring: the whole ledger alone tells"
echo
if [ "$problems" -gt 0 ]; then
	say "NO: l'allerta $code non è provata (problemi: $problems)." "NO: alert $code is not proven (problems: $problems)."
	exit 1
fi
if [ "$glasses" -gt 0 ]; then
	say "ATTENZIONE: EMISSIONI D'EMERGENZA, con le firme di UNA SOLA organizzazione, come le regole ammettono: $glasses." \
		"ATTENTION: BREAK-GLASS, with the signatures of ONE organisation, as the policy allows: $glasses."
fi
say "SÌ: ogni bollettino detto diffuso ha le firme che le regole chiedono." "YES: each bulletin that is said to be released has the signatures that the policy asks for."
