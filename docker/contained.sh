#!/bin/sh
# contained.sh ROOT COMMAND...: runs a command in a file system as a container of compose.yaml would: mounts
# and process numbers of its own, a new root, user 10001, no capabilities, no new privileges. For machines
# without a container engine; it needs root. The network is the machine's, so that a server can be asked.
# Unlike `buildah run --isolation chroot`, in which the kernel refuses user namespaces to everybody.
set -eu
root=$1
shift
exec unshare --mount --pid --fork --kill-child sh -euc '
root=$1
shift
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
cd "$root"
mkdir -p .machine
pivot_root . .machine
umount -l /.machine
cd /work
exec setpriv --reuid 10001 --regid 10001 --clear-groups --bounding-set=-all --inh-caps=-all --no-new-privs "$@"
' sh "$root" "$@"
