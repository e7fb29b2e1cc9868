#!/usr/bin/env bash
# Gathers the directory that a jail's Python sees in place of Debian's dist-packages:
#   prepare_site.sh AUDIT_MODULE.so SITE
#     SITE/dist-packages   the audit hook, its .pth, and pip, setuptools and wheel as Debian ships their wheels
#     SITE/etc             sitecustomize.py, the hook's second way in
#     SITE/driver          phase.py
#     SITE/empty           covers what else of the host's Python packages would be seen
# Byte-compiled ahead, because jails can't write there; by hash, so that copying SITE elsewhere keeps it valid.
set -euo pipefail
[[ $# -eq 2 ]] || { echo "usage: prepare_site.sh AUDIT_MODULE.so SITE" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
module=$1 site=$2 new="$2.new.$$"
umask 022
trap 'rm -rf "$new"' EXIT
mkdir -p "$new"/{dist-packages,etc,driver,empty}
for name in pip setuptools wheel; do
  wheels=(/usr/share/python-wheels/"$name"-*.whl)
  [[ -f ${wheels[0]} ]] || { echo "no wheel of $name (Debian package python3-$name-whl)" >&2; exit 1; }
  /usr/bin/python3 -I -m zipfile -e "${wheels[0]}" "$new/dist-packages"
done
install -m 755 "$module" "$new/dist-packages/_lazaret_audit.so"
install -m 644 "$here/site/lazaret_audit.pth" "$new/dist-packages/"
install -m 644 "$here/site/sitecustomize.py" "$new/etc/"
install -m 644 "$here/phase.py" "$new/driver/"
/usr/bin/python3 -I -m compileall -q -j 2 --invalidation-mode unchecked-hash \
  -s "$new/dist-packages" -p /usr/lib/python3/dist-packages "$new/dist-packages"
chmod -R u=rwX,go=rX "$new"
rm -rf "$site"
mv "$new" "$site"
trap - EXIT
