#!/bin/sh
# Size in MB of the file system that holds a directory (or will hold it), and whether its disk rotates: "yes", "no" or "unknown".
set -eu
place=$1
while [ ! -d "$place" ]; do place=$(dirname -- "$place"); done
df -Pm -- "$place" | awk 'NR == 2 { print $2 }'
source=$(findmnt -no SOURCE -T "$place" 2>/dev/null || true)
case $(lsblk -dno ROTA -- "$source" 2>/dev/null | tr -d ' ' || true) in
0) echo no ;;
1) echo yes ;;
*) echo unknown ;;
esac
