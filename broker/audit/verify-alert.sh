#!/bin/sh
# verify-alert.sh checks an alert that "tocsin audit export" wrote, without Tocsin.
#
#   sh verify-alert.sh            in that folder, or by its path from anywhere
#   sh verify-alert.sh FOLDER     a copy of this script that you trust, on another folder
#
# It needs a POSIX shell, ssh-keygen (OpenSSH 8.9 or later), awk, dd, sed, cut, sort, wc,
# and sha256sum, shasum or openssl; for signatures of hardware keys also tr, and base64 or
# openssl; before OpenSSH 9.1 also mkdir and rm.
# Exit status: 0 yes, the alert is proven as far as a script can; 1 no.
#
# It believes nothing in the folder that it can work out for itself: who signed, with
# which key and when follows from ssh-keygen, the key ring and the ledger's records.
# What it can't work out, it prints for you to compare. docs/audit.md explains it.
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
shown() { printf '%s\n' "$1" | sed -e 's/[^ -~]/?/g' | cut -c 1-200; }

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
digest() { digests | cut -d ' ' -f 1; }
if command -v base64 >/dev/null 2>&1; then
	decode() { base64 -d 2>/dev/null; }
elif command -v openssl >/dev/null 2>&1; then
	decode() { openssl base64 -d 2>/dev/null; }
else
	decode() { return 1; }
fi
for tool in awk dd; do
	command -v "$tool" >/dev/null 2>&1 || give_up "manca $tool" "$tool is missing"
done
command -v ssh-keygen >/dev/null 2>&1 || give_up "manca ssh-keygen (OpenSSH 8.9 o successivo)" "ssh-keygen is missing (OpenSSH 8.9 or later)"

script_digest=
if [ -f "$self" ]; then script_digest=$(digest <"$self"); fi
CDPATH='' cd -- "$folder" || give_up "la cartella non si apre" "the folder can't be opened"

# --- forms -----------------------------------------------------------------------

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

# seconds TIME: sets value to the Unix time of an RFC 3339 time, fractions cut off.
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
	m=${m#0} d=${d#0}
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

# --- the folder is whole ---------------------------------------------------------

is_file MANIFEST || give_up "questa non è la cartella di un'esportazione: manca MANIFEST" "this is not the folder of an export: MANIFEST is missing"
listed=$nl sums=$nl
set --
while IFS= read -r line || [ -n "$line" ]; do
	sum=${line%%  *} path=${line#*  }
	case "$path" in
	export.txt | README.txt | verify-alert.sh | checkpoint | ledger.vkey | keys/allowed_signers | keys/revoked | keys/policy.yaml) known=yes ;;
	bulletins/*.bulletin) known=${path#*/} && is_hex64 "${known%.bulletin}" || known=no ;;
	records/*) is_number "${path#*/}" && known=yes || known=no ;;
	signatures/*.sig | halts/*.sig) known=${path#*/} && is_number "${known%.sig}" || known=no ;;
	halts/*.halt) known=${path#*/} && is_number "${known%.halt}" || known=no ;;
	proofs/*.tlog-proof) known=${path#*/} && is_number "${known%.tlog-proof}" || known=no ;;
	*) known=no ;;
	esac
	if [ "$known" = no ] || ! is_hex64 "$sum"; then
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
while IFS= read -r line; do
	case "$sums" in
	*"$nl$line$nl"*) ;;
	*) problem "il file ${line#*  } non è quello di MANIFEST" "the file ${line#*  } is not the one of MANIFEST" ;;
	esac
done <<EOF
$(if [ $# -gt 0 ]; then digests "$@" | sed -e 's/ \*/  /'; fi)
EOF
for path in * .[!.]* ..?* */* */.[!.]* */..?*; do
	if [ ! -e "$path" ] && [ ! -L "$path" ]; then continue; fi
	case "$path" in
	MANIFEST | bulletins | records | signatures | halts | proofs | keys) if [ ! -L "$path" ]; then continue; fi ;;
	esac
	case "$listed" in
	*"$nl$path$nl"*) ;;
	*) problem "file in più, che MANIFEST non nomina: $(shown "$path")" "an extra file, which MANIFEST does not name: $(shown "$path")" ;;
	esac
done
for path in export.txt keys/allowed_signers keys/revoked keys/policy.yaml; do
	is_file "$path" || give_up "manca il file $path" "the file $path is missing"
done

# --- what the exporter claims, to be held against what is found -----------------

alert='' code='' realm='' ledger='' claims=$nl halt_claims=$nl
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

# --- the key ring ----------------------------------------------------------------

# ssh-keygen passes over lines that it does not understand, and takes lines that admit
# to everything for ever. What Tocsin would not take is no key ring here either.
ring=keys/allowed_signers
blobs=$(
	sed -e "s/$tab/ /g" -e "s/$cr\$//" -e 's/^ *//' -e '/^#/d' -e '/^$/d' "$ring" | {
		while IFS= read -r line || [ -n "$line" ]; do
			name=${line%% *} rest=${line#* }
			rest=${rest#"${rest%%[! ]*}"}
			options=${rest%% *} rest=${rest#* }
			rest=${rest#"${rest%%[! ]*}"}
			type=${rest%% *} rest=${rest#* }
			rest=${rest#"${rest%%[! ]*}"}
			blob=${rest%% *}
			authority=no person=$name
			case ",$options," in *,cert-authority,*) authority=yes ;; esac
			case "$authority$name" in yes\*@*) person=any@${name#\*@} ;; esac
			good=yes
			is_principal "$person" || good=no
			case "$type" in ssh-ed25519 | ecdsa-sha2-nistp256 | sk-ssh-ed25519@openssh.com | sk-ecdsa-sha2-nistp256@openssh.com) ;; *) good=no ;; esac
			case "$blob" in '' | *[!A-Za-z0-9+/=]*) good=no ;; esac
			# Taken apart, nothing may be left of the options.
			left=$(printf '%s\n' ",$options" | sed -e 's/,cert-authority//' -e 's/,namespaces="[a-z.@,]\{1,\}"//' \
				-e 's/,valid-after="[0-9]\{8,14\}Z"//' -e 's/,valid-before="[0-9]\{8,14\}Z"//')
			[ -z "$left" ] || good=no
			case "$options" in *valid-after=*valid-before=* | *valid-before=*valid-after=*) ;; *) good=no ;; esac
			case "$options" in *namespaces=*) ;; *) good=no ;; esac
			names=${options#*namespaces=\"} names=${names%%\"*} roles=
			while [ -n "$names" ]; do
				one=${names%%,*}
				case "$names" in *,*) names=${names#*,} ;; *) names= ;; esac
				case "$one" in *@tocsin | *@exercise.tocsin) ;; *) good=no ;; esac
				is_role "${one%%@*}" || good=no
				case "$roles" in '' | "${one%%@*}") roles=${one%%@*} ;; *) good=no ;; esac
			done
			if [ "$good" = yes ]; then printf '%s %s %s %s\n' "$blob" "$name" "$roles" "$authority"; else printf 'bad\n'; fi
		done
	} | sort -u
)
before=
while IFS=' ' read -r blob name roles authority; do
	case "$blob" in
	bad) problem "il portachiavi ha una riga che Tocsin non ammette" "the key ring has a line that Tocsin does not take" ;;
	'') problem "il portachiavi è vuoto" "the key ring is empty" ;;
	"$before") problem "una chiave è nel portachiavi per due persone o due ruoli ($name)" "one key is in the key ring for two persons or two roles ($name)" ;;
	esac
	before=$blob
done <<EOF
$blobs
EOF

