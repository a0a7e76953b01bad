# shellcheck shell=sh
# What is in the way of installing packages (the arguments); nothing is written. Prints a line for each:
#   other NAME           a cron whose place the package cron would take
#   silent SOURCE WORDS  a source of packages that gives no answer, and apt's words, if one is needed and none answers
#   proxy                http_proxy stands in /etc/environment, and does not get as far as apt
LC_ALL=C
export LC_ALL
dpkg-query --show --showformat '${db:Status-Status} other ${Package}\n' bcron cronie systemd-cron 2>/dev/null | sed -n 's/^installed //p'
helper=${TITAN_APT_HELPER:-/usr/lib/apt/apt-helper}
command -v apt-get >/dev/null && [ -x "$helper" ] || exit 0

# What dpkg has is not looked for; apt knows what else (a version, another package's name for it) needs no source.
set -- "$@" --
while [ "$1" != -- ]; do
    case $(dpkg-query --show --showformat '${db:Status-Status}' -- "$1" 2>/dev/null) in
        installed*) ;;
        *) set -- "$@" "$1" ;;
    esac
    shift
done
shift
[ $# -gt 0 ] || exit 0
fetched=$(apt-get --print-uris -qq --yes --no-upgrade install -- "$@" 2>/dev/null) && [ -z "$fetched" ] && exit 0

sources=$(apt-get --print-uris update 2>/dev/null | sed -n "s/^'\([^']*InRelease\)'.*/\1/p" | sort -u)
# A directory, or a list of mirrors, is not asked.
[ -n "$sources" ] && ! printf '%s\n' "$sources" | grep -qv '^https\?:' || exit 0
work=$(mktemp -d) || exit 0
mkfifo "$work/answers" && exec 3<>"$work/answers"
rm -f "$work/answers"
number=0
while read -r source; do
    number=$((number + 1))
    (
        said=$(timeout 20 "$helper" -o Acquire::http::Timeout=10 -o Acquire::https::Timeout=10 -o Acquire::Retries=0 \
            download-file "$source" "$work/$number" 2>&1) || case $said in
                *" 401 "* | *" 404 "*) ;; # it answers; what it has is apt's to say
                *) said=$(printf '%s\n' "$said" | sed -n 's/^E: Failed to fetch [^ ]* *//p')
                   said="silent $(printf '%s\n' "$source" | sed 's,//[^/@]*@,//,; s,/dists/.*,,; s,/InRelease$,,') ${said:-no answer in 20 s}" ;;
            esac
        case $said in silent*) printf '%s\n' "$said" | head -n 1 ;; *) echo answers ;; esac >&3
        rm -f "$work/$number" "$work/$number".*
        rmdir "$work" # the last one can
    ) >/dev/null 2>&1 </dev/null &
done <<END
$sources
END
found=
while [ "$number" -gt 0 ] && read -r line <&3; do
    number=$((number - 1))
    [ "$line" != answers ] || exit 0
    found="$found$line
"
done
printf %s "$found"
[ -n "${http_proxy:-}" ] || apt-config dump | grep -qi '^Acquire::https\?::Proxy ' || ! grep -qi '^[^#]*http_proxy=' /etc/environment 2>/dev/null || echo proxy
