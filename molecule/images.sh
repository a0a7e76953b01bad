#!/bin/sh
# Make this machine able to run the scenarios: Docker's engine running, and the images of the hosts present.
#
#   molecule/images.sh             install what is missing, start the engine, make missing or outdated images
#   molecule/images.sh --rebuild   make the images again
#
# Needs root on Debian 12 or 13 for the installation and for starting the engine; with an engine that runs already and
# images that exist already it needs only the right to use them. No container registry is involved: an image is made from
# Debian's own packages. To use other systemd images, name them:
#   TITAN_IMAGE_BOOKWORM  Debian 12 with PostgreSQL 15     TITAN_IMAGE_TRIXIE  Debian 13 with PostgreSQL 17
set -eu

bookworm=${TITAN_IMAGE_BOOKWORM:-titan-host:bookworm}
trixie=${TITAN_IMAGE_TRIXIE:-titan-host:trixie}
rebuild=no
[ "${1:-}" = --rebuild ] && rebuild=yes

# On every host from the start: an init system, cron, sshd, Python for Ansible, and a PostgreSQL server, as an application
# host has them. faketime is there for the scenario that lives through a month in minutes.
installed=systemd,systemd-sysv,dbus,python3,cron,openssh-server,sudo,iproute2,ca-certificates,procps,tzdata,faketime,python3-apt
installed=$installed,postgresql,postgresql-client

# Not installed, but installable without a network: what the roles are there to install.
offered="python3-psycopg2 zstd pigz logrotate acl apprise pgbackrest pgbouncer"

missing=
for program in dockerd:docker.io docker:docker.io mmdebstrap:mmdebstrap iptables:iptables ssh-keygen:openssh-client; do
    command -v "${program%%:*}" >/dev/null 2>&1 || [ -x "/usr/sbin/${program%%:*}" ] || missing="$missing ${program#*:}"
done
if [ -n "$missing" ]; then
    echo "images: installing$missing"
    apt-get update -qq
    # shellcheck disable=SC2086 # a list of words
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi

if ! docker info >/dev/null 2>&1; then
    log=${TITAN_DOCKER_LOG:-/var/log/dockerd.log}
    echo "images: starting Docker's engine (log: $log)"
    # It outlives this run, so it must not keep a lock that the run was started with (flock LOCK molecule/run).
    setsid dockerd >"$log" 2>&1 </dev/null 3>&- 4>&- 9>&- &
    tries=0
    until docker info >/dev/null 2>&1; do
        tries=$((tries + 1))
        if [ "$tries" -gt 60 ]; then
            echo "images: the engine did not start in 60 s; its last lines:" >&2
            tail -20 "$log" >&2
            exit 1
        fi
        sleep 1
    done
fi

setup=$(mktemp)
trap 'rm -f "$setup" "$setup".*.tar' EXIT
cat >"$setup" <<'INSIDE'
# Runs in the new system before it becomes an image.
set -eu
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
version=$(ls /usr/lib/postgresql)
# The package's own cluster has the locale of the build (C, SQL_ASCII); hosts have UTF-8, and Titan's server has port 5433.
pg_dropcluster --stop "$version" main 2>/dev/null || true
pg_createcluster --port 5433 --locale C.UTF-8 --encoding UTF8 "$version" main >/dev/null

# A small package source inside the image, so that apt works on a network without a way out.
apt-get install -y -qq --no-install-recommends --download-only $OFFERED >/dev/null
# The server's own packages, too: a scenario takes them away and has the roles install them.
server=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' 'postgresql*' libpq5 ssl-cert cron 2>/dev/null | sed -n 's/^installed //p')
# shellcheck disable=SC2086 # a list of words
apt-get install -y -qq --no-install-recommends --download-only --reinstall $server >/dev/null
mkdir -p /opt/packages
find /var/cache/apt/archives -name '*.deb' -exec mv {} /opt/packages/ \;
cd /opt/packages
for deb in *.deb; do
    dpkg-deb -f "$deb"
    printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$deb" "$(stat -c %s "$deb")" "$(sha256sum "$deb" | cut -d' ' -f1)"
done >Packages
rm -f /etc/apt/sources.list.d/*
echo 'deb [trusted=yes] file:/opt/packages ./' >/etc/apt/sources.list
rm -rf /var/lib/apt/lists/*
apt-get update -qq

# No time of a container's boot is wasted on what a container cannot do, and nothing starts by itself at odd moments.
systemctl mask -q apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer man-db.timer \
    systemd-udevd.service systemd-logind.service getty.target console-getty.service systemd-timesyncd.service 2>/dev/null || true
rm -f /var/log/*.log /etc/machine-id
: >/etc/machine-id
INSIDE

# An image that another version of this file has made is made again.
recipe=$(cksum <"$0" | tr ' ' -)

make_image() { # suite, image
    if [ "$rebuild" = no ] && [ "$(docker image inspect -f '{{.Config.Labels.recipe}}' "$2" 2>/dev/null)" = "$recipe" ]; then
        echo "images: $2 is there"
        return
    fi
    start=$(date +%s)
    echo "images: making $2 from Debian's packages ($1)"
    # Not a pipe: an image of half a system would be taken for a whole one.
    mmdebstrap --quiet --variant=apt --skip=cleanup/apt --include="$installed" \
        --customize-hook="copy-in $setup /" \
        --customize-hook="chroot \"\$1\" env OFFERED='$offered' sh /$(basename "$setup")" \
        --customize-hook="rm \"\$1/$(basename "$setup")\"" \
        "$1" "$setup.$1.tar"
    docker import --change "LABEL recipe=$recipe" "$setup.$1.tar" "$2" >/dev/null
    rm -f "$setup.$1.tar"
    docker image inspect "$2" >/dev/null
    echo "images: $2 made in $(($(date +%s) - start)) s"
}

# An image with another name than ours is somebody else's to provide.
case $bookworm in titan-host:*) make_image bookworm "$bookworm" & first=$! ;; *) first= ;; esac
case $trixie in titan-host:*) make_image trixie "$trixie" ;; esac
[ -z "$first" ] || wait "$first"