# ssh-keygen before 9.1 does not know times that end in Z. It takes times without it in
# the local zone, which is UTC here, so that the same ring without the Z says the same.
z=Z
case "$(ssh-keygen -Y check-novalidate -O verify-time=20260101000000Z -n x -s /nonexistent </dev/null 2>&1 || :)" in
*verify-time*)
	z=
	scratch=${TMPDIR:-/tmp}/verify-alert.$$
	(umask 077 && mkdir "$scratch") || give_up "non si può creare una cartella in ${TMPDIR:-/tmp}" "no folder can be made in ${TMPDIR:-/tmp}"
	trap 'rm -rf "$scratch"' EXIT
	sed -e 's/\(valid-after="[0-9]*\)Z"/\1"/' -e 's/\(valid-before="[0-9]*\)Z"/\1"/' "$ring" >"$scratch/ring"
	ring=$scratch/ring
	;;
esac

# --- the policy ------------------------------------------------------------------

# bracketed LIST: sets value to the words of a YAML list in brackets.
bracketed() {
	value=
	case "$1" in \[*\]) ;; *) return 1 ;; esac
	value=$(printf '%s\n' "${1#\[}" | sed -e 's/]$//' -e 's/,/ /g' -e 's/"//g' -e "s/'//g" -e 's/  */ /g' -e 's/^ //' -e 's/ $//')
	case "$value" in *[!A-Za-z0-9.:/\ _-]*) return 1 ;; esac
}

unread_policy() {
	give_up "le regole di firma hanno una riga che questo script non sa leggere: $(shown "$1")" "the signing policy has a line that this script can't read: $(shown "$1")"
}

alert_all='' alert_any='' update_all='' update_any='' cancel_all='' cancel_any=''
correction_all='' correction_any='' revocation_all='' revocation_any='' ratification_all='' ratification_any='' prepared='' indent=''
refusal_any='' withdrawal_any=''
verification=true synced=false origins='' section='' list='' versions=0
glass='' attempts='' wait_minutes='' life_minutes='' per_day='' at_once='' glass_events='' glass_channels=''

# add_words NAME WORDS: appends to the list of the policy that NAME means.
add_words() {
	case "$1" in
	alert_all) alert_all="$alert_all $2" ;;
	alert_any) alert_any="$alert_any $2" ;;
	update_all) update_all="$update_all $2" ;;
	update_any) update_any="$update_any $2" ;;
	cancel_all) cancel_all="$cancel_all $2" ;;
	cancel_any) cancel_any="$cancel_any $2" ;;
	correction_all) correction_all="$correction_all $2" ;;
	correction_any) correction_any="$correction_any $2" ;;
	revocation_all) revocation_all="$revocation_all $2" ;;
	revocation_any) revocation_any="$revocation_any $2" ;;
	refusal_any) refusal_any="$refusal_any $2" ;;
	withdrawal_any) withdrawal_any="$withdrawal_any $2" ;;
	ratification_all) ratification_all="$ratification_all $2" ;;
	ratification_any) ratification_any="$ratification_any $2" ;;
	hardware_keys_origins) origins="$origins $2" ;;
	breakglass_at_once) at_once="$at_once $2" ;;
	breakglass_events) glass_events="$glass_events $2" ;;
	breakglass_channels) glass_channels="$glass_channels $2" ;;
	breakglass_notify) ;; # whom the nodes told is no matter of the release
	*) return 1 ;;
	esac
}

while IFS= read -r line || [ -n "$line" ]; do
	case "$line" in
	'') ;;
	'version: 1') versions=$((versions + 1)) section='' list='' ;;
	alert: | update: | cancel: | hardware_keys: | prepared: | halts:) section=${line%:} list='' indent='' ;;
	breakglass:) section=breakglass list='' indent='' glass="$glass." ;;
	' '*)
		blanks=${line%%[! ]*} line=${line#"${line%%[! ]*}"}
		case "$line" in
		correction: | revocation: | ratification: | refusal: | withdrawal:)
			case "${line%:}|$section|$prepared " in
			*" ${line%:} "*) unread_policy "$line" ;; # a second time
			correction\|prepared\|* | correction\|revocation\|* | revocation\|prepared\|* | revocation\|correction\|*) ;;
			correction\|ratification\|* | revocation\|ratification\|* | ratification\|prepared\|* | ratification\|correction\|* | ratification\|revocation\|*) ;;
			refusal\|halts\|* | refusal\|withdrawal\|* | withdrawal\|halts\|* | withdrawal\|refusal\|*) ;;
			*) unread_policy "$line" ;;
			esac
			if [ -n "$indent" ] && [ "$blanks" != "$indent" ]; then unread_policy "$line"; fi
			section=${line%:} prepared="$prepared ${line%:}" list='' indent=$blanks
			continue
			;;
		esac
		# A rule of what is prepared stands under its name, and not beside it.
		if [ -n "$indent" ] && [ ${#blanks} -le ${#indent} ]; then unread_policy "$line"; fi
		case "$line" in
		'user_verification: true' | 'user_verification: false')
			[ "$section" = hardware_keys ] || unread_policy "$line"
			verification=${line#*: } list=''
			;;
		'synced_passkeys: true' | 'synced_passkeys: false')
			[ "$section" = hardware_keys ] || unread_policy "$line"
			synced=${line#*: } list=''
			;;
		'attempts: '* | 'wait_minutes: '* | 'life_minutes: '* | 'per_day: '*)
			[ "$section" = breakglass ] || unread_policy "$line"
			case "${line#*: }" in [0-9] | [1-9][0-9]) ;; *) unread_policy "$line" ;; esac
			case "$line" in
			'attempts: '*) attempts=$attempts${line#*: } ;;
			'wait_minutes: '*) wait_minutes=$wait_minutes${line#*: } ;;
			'life_minutes: '*) life_minutes=$life_minutes${line#*: } ;;
			'per_day: '*) per_day=$per_day${line#*: } ;;
			esac
			list=''
			;;
		all: | any: | origins: | at_once: | events: | channels: | notify:)
			list=${section}_${line%:}
			add_words "$list" '' || unread_policy "$line"
			;;
		'all: '* | 'any: '* | 'origins: '* | 'at_once: '* | 'events: '* | 'channels: '* | 'notify: '*)
			list=''
			bracketed "${line#*: }" || unread_policy "$line"
			add_words "${section}_${line%%:*}" "$value" || unread_policy "$line"
			;;
		'- '*)
			bracketed "[${line#- }]" || unread_policy "$line"
			case "$value" in *' '*) unread_policy "$line" ;; esac
			add_words "$list" "$value" || unread_policy "$line"
			;;
		*) unread_policy "$line" ;;
		esac
		;;
	*) unread_policy "$line" ;;
	esac
done <<EOF
$(sed -e "s/$cr\$//" -e 's/^#.*//' -e 's/ #.*//' -e 's/ *$//' keys/policy.yaml)
EOF
[ "$versions" -eq 1 ] || unread_policy "version"
case "$glass" in
'') ;;
.)
	for one in "$attempts" "$wait_minutes" "$life_minutes" "$per_day"; do
		case "$one" in '' | ???*) unread_policy "breakglass" ;; esac
	done
	if [ "$attempts" -lt 1 ] || [ "$attempts" -gt 9 ] || [ "$wait_minutes" -gt 60 ] || [ "$life_minutes" -lt 1 ] || [ "$life_minutes" -gt 30 ]; then unread_policy "breakglass"; fi
	;;
*) unread_policy "breakglass" ;;
esac

# slots ALL ANY: sets slots to one word for each signature that is asked for, with the
# roles that may give it.
slots() {
	slots='' given=' '
	for role in $1 $2; do
		if ! is_role "$role" || [ "$role" = keyring ]; then unread_policy "$role"; fi
		case "$given" in *" $role "*) unread_policy "$role" ;; esac
		given="$given$role "
	done
	if [ -n "${1#"${1%%[! ]*}"}" ] && [ -n "${2#"${2%%[! ]*}"}" ]; then unread_policy "all, any"; fi
	for role in $1; do slots="$slots${slots:+ }$role"; done
	for role in $2; do slots="$slots${slots:+,}$role"; done
	[ -n "$slots" ] || unread_policy "all, any"
}

