#!/usr/bin/env bash
# Runs a command as an ordinary user to whom cgroups were delegated, as an administrator would do it (cgroups(7), "Delegation"): a directory of
# its own in each hierarchy that a jail uses, v1 and v2. Removes them afterwards. Needs root for that; exits 77 without.
#   tests/sandbox/as_user.sh BUILD_DIR COMMAND...
set -euo pipefail
build=$(realpath "$1"); shift
(( EUID == 0 )) || { echo "as_user.sh: not run: whoever is an ordinary user already runs the suite itself" >&2; exit 77; }

uid=$(( 1700000000 + $$ ))  # nobody's: two of these at once, and other jailers, must not meet in a user's limits
name=lazaret-test.$$
groups=()
clean_up() {
  for group in "${groups[@]}"; do
    for (( i = 0; i < 100; ++i )); do  # the last process may be on its way out
      find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
      [[ -d "$group" ]] || break
      sleep 0.02
    done
  done
  [[ ! -d "${groups[0]}" ]] || { echo "as_user.sh: ${groups[0]} is still in use" >&2; exit 1; }
}
trap clean_up EXIT

while read -r mount type options; do
  own=
  case $type in
  cgroup2) own=$(sed -n 's/^0:://p' /proc/self/cgroup) ;;
  cgroup)
    for controller in memory pids cpu cpuacct; do
      [[ ,$options, != *,$controller,* ]] || own=$(awk -F: -v c="$controller" '("," $2 ",") ~ ("," c ",") { print $3 }' /proc/self/cgroup)
    done ;;
  esac
  [[ -n "$own" ]] || continue
  group=$mount${own%/}/$name
  [[ -d "$mount${own%/}" ]] || group=$mount/$name  # a container that sees the host's paths
  mkdir "$group"
  groups+=("$group")
  [[ $type != cgroup2 ]] || for controller in memory pids cpu; do echo "+$controller" > "${group%/*}/cgroup.subtree_control" 2>/dev/null || true; done
  chown "$uid:$uid" "$group" "$group/cgroup.procs"
  for file in tasks cgroup.threads cgroup.subtree_control; do [[ ! -e "$group/$file" ]] || chown "$uid:$uid" "$group/$file"; done
done < <(awk '{ for (i = 7; $i != "-"; ++i); print $5, $(i + 1), $(i + 3) }' /proc/self/mountinfo)

# A build below somebody's private home is out of a user's reach: it and the programs that are to be jailed are shown
# again at the same paths, in a mount namespace that goes with us.
inmates=$(realpath "$(dirname "$0")/../inmates")
reveal='
  shown=("$1" "$2"); shift 2
  hidden=; path=${shown[0]}
  while [[ $path != / ]]; do path=${path%/*}; path=${path:-/}; [[ $(stat -c %A "$path") == *x ]] || hidden=$path; done
  if [[ -n $hidden ]]; then
    places=()
    for path in "${shown[@]}"; do places+=("$(mktemp -d)"); mount --bind "$path" "${places[-1]}"; done
    mount -t tmpfs -o mode=755 tmpfs "$hidden"
    for i in "${!shown[@]}"; do
      mkdir -p "${shown[i]}"
      mount --move "${places[i]}" "${shown[i]}"
      rmdir "${places[i]}"
    done
  fi'
for group in "${groups[@]}"; do enter+="echo \$\$ > '$group/cgroup.procs'; "; done
unshare --mount bash -euc "$enter$reveal"'
  uid=$1; shift
  cd /tmp
  exec setpriv --reuid "$uid" --regid "$uid" --clear-groups --inh-caps=-all --bounding-set=-all "$@"' \
  as_user "$build" "$inmates" "$uid" "$@"