slots "$alert_all" "$alert_any" && slots_Alert=$slots
slots "$update_all" "$update_any" && slots_Update=$slots
slots "$cancel_all" "$cancel_any" && slots_Cancel=$slots
# Where the policy says nothing on what is prepared, the rule of its type holds.
slots_correction=$slots_Update slots_revocation=$slots_Cancel slots_ratification=$slots_Update
case "$prepared " in *' correction '*) slots "$correction_all" "$correction_any" && slots_correction=$slots ;; esac
case "$prepared " in *' revocation '*) slots "$revocation_all" "$revocation_any" && slots_revocation=$slots ;; esac
case "$prepared " in *' ratification '*) slots "$ratification_all" "$ratification_any" && slots_ratification=$slots ;; esac

# Who may refuse and who may withdraw a bulletin that is not released, where the policy does
# not say.
slots_refusal=police,deputy slots_withdrawal=officer,deputy
case "$prepared " in *' refusal '*) slots '' "$refusal_any" && slots_refusal=$slots ;; esac
case "$prepared " in *' withdrawal '*) slots '' "$withdrawal_any" && slots_withdrawal=$slots ;; esac

# --- the records of the ledger ---------------------------------------------------

# escaped FILE: its text as it stands in a record, on one line.
escaped() {
	sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/</\\u003c/g' -e 's/>/\\u003e/g' -e 's/&/\\u0026/g' "$1" |
		sed -e ':a' -e '$!{' -e 'N' -e 'ba' -e '}' -e 's/\n/\\n/g'
}

genesis='' contacts=$nl called=0 handed_numbers=$nl stopped=$nl bulletins=$nl statements=$nl halts=$nl refusals=$nl floods=$nl sendings=$nl rings=$nl newest=0
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
	at=$value newest=$seq
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
		[ "$subject" = "ledger.alert.$alert.decision.bulletin" ] || continue
		if ! lookup "$bulletins" "$digest"; then
			bulletins=$bulletins$digest\|$seq$nl
			number number || value=0
			handed_numbers=$handed_numbers$digest\|$value$nl
		fi
		;;
	contact)
		[ "$subject" = "ledger.alert.$alert.decision.contact" ] || continue
		# For a bulletin that was there to be signed, and no more than a node keeps.
		if ! lookup "$handed_numbers" "$digest" || [ "$called" -ge 256 ]; then continue; fi
		expected=$value
		if ! number number || [ "$value" != "$expected" ]; then continue; fi
		field way || value=
		case "$value" in phone | radio | message | person) way=$value ;; *) continue ;; esac
		field whom || value=
		case "$value" in '' | *[!a-z]*) continue ;; esac
		called=$((called + 1))
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
		if [ "$type" = signature ]; then
			statements=$statements$seq\|$digest\|$time\|$principal\|$namespace\|$value$nl
			continue
		fi
		said=no # whether the file is what the record says
		if is_file "halts/$seq.halt"; then
			case "$payload" in *",\"statement\":\"$(escaped "halts/$seq.halt")\\n\""*) said=yes ;; esac
		fi
		halts=$halts$seq\|$digest\|$time\|$principal\|$namespace\|$type\|$said\|$value$nl
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

# --- one bulletin ----------------------------------------------------------------

# sections FILE: takes a bulletin apart, section by section, by the bytes that each one
# counts: what stands inside a counted body is text, and never a field or a section of
# the bulletin itself. It prints
#
#   h NAME: VALUE                       a field of the header
#   m LINE                              a line of the CAP message with the word msgType
#   p AS SHA256 BEGIN BYTES AS FOR      a prepared section, and what its body says it is
#   core BYTES                          how many bytes stand before the first of them
#   g NAME: VALUE                       a field of the section breakglass
#   c NAME                              a channel
#   e N CODE                            an event code of the nth info; i N says how many infos there are
#   x                                   the message can't be read with certainty
#
# or, anywhere, bad.
sections() {
	awk -v "size=$(wc -c <"$1")" '
	function refuse() { bad = 1; exit }
	function hex(s) { return length(s) == 64 && s !~ /[^0-9a-f]/ }
	function value(name) { return index($0, name ": ") == 1 ? substr($0, length(name) + 3) : "" }
	BEGIN {
		last = split("alert code number realm issuer composed expires not-after previous prepared-as prepared-for", names, " ")
		needed = 7; state = "first"; core = ""; end = 0; glass = 0; infos = 0
		said["it"] = "Emesso da una sola autorità"; said["de"] = "Von nur einer Behörde herausgegeben"
		said["fr"] = "Émis par une seule autorité"; said["en"] = "Issued by one authority only"
		if (size + 0 > 4194304) refuse()
	}
	{ at = end; end += length($0) + 1 }
	state == "first" {
		if ($0 != "tocsin-bulletin: 1") refuse()
		state = "header"; n = 0
		next
	}
	state == "header" && $0 != "" {
		for (n++; n <= last && value(names[n]) == ""; n++) if (n <= needed) refuse()
		if (n > last) refuse()
		print "h " $0
		next
	}
	state == "header" {
		if (n < needed) refuse()
		state = "section"; section = ""
		next
	}
	state == "section" {
		before = section
		section = substr($0, 5)
		if (substr($0, 1, 4) != "--- ") refuse()
		if (section == "breakglass" && before == "") { state = "glass"; n = 0; next }
		if ((before == "" || before == "breakglass") != (section == "cap")) refuse()
		if (core == "" && (section == "prepared" || section == "end")) core = at
		if (section == "end") { state = "done"; next }
		if (section != "cap" && section != "prepared" && (core != "" || section != "post" && section != "image")) refuse()
		state = "fields"; n = 0; bytes = as = sum = ""
		next
	}
	state == "glass" && $0 != "" {
		n++
		name = n == 1 ? "instead-of" : n == 2 ? "cause" : n == 3 ? "why" : "contact-" (n - 3)
		if (n > 12 || value(name) == "") refuse()
		print "g " $0
		next
	}
	state == "glass" {
		if (n < 4) refuse()
		glass = 1; state = "section"
		next
	}
	state == "fields" && $0 != "" {
		n++
		if (section == "post" && value("channel") != "") print "c " value("channel")
		if (section == "post" && value("language") != "") lang = tolower(value("language"))
		if (bytes != "") refuse()
		if (value("bytes") != "") {
			bytes = value("bytes")
			if (bytes !~ /^[1-9][0-9]*$/ || length(bytes) > 7) refuse()
			if (section == "cap" && n != 1 || section == "prepared" && n != 3) refuse()
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
		if (bytes == "") refuse()
		begin = end; stop = end + bytes + 1
		state = "body"; inner = 1; inner_as = inner_for = ""; told = 0
		sub(/-.*/, "", lang); if (!(lang in said)) lang = "en"
		next
	}
	state == "body" {
		if (end > stop) refuse()
		if (section == "cap" && index($0, "msgType")) print "m " $0
		if (section == "cap" && glass) {
			if (index($0, "<!")) print "x"
			line = $0; gsub(/^ +/, "", line)
			if (line == "<info>") infos++
			if (line == "<eventCode>") coded = 1
			else if (coded == 1 && line ~ /^<valueName>[^<]*<\/valueName>$/) { code = substr(line, 12, length(line) - 23); coded = 2 }
			else if (coded == 2 && line ~ /^<value>[^<]*<\/value>$/) { code = code "/" substr(line, 8, length(line) - 15); coded = 3 }
			else if (coded == 3 && line == "</eventCode>") { if (code !~ /[^A-Za-z0-9.:\/_-]/) print "e " infos " " code; coded = 0 }
			else coded = 0
		}
		if (section == "post" && $0 == said[lang]) told = 1
		if (section == "prepared" && inner) {
			if ($0 == "") inner = 0
			if (value("prepared-as") != "") { if (inner_as != "") refuse(); inner_as = value("prepared-as") }
			if (value("prepared-for") != "") { if (inner_for != "") refuse(); inner_for = value("prepared-for") }
		}
		if (end < stop) next
		if (section == "prepared") {
			if (inner || inner_as !~ /^[a-z]+$/ || !hex(inner_for)) refuse()
			print "p " as " " sum " " begin " " bytes " " inner_as " " inner_for
		}
		if (section == "post" && glass && !told) refuse()
		state = "section"
		next
	}
	{ refuse() }
	END { if (bad || state != "done" || end != size + 0) print "bad"; else { print "i " infos; print "core " core } }
	' "$1"
}

# part FILE BEGIN BYTES: that many bytes of a file. Each dd reads with one call, from
# where the one before it ended; if one ever read less, the digest would be another.
part() {
	{
		if [ "$2" -gt 0 ]; then dd bs="$2" count=1 of=/dev/null; fi
		dd bs="$3" count=1
	} <"$1" 2>/dev/null
}

# read_bulletin DIGEST: reads what the signed bytes say; sets why where it can't.
read_bulletin() {
	file=bulletins/$1.bulletin why=''
	b_alert='' b_code='' b_realm='' b_number='' b_expires='' b_not_after='' b_previous='' b_as='' b_for='' b_type='' b_core='' b_holds=''
	b_glass='' b_composed='' b_channels='' b_codes=$nl b_infos='' b_instead='' b_calls='' b_unsure=''
	if ! is_file "$file"; then
		why=$(say "mancano i suoi byte" "its bytes are missing")
		return 1
	fi
	if [ "$(digest <"$file")" != "$1" ]; then
		why=$(say "i suoi byte non hanno l'SHA-256 del suo nome" "its bytes do not have the SHA-256 of its name")
		return 1
	fi
	core='' kinds='' held='' bad=''
	while IFS= read -r line; do
		value=${line#*: }
		case "$line" in
		bad) bad=yes ;;
		'h alert: '*) b_alert=$value ;;
		'h code: '*) b_code=$value ;;
		'h realm: '*) b_realm=$value ;;
		'h number: '*) b_number=$value ;;
		'h composed: '*) seconds "$value" && b_composed=$value || bad=yes ;;
		'g instead-of: '*) is_hex64 "$value" && b_instead=$value b_glass=yes || bad=yes ;;
		'g contact-'*) b_calls=$b_calls$value$nl ;;
		'c '*) b_channels="$b_channels ${line#c }" ;;
		'e '*) b_codes=$b_codes${line#e }$nl ;;
		'i '*) b_infos=${line#i } ;;
		x) b_unsure=yes ;;
		'h expires: '*) seconds "$value" && b_expires=$value || bad=yes ;;
		'h not-after: '*) seconds "$value" && b_not_after=$value || bad=yes ;;
		'h previous: '*) is_hex64 "$value" && b_previous=$value || bad=yes ;;
		'h prepared-as: '*) b_as=$value ;;
		'h prepared-for: '*) is_hex64 "$value" && b_for=$value || bad=yes ;;
		'm '*) kinds=$kinds${line#m }$nl ;;
		'p '*) held=$held${line#p }$nl ;;
		'core '*) core=${line#core } ;;
		esac
	done <<EOF
$(sections "$file")
EOF
	if [ -n "$bad" ] || ! is_number "$core" || ! is_number "$b_number"; then
		why=$(say "i suoi byte non sono costruiti come un bollettino" "its bytes are not built as a bulletin is")
		return 1
	fi
	if [ "$b_alert" != "$alert" ] || [ "$b_code" != "$code" ]; then
		why=$(say "è di un'altra allerta, o ha un altro codice" "it is of another alert, or has another code")
		return 1
	fi
	if [ "$b_realm" != "$realm" ]; then
		why=$(say "è dell'altro ambiente (reale ed esercitazione sono separati)" "it is of the other realm (live and exercise are separate)")
		return 1
	fi
	# The one element msgType of the message: anywhere else in it the word makes us stop,
	# so that no comment or text can pass for it.
	line=${kinds%"$nl"}
	rest=${line#*msgType} && b_type=${rest#>} && b_type=${b_type%%<*} && rest=${rest#*msgType}
	case "$line" in *"$nl"*) b_type= ;; *'<msgType>'* | *:'msgType>'*) ;; *) b_type= ;; esac
	case "$rest" in *msgType*) b_type= ;; esac
	case "$line" in *msgType\>"$b_type"\</*) ;; *) b_type= ;; esac
	case "$b_type" in
	Alert) slots=$slots_Alert ;;
	Update) slots=$slots_Update ;;
	Cancel) slots=$slots_Cancel ;;
	*) why=$(say "il genere del messaggio (msgType) non si legge con certezza" "the kind of its message (msgType) can't be read with certainty") && return 1 ;;
	esac
	case "$b_as|$b_type" in
	'|'*) ;;
	'correction|Update') slots=$slots_correction ;;
	'revocation|Cancel') slots=$slots_revocation ;;
	'ratification|Update') slots=$slots_ratification ;;
	*) bad=yes ;;
	esac
	# Bulletin 1 follows none, each other one names by one field the one that it follows.
	case "$b_number|$b_type|${b_previous:+previous}|${b_as:+as}|${b_for:+for}" in
	'1|Alert|||') ;;
	1\|* | *'|Alert|'*) bad=yes ;;
	*'|previous||' | *'||as|for') ;;
	*) bad=yes ;;
	esac
	if [ -n "$bad" ]; then
		why=$(say "numero, genere e ciò che segue non vanno insieme" "its number, its kind and what it follows do not go together")
		return 1
	fi
	if [ -n "$b_glass" ] && ! read_glass; then return 1; fi
	b_core=$(part "$file" 0 "$core" | digest)
	kinds=''
	while IFS=' ' read -r as sum begin bytes inner_as inner_for; do
		[ -n "$as" ] || continue
		kinds="$kinds $as"
		if [ "$(part "$file" "$begin" "$bytes" | digest)" != "$sum" ]; then
			why=$(say "ciò che sta pronto dentro di esso ($as) non ha l'SHA-256 scritto lì" "what is prepared inside it ($as) does not have the SHA-256 that it says")
			return 1
		fi
		if [ "$inner_as" != "$as" ] || [ "$inner_for" != "$b_core" ]; then
			why=$(say "ciò che sta pronto dentro di esso ($as) è stato preparato per un altro bollettino" "what is prepared inside it ($as) was prepared for another bulletin")
			return 1
		fi
		b_holds="$b_holds$1 $as $sum$nl"
	done <<EOF
$held
EOF
	case "$b_type|$b_as|$kinds" in
	*'||' | *'|correction|' | *'|revocation|' | *'|ratification|' | 'Update|correction| revocation') ;;
	'Alert||'* | 'Update||'* | 'Update|ratification|'*)
		case "$b_glass|$kinds" in
		*'| correction' | *'| revocation' | *'| correction revocation') ;;
		'yes| ratification' | 'yes| correction ratification' | 'yes| revocation ratification' | 'yes| correction revocation ratification') ;;
		*) bad=yes ;;
		esac
		;;
	*) bad=yes ;;
	esac
	if [ -n "$bad" ]; then
		why=$(say "non può avere pronti dentro di sé questi bollettini:$kinds" "it may not have these prepared inside it:$kinds")
		return 1
	fi
}

# coded LIST N: whether the nth info has an event code of a list of the policy.
coded() {
	for one in $1; do
		case "$b_codes" in *"$nl$2 $one$nl"*) return 0 ;; esac
	done
	return 1
}

# every LIST: whether every info has one, and there is an info.
every() {
	n=0
	while [ "$n" -lt "$b_infos" ]; do
		n=$((n + 1))
		coded "$1" "$n" || return 1
	done
	[ "$n" -gt 0 ]
}

# read_glass: whether the policy allows what the signed bytes say of a break-glass
# bulletin; it sets slots and b_wait, in seconds, or why.
read_glass() {
	no=$(say "è un'emissione d'emergenza, e" "it is break-glass, and")
	if [ -z "$glass" ]; then
		why="$no $(say "le regole non la ammettono" "the policy does not allow it")"
		return 1
	fi
	if [ -n "$b_as" ] || [ "$b_type" = Cancel ] || [ -n "$b_unsure" ] || [ -z "$b_composed" ] || ! is_number "$b_infos"; then
		why="$no $(say "il suo messaggio non si legge con certezza" "its message can't be read with certainty")"
		return 1
	fi
	if every "$at_once"; then
		b_wait=0
	elif every "$glass_events"; then
		b_wait=$((wait_minutes * 60))
	else
		why="$no $(say "le regole non la ammettono per questo evento" "the policy does not allow it for this event")"
		return 1
	fi
	for one in $b_channels; do
		case " $glass_channels " in *" $one "*) ;; *) why="$no $(say "le regole non la ammettono sul canale" "the policy does not allow it on channel") $one" && return 1 ;; esac
	done
	if [ -z "$b_not_after" ] || [ "$b_expires" -gt $((b_composed + life_minutes * 60)) ] || [ "$b_not_after" -gt $((b_composed + life_minutes * 60)) ]; then
		why="$no $(say "vale per più dei $life_minutes minuti che le regole ammettono" "it holds for longer than the $life_minutes minutes that the policy allows")"
		return 1
	fi
	calls=0
	case "$b_type" in Alert) ordinary=$slots_Alert ;; *) ordinary=$slots_Update ;; esac
	while IFS=' ' read -r c_seq c_time c_way c_whom; do
		[ -n "$c_seq" ] || continue
		calls=$((calls + 1))
		# Who is to sign with the officer, and not somebody of the same house.
		case "$c_whom" in officer | breakglass) calls=-9 ;; esac
		case " $ordinary " in *[\ ,]"$c_whom"[\ ,]*) ;; *) calls=-9 ;; esac
	done <<EOF
$b_calls
EOF
	if [ "$calls" -lt "$attempts" ]; then
		why="$no $(say "non cita i tentativi di contatto che le regole chiedono ($attempts)" "it does not name the contact attempts that the policy asks for ($attempts)")"
		return 1
	fi
	slots='officer breakglass'
}

# nanoseconds TIME: sets value to the part of a time below a second, in nine digits.
nanoseconds() {
	value=000000000
	case "$1" in *.*) ;; *) return 0 ;; esac
	value=${1#*.} value=${value%%[!0-9]*}000000000
	value=$(printf '%.9s' "$value")
}

# timely HANDED TIME AT SEQ: whether each attempt that the bulletin names stands in the
# ledger, for the bulletin that it replaces and before it was handed in itself, and the
# wait since the first of them was over at a time; else sets why.
timely() {
	first='' first_part=''
	if lookup "$stopped" "$b_instead" && [ "$value" -lt "$4" ]; then
		why=$(say "il bollettino di cui prende il posto era stato rifiutato o ritirato (voce $value)" "the bulletin that it stands for was refused or withdrawn (record $value)")
		return 1
	fi
	if [ $((b_composed - $3)) -gt 300 ]; then
		why=$(say "dice di essere stato composto dopo le firme" "it says that it was composed after it was signed")
		return 1
	fi
	while IFS=' ' read -r c_seq c_time c_way c_whom; do
		[ -n "$c_seq" ] || continue
		if ! is_number "$c_seq" || ! lookup "$contacts" "$c_seq" || [ "$c_seq" -ge "$1" ]; then
			why=$(say "il tentativo di contatto che cita non è nel registro prima di esso (voce $(shown "$c_seq"))" "the contact attempt that it names is not in the ledger before it (record $(shown "$c_seq"))")
			return 1
		fi
		IFS='|' read -r r_digest r_number r_time r_at r_way r_whom <<RECORD
$value
RECORD
		if [ "$r_digest" != "$b_instead" ] || [ "$r_number" != "$b_number" ] || [ "$r_way" != "$c_way" ] || [ "$r_whom" != "$c_whom" ] || [ "${r_time%%[.Z]*}Z" != "$c_time" ]; then
			why=$(say "il tentativo di contatto della voce $c_seq non è quello che esso cita" "the contact attempt of record $c_seq is not the one that it names")
			return 1
		fi
		nanoseconds "$r_time"
		if [ -z "$first" ] || [ "$r_at" -lt "$first" ] || { [ "$r_at" -eq "$first" ] && [ "$value" -lt "$first_part" ]; }; then
			first=$r_at first_part=$value
		fi
	done <<EOF
$b_calls
EOF
	nanoseconds "$2"
	if [ "$3" -gt $((first + b_wait)) ] || { [ "$3" -eq $((first + b_wait)) ] && [ "$value" -ge "$first_part" ]; }; then return 0; fi
	why=$(say "le firme sono arrivate prima che l'attesa fosse finita" "the signatures came before the wait was over")
	return 1
}

# colleague ROLE PRINCIPAL KEY ORGANISATION: whether another person of the same
# organisation signed before in the other of the two roles, with another key.
colleague() (
	while IFS='|' read -r a_role a_principal a_key a_organisation; do
		case "$1|$a_role" in 'officer|breakglass' | 'breakglass|officer') ;; *) continue ;; esac
		if [ "$a_principal" != "$2" ] && [ "$a_key" != "$3" ] && [ "$a_organisation" = "$4" ]; then exit 0; fi
	done <<EOF
$approvals
EOF
	exit 1
)

# attested SEQ: what a hardware key or passkey attested; sets hardware to words for
# people, or why to the reason for which the policy does not take it.
attested() {
	# ssh-keygen writes nothing of the signer's into this line.
	flags=$(ssh-keygen -vv -Y verify -f "$ring" -r keys/revoked -I "$principal" -n "$namespace" -s "$folder_of/$1.sig" \
		-O "verify-time=$stamp$z" <"$file" 2>&1 >/dev/null |
		sed -n -e "s/$cr\$//" -e 's/^debug[0-9]: [a-z_: ]*signature details: counter = [0-9]*, flags = 0x\([0-9a-f][0-9a-f]\)$/\1/p')
	case "$flags" in [0-9a-f][0-9a-f]) ;; *) why=$(say "ssh-keygen non dice che cosa ha attestato la chiave hardware" "ssh-keygen does not say what the hardware key attested") && return 1 ;; esac
	flags=$((0x$flags))
	present=$((flags & 1)) verified=$((flags >> 2 & 1)) copied=$((flags >> 3 & 1)) page=''
	hardware=$(say "chiave hardware, presenza UP=$present, verifica UV=$verified, copiabile BE=$copied" "hardware key, presence UP=$present, verification UV=$verified, may be copied BE=$copied")
	if [ "$present" -ne 1 ]; then
		why=$(say "nessuno ha toccato la chiave (UP=0)" "nobody touched the key (UP=0)")
		return 1
	fi
	if [ "$verified" -ne 1 ] && [ "$verification" = true ]; then
		why=$(say "la chiave non ha chiesto PIN, impronta o volto (UV=0) e le regole lo esigono" "the key did not ask for PIN, fingerprint or face (UV=0), and the policy demands it")
		return 1
	fi
	if [ "$copied" -eq 1 ] && [ "$synced" = false ]; then
		why=$(say "la chiave può esistere su più dispositivi (BE=1) e le regole non lo ammettono" "the key may exist on several devices (BE=1), and the policy does not allow it")
		return 1
	fi
	# A browser's data stand in the signature as text; ssh-keygen looks at neither page
	# nor frame. It has checked that the text begins like this, with the page that asked.
	text=$(sed -e '/^-----/d' "$folder_of/$1.sig" | decode | tr -cd ' -~') || text=
	if [ -z "$text" ]; then
		why=$(say "per leggere la pagina che ha chiesto la firma serve base64 oppure openssl" "to read which page asked for the signature, base64 or openssl is needed")
		return 1
	fi
	case "$text" in
	*webauthn.get*webauthn.get*) why=$(say "i dati del browser non si leggono con certezza" "the browser's data can't be read with certainty") && return 1 ;;
	*'{"type":"webauthn.get","challenge":"'*'","origin":"'*)
		text=${text#*'{"type":"webauthn.get","challenge":"'} text=${text#*'","origin":"'}
		page=${text%%\"*} text=${text#*\"}
		case "$text" in
		,\"crossOrigin\":false[,'}']* | '}'*) ;;
		*) why=$(say "la passkey ha firmato dentro una pagina incorniciata da un altro sito" "the passkey signed in a page that another site framed") && return 1 ;;
		esac
		hardware="$hardware, $(say "pagina" "page") $(shown "$page")"
		;;
	*webauthn*) why=$(say "i dati del browser non si leggono con certezza" "the browser's data can't be read with certainty") && return 1 ;;
	*) return 0 ;;
	esac
	if [ -z "${origins#"${origins%%[! ]*}"}" ]; then return 0; fi
	case "$page| $origins " in
	*\ *\|* | *\'* | '|'*) why=$(say "la pagina che ha chiesto la firma non si legge con certezza" "the page that asked for the signature can't be read with certainty") && return 1 ;;
	*" $page "*) ;;
	*) why=$(say "la pagina $(shown "$page") non è fra quelle ammesse dalle regole" "the page $(shown "$page") is not one that the policy allows") && return 1 ;;
	esac
}

# check_signature SEQ: whether the signature in the folder folder_of counts, over the bytes
# of file. It sets key, kind, organisation and hardware, or why.
folder_of=signatures
check_signature() {
	why='' hardware=$(say "chiave in un file" "key in a file")
	role=${namespace%%@*} organisation=${principal#*@}
	if [ "$principal" = '?' ] || [ "$namespace" = '?' ] || [ -z "$armor" ]; then
		why=$(say "la voce non ha la forma delle nostre" "the record does not have the form of ours")
		return 1
	fi
	if [ "$namespace" = "$role@$other" ]; then
		why=$(say "è una firma dell'altro ambiente ($namespace)" "it is a signature of the other realm ($namespace)")
		return 1
	fi
	case " $slots " in *[\ ,]"$role"[\ ,]*) ;; *) why=$(say "le regole non chiedono questo ruolo" "the policy does not ask for this role") && return 1 ;; esac
	if [ "$namespace" != "$role@$suffix" ]; then
		why=$(say "lo spazio dei nomi non è un ruolo di questo ambiente" "the namespace is no role of this realm")
		return 1
	fi
	if ! is_file "$folder_of/$1.sig"; then
		why=$(say "manca il file della firma" "the signature's file is missing")
		return 1
	fi
	inner=$(sed -e ':a' -e '$!{' -e 'N' -e 'ba' -e '}' -e 's/\n/\\n/g' "$folder_of/$1.sig")
	case "$inner\\n" in
	-----BEGIN\ SSH\ SIGNATURE-----\\n*\\n-----END\ SSH\ SIGNATURE-----\\n) ;;
	*) why=$(say "il file della firma ha altro testo intorno" "the signature's file has other text around it") && return 1 ;;
	esac
	if [ "$armor" != "$inner" ] && [ "$armor" != "$inner\\n" ]; then
		why=$(say "il file della firma non è ciò che dice la voce del registro" "the signature's file is not what the ledger's record says")
		problem "voce $1: $why" "record $1: $why"
		return 1
	fi
	if [ "$at" -ge "$b_expires" ]; then
		why=$(say "è arrivata quando il bollettino era scaduto" "it came when the bulletin had expired")
		return 1
	fi
	if [ -n "$b_not_after" ]; then
		case "$at|$time" in
		"$b_not_after|"*.*) late=yes ;;
		*) if [ "$at" -gt "$b_not_after" ]; then late=yes; else late=''; fi ;;
		esac
		if [ -n "$late" ]; then
			why=$(say "è arrivata dopo il termine per firmare" "it came after the time by which people had to sign")
			return 1
		fi
	fi
	set -- "$1" -Y verify -f "$ring" -r keys/revoked -I "$principal" -n "$namespace" -s "$folder_of/$1.sig" -O "verify-time=$stamp$z"
	sig=$1
	shift
	if ! good=$(ssh-keygen "$@" <"$file" 2>/dev/null); then
		why=$(ssh-keygen "$@" <"$file" 2>&1 >/dev/null | sed -n -e "s/$cr\$//" -e '/./p' | sed -n 1p)
		if ssh-keygen "$@" -r /dev/null <"$file" >/dev/null 2>&1; then
			why=$(say "la chiave, o l'autorità che la certifica, è fra le revocate" "the key, or the authority that certifies it, is revoked")
		elif [ -n "$why" ]; then
			why="ssh-keygen: $(shown "$why")"
		else
			why=$(say "nessuna riga del portachiavi ammette questa chiave con questo nome" "no line of the key ring admits this key under this name")
		fi
		return 1
	fi
	kind=${good#"Good \"$namespace\" signature for $principal with "}
	key=${kind##* key } kind=${kind%% key *}
	if [ "$good" != "Good \"$namespace\" signature for $principal with $kind key $key" ]; then
		why=$(say "ssh-keygen non conferma la firma" "ssh-keygen does not confirm the signature")
		return 1
	fi
	case "$key" in SHA256:*[!A-Za-z0-9+/]* | [!S]*) why=$(say "ssh-keygen non nomina la chiave" "ssh-keygen does not name the key") && return 1 ;; esac
	case "$kind" in
	ED25519 | ECDSA | ED25519-CERT | ECDSA-CERT) ;;
	ED25519-SK | ECDSA-SK | ED25519-SK-CERT | ECDSA-SK-CERT) attested "$sig" || return 1 ;;
	*) why=$(say "una chiave di questo genere non è ammessa" "a key of this kind is not accepted") && return 1 ;;
	esac
}

# halt_text FILE KIND: whether the text that a person signed is a refusal or a withdrawal of
# the bulletin that was read last. It sets why, or the lines of the reason.
halt_text() {
	why=$(say "il testo firmato non è quello di un rifiuto o di un ritiro di questo bollettino" "the text that was signed is not that of a refusal or a withdrawal of this bulletin")
	reason=''
	[ "$(sed -n -e 1,8p "$1")" = "tocsin-halt: 1${nl}kind: $2${nl}alert: $alert${nl}code: $code${nl}number: $b_number${nl}bulletin: $digest${nl}realm: $realm${nl}principal: $principal" ] || return 1
	value=$(sed -n -e 9p "$1")
	case "$value" in 'time: '*Z) seconds "${value#time: }" || return 1 ;; *) return 1 ;; esac
	value=$(sed -n -e 10p "$1")
	count=${value#bytes: }
	if [ "$value" != "bytes: $count" ] || ! is_number "$count" || [ "$count" -gt 2048 ] || [ -n "$(sed -n -e 11p "$1")" ]; then return 1; fi
	top=$(($(sed -n -e 1,11p "$1" | wc -c)))
	[ $(($(wc -c <"$1"))) -eq $((top + count + 9)) ] || return 1
	[ "$(part "$1" $((top + count)) 9 && printf x)" = "$nl--- end${nl}x" ] || return 1
	reason=$(part "$1" "$top" "$count" | sed -e 's/[^ -~]/?/g' -e 's/^/      | /')
	why=''
}

# check_halt SEQ TYPE SAID: whether the refusal or withdrawal of the bulletin that was read
# last holds. It sets why where it does not.
check_halt() {
	word=refusal slots=$slots_refusal
	if [ "$2" = withdrawn ]; then word=withdrawal slots=$slots_withdrawal; fi
	if [ -n "$b_as" ]; then
		why=$(say "ciò che è pronto per fermare un'allerta non si rifiuta e non si ritira" "what is prepared to stop an alert is neither refused nor withdrawn")
		return 1
	fi
	if [ "$3" != yes ]; then
		why=$(say "il testo non è ciò che dice la voce del registro" "the text is not what the ledger's record says")
		return 1
	fi
	halt_text "halts/$1.halt" "$word" || return 1
	# When it came plays no part: only the bulletin expires.
	keep_file=$file keep_expires=$b_expires keep_not_after=$b_not_after
	file=halts/$1.halt b_expires=$((at + 1)) b_not_after='' folder_of=halts
	check_signature "$1" && holds_good=yes || holds_good=''
	file=$keep_file b_expires=$keep_expires b_not_after=$keep_not_after folder_of=signatures
	[ -n "$holds_good" ]
}

# choose MODE SLOTS USED: whether the approvals fill every slot with signatures that are
# apart from each other. MODE 1: other persons; 2: other keys too; 3: other
# organisations too. The fingerprint is that of the key inside a certificate.
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

# lacking: sets why to what the approvals lack.
lacking() {
	for slot in $slots; do
		if choose 1 "$slot" ''; then continue; fi
		why=$(say "manca la firma del ruolo $slot" "the signature of the role $slot is missing")
		return
	done
	why=$(say "due firme sono della stessa organizzazione" "two signatures are of one organisation")
	if ! choose 2 "$slots" ''; then why=$(say "due firme sono della stessa chiave" "two signatures are by one key"); fi
	if ! choose 1 "$slots" ''; then why=$(say "due firme sono della stessa persona" "two signatures are by one person"); fi
}

# --- the verdict on each ---------------------------------------------------------

reality=$(say "reale" "live")
if [ "$realm" = exercise ]; then reality=$(say "ESERCITAZIONE" "EXERCISE"); fi
say "Allerta $code ($reality), identificativo $alert" "Alert $code ($reality), identifier $alert"

glasses=0 events='' verdicts=$nl facts=$nl files=$nl holds=$nl halted=$nl
while IFS='|' read -r digest handed; do
	[ -n "$digest" ] || continue
	files=$files$digest$nl
	echo
	if ! read_bulletin "$digest"; then
		say "Bollettino $digest (voce $handed)" "Bulletin $digest (record $handed)"
		verdicts=$verdicts$digest\|$why$nl
		say "  NON DIFFUSO: $why. Non conta." "  NOT RELEASED: $why. It does not count."
		continue
	fi
	say "Bollettino $b_number ($b_type), voce $handed, SHA-256 $digest" "Bulletin $b_number ($b_type), record $handed, SHA-256 $digest"
	if [ -n "$b_as" ]; then say "  dice di essere uno di quelli pronti dentro un altro ($b_as)" "  it says that it is one of those prepared inside another one ($b_as)"; fi
	asked=$slots
	say "  le regole chiedono: $asked" "  the policy asks for: $asked"
	halt='' halt_words=''
	while IFS='|' read -r seq of time principal namespace type said armor; do
		[ "$of" = "$digest" ] || continue
		seconds "$time" || continue
		at=$value
		stamp=$(printf '%s\n' "$time" | sed -e 's/^\(....\)-\(..\)-\(..\)T\(..\):\(..\):\(..\).*/\1\2\3\4\5\6/')
		if [ "$type" = withdrawn ]; then
			say "  ritiro, voce $seq, $time: $principal, $namespace" "  withdrawal, record $seq, $time: $principal, $namespace"
		else
			say "  rifiuto, voce $seq, $time: $principal, $namespace" "  refusal, record $seq, $time: $principal, $namespace"
		fi
		if ! check_halt "$seq" "$type" "$said"; then
			say "    NON CONTA: $why" "    DOES NOT COUNT: $why"
			refused "$seq" "$at" || problem "voce $seq: il rifiuto o ritiro non vale e il registro non lo respinge" "record $seq: the refusal or withdrawal does not hold, and the ledger does not refuse it"
			continue
		fi
		say "    vale; $kind $key; $hardware; verify-time=${stamp}Z" "    good; $kind $key; $hardware; verify-time=${stamp}Z"
		printf '%s\n' "$reason"
		if [ -z "$halt" ]; then
			halt=$seq halt_words=$(say "rifiutato da $principal alla voce $seq" "refused by $principal, record $seq")
			if [ "$type" = withdrawn ]; then halt_words=$(say "ritirato da $principal alla voce $seq" "withdrawn by $principal, record $seq"); fi
		fi
	done <<EOF
$halts
EOF
	slots=$asked approvals='' released='' house='' early=''
	if [ -n "$halt" ]; then stopped=$stopped$digest\|$halt$nl; fi
	while IFS='|' read -r seq of time principal namespace armor; do
		[ "$of" = "$digest" ] || continue
		seconds "$time" || continue
		at=$value
		stamp=$(printf '%s\n' "$time" | sed -e 's/^\(....\)-\(..\)-\(..\)T\(..\):\(..\):\(..\).*/\1\2\3\4\5\6/')
		said=$(say "firma, voce $seq, $time: $principal, $namespace" "signature, record $seq, $time: $principal, $namespace")
		if ! check_signature "$seq"; then
			echo "  $said"
			say "    NON CONTA: $why" "    DOES NOT COUNT: $why"
			refused "$seq" "$at" || problem "voce $seq: la firma non vale e il registro non la respinge" "record $seq: the signature does not hold, and the ledger does not refuse it"
			continue
		fi
		echo "  $said"
		say "    vale; $kind $key; $hardware; verify-time=${stamp}Z" "    good; $kind $key; $hardware; verify-time=${stamp}Z"
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
		one="$role|$principal|$key|$organisation"
		if [ -n "$b_glass" ]; then
			case "$nl$approvals$nl" in *"$nl$one$nl"*) continue ;; esac # recorded again, it is no later signature
			if [ -z "$released" ] && colleague "$role" "$principal" "$key" "$organisation"; then
				if timely "$handed" "$time" "$at" "$seq"; then released=$seq house=$organisation; else early=$why; fi
			fi
			approvals="$approvals${approvals:+$nl}$one"
			continue
		fi
		approvals="$approvals${approvals:+$nl}$one"
		if [ -z "$released" ] && choose 3 "$asked" ''; then released=$seq; fi
	done <<EOF
$statements
EOF
	facts=$facts$digest\|$b_number\|$b_type\|$b_previous\|$b_as\|$b_for\|$b_core$nl
	holds=$holds$b_holds
	if [ -n "$halt" ] && [ -z "$released" ]; then
		halted=$halted$digest\|$halt$nl verdicts=$verdicts$digest\|$halt_words$nl
		say "  NON DIFFUSO: $halt_words." "  NOT RELEASED: $halt_words."
		continue
	fi
	if [ -n "$halt" ]; then say "  la voce $halt è arrivata dopo la diffusione: non ha effetto" "  record $halt came after the release: it has no effect"; fi
	events="$events$handed h $digest$nl"
	if [ -n "$released" ] && [ -n "$b_glass" ]; then
		say "  EMISSIONE D'EMERGENZA: due firme, due persone, due chiavi, UNA SOLA organizzazione ($house). I tentativi di contatto che cita sono nel registro, l'attesa è passata." \
			"  BREAK-GLASS: two signatures, two persons, two keys, ONE organisation ($house). The contact attempts that it names are in the ledger, the wait had passed."
		if lookup "$claims" "$digest"; then
			glasses=$((glasses + 1))
		else
			released='' early=$(say "chi ha esportato dice che non lo è; nelle 24 ore prima ce n'erano già troppe (ammesse: $per_day), o il suo posto era già preso" "the exporter says that it is not; there were too many in the 24 hours before (allowed: $per_day), or its place was taken")
		fi
	fi
	if [ -n "$released" ]; then
		events="$events$released r $digest$nl"
		verdicts=$verdicts$digest\|ok\|$released$nl
	else
		if [ -n "$early" ]; then
			why=$early
		elif [ -n "$b_glass" ]; then
			why=$(say "mancano le firme di due persone di una stessa organizzazione, officer e breakglass" "the signatures of two persons of one organisation are missing, officer and breakglass")
		else
			lacking
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
chain=$nl broken=$nl around=$nl last='' last_number=0 last_type='' last_core=''
while IFS=' ' read -r seq event digest; do
	[ -n "$seq" ] || continue
	case "$broken" in *"$nl$digest|"*) continue ;; esac
	lookup "$facts" "$digest"
	IFS='|' read -r number type previous as within core <<EOF
$value
EOF
	why=''
	if lookup "$bulletins" "$digest" && lookup "$refusals" "$value"; then
		case "$value" in code\|*) why=$(say "il suo codice è di un'altra allerta: respinto alla voce ${value#*|}" "its code is another alert's: refused by record ${value#*|}") ;; esac
	fi
	if [ -n "$why" ]; then
		:
	elif [ -z "$last" ]; then
		if [ "$number" != 1 ]; then why=$(say "prima di esso non era diffuso nessun bollettino" "no bulletin was released before it"); fi
	elif [ "$number" -le "$last_number" ]; then
		if [ "$digest" != "$last" ]; then why=$(say "il bollettino $last_number era già diffuso" "bulletin $last_number was released already"); fi
	elif [ "$last_type" = Cancel ]; then
		why=$(say "l'allerta era già revocata" "the alert was revoked already")
	elif [ -n "$as" ] && [ "$within" != "$last_core" ]; then
		why=$(say "è stato preparato per un bollettino diverso dall'ultimo diffuso, il $last_number" "it was prepared for another bulletin than the newest released one, which is $last_number")
	elif [ -n "$as" ]; then
		case "$number|$holds" in
		"$((last_number + 1))|"*"$nl$last $as $digest$nl"*) ;;
		*) why=$(say "non è fra quelli pronti dentro l'ultimo diffuso, il $last_number" "it is not among those that are prepared inside the newest released one, which is $last_number") ;;
		esac
	elif [ "$previous" != "$last" ]; then
		why=$(say "non segue l'ultimo bollettino diffuso" "it does not follow the newest released bulletin")
	fi
	if [ -n "$why" ]; then
		broken=$broken$digest\|$why$nl
	elif [ "$event" = r ]; then
		if [ -n "$as" ]; then around=$around$digest\|$last_number$nl; fi
		chain=$chain$digest\|$seq$nl last=$digest last_number=$number last_type=$type last_core=$core
	fi
done <<EOF
$(printf '%s' "$events" | sort -n -k 1,1)
EOF

echo
while IFS='|' read -r digest verdict seq; do
	[ -n "$digest" ] || continue
	if [ "$verdict" = ok ] && lookup "$broken" "$digest"; then
		why=$value
		lookup "$facts" "$digest"
		say "Bollettino ${value%%|*}: NON DIFFUSO: $why. Non conta." "Bulletin ${value%%|*}: NOT RELEASED: $why. It does not count."
	elif [ "$verdict" = ok ]; then
		lookup "$facts" "$digest"
		say "Bollettino ${value%%|*}: DIFFUSO con la voce $seq." "Bulletin ${value%%|*}: RELEASED by record $seq."
		if lookup "$around" "$digest"; then
			say "  I suoi byte stanno dentro il bollettino $value: chi ha firmato quello ha firmato anche questi." "  Its bytes stand inside bulletin $value: whoever signed that one signed them too."
		fi
	fi
	found=''
	if lookup "$chain" "$digest"; then found=$value; fi
	claimed=''
	if lookup "$claims" "$digest"; then claimed=$value; fi
	if [ "$found" != "$claimed" ]; then
		problem "bollettino $digest: chi ha esportato dice \"diffuso: ${claimed:-no}\", le firme dicono \"${found:-no}\"" "bulletin $digest: the exporter says \"released: ${claimed:-no}\", the signatures say \"${found:-no}\""
	fi
	found=''
	if lookup "$halted" "$digest"; then found=$value; fi
	claimed=''
	if lookup "$halt_claims" "$digest"; then claimed=$value; fi
	if [ "$found" != "$claimed" ]; then
		problem "bollettino $digest: chi ha esportato dice \"rifiutato o ritirato: ${claimed:-no}\", le firme dicono \"${found:-no}\"" "bulletin $digest: the exporter says \"refused or withdrawn: ${claimed:-no}\", the signatures say \"${found:-no}\""
	fi
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

# --- what a script can't know ----------------------------------------------------

signers_digest=$(digest <keys/allowed_signers)
revoked_digest=$(digest <keys/revoked)
ring_digest=$(printf 'signers %s\nrevoked %s\n' "$signers_digest" "$revoked_digest" | digest)
say "
DA CONFRONTARE. Chi esporta può mentire su ciò che segue, e nessuno script lo vede:" "
TO COMPARE. An exporter can lie about what follows, and no script can see it:"
say "- portachiavi, revocate, regole: con le copie che la tua organizzazione conserva" "- key ring, revoked keys, policy: with the copies that your organisation keeps"
echo "    $signers_digest  keys/allowed_signers"
echo "    $revoked_digest  keys/revoked"
echo "    $(digest <keys/policy.yaml)  keys/policy.yaml"
say "- portachiavi e revocate insieme (key_ring nel registro): $ring_digest" "- key ring and revoked keys together (key_ring in the ledger): $ring_digest"
for one in $rings; do
	if [ "$one" = "$ring_digest" ]; then
		say "    gli invii del registro nominano questo" "    the ledger's attempts name this one"
	else
		say "    gli invii del registro ne nominano un altro: $one. È cambiato da allora, o non è quello" "    the ledger's attempts name another one: $one. It was changed since, or it is not the one"
	fi
done
say "- ore delle firme e voci: con il registro, per mezzo di proofs/ e della radice (README.txt)" "- times of signatures, and records: with the ledger, by means of proofs/ and the root (README.txt)"
if is_file checkpoint; then
	{
		IFS= read -r origin || :
		IFS= read -r size || :
		IFS= read -r root || :
	} <checkpoint
	if [ "$origin" != "$ledger" ] || ! is_number "$size"; then
		problem "il sigillo è di un altro registro" "the checkpoint is of another ledger"
	fi
	say "- radice del registro: con un sigillo (checkpoint) che un'altra organizzazione conserva" "- the ledger's root: with a checkpoint that another organisation keeps"
	echo "    $(shown "$origin")"
	say "    $(shown "$size") voci, radice $(shown "$root")" "    $(shown "$size") records, root $(shown "$root")"
	for seq in $numbers; do
		if is_number "$seq" && is_number "$size" && [ "$seq" -gt "$size" ]; then
			say "    le voci dalla $seq in poi sono più recenti del sigillo e non hanno prova" "    the records from $seq on are newer than the checkpoint and have no proof"
			break
		fi
	done
else
	say "- l'esportazione non ha un sigillo: le ore non si possono confrontare con nulla" "- the export has no checkpoint: there is nothing to compare the times with"
fi
if [ "$glasses" -gt 0 ]; then
	say "- quante emissioni d'emergenza c'erano già nelle 24 ore prima (ammesse: $per_day): solo il registro intero lo dice" "- how much break-glass there was in the 24 hours before (allowed: $per_day): the whole ledger alone tells"
fi
if [ -n "$script_digest" ]; then
	say "- questo script: con quello pubblicato insieme a Tocsin" "- this script: with the one that is published with Tocsin"
	echo "    $script_digest  verify-alert.sh"
fi
say "- che non manchi nessuna voce dell'allerta (l'ultima qui è la $newest): solo il registro intero lo dice" "- that no record of the alert is left out (the last one here is $newest): the whole ledger alone tells"
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
