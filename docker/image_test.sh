#!/usr/bin/env bash
# Builds the image without a container engine and uses it: `make image-test`.
#
# buildah builds with chroot isolation on IMAGE_TEST_BASE, or on a Debian made by debootstrap. Then the
# image's file system is run by contained.sh, under docker/seccomp.json, as compose.yaml would have it.
# Skips, with a reason and code 0, where that cannot be done. Files are kept in build/image.
set -euo pipefail
cd "$(dirname "$0")/.."

skip() {
    echo "image-test skipped: $1"
    exit 0
}
[ "$(id -u)" = 0 ] || skip "it needs root"
for program in buildah debootstrap unshare setpriv curl; do
    command -v "$program" >/dev/null || skip "$program is not installed"
done

work=$PWD/build/image
mkdir -p "$work"
export CONTAINERS_STORAGE_CONF=$work/storage.conf BUILDAH_ISOLATION=chroot
printf '[storage]\ndriver = "vfs"\nrunroot = "%s"\ngraphroot = "%s"\n' \
    "$work/run" "$work/graph" >"$CONTAINERS_STORAGE_CONF"

base=${IMAGE_TEST_BASE:-localhost/perfbot-base}
if [ -z "${IMAGE_TEST_BASE:-}" ] && ! buildah inspect --type image "$base" >/dev/null 2>&1; then
    debian=$work/debian
    rm -rf "$debian"
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates bookworm "$debian" \
        >"$work/debootstrap.log" || skip "debootstrap cannot reach Debian: $work/debootstrap.log"
    # Where the machine reaches package indexes through a proxy of its own, so does the build.
    cp /etc/ssl/certs/ca-certificates.crt "$debian/etc/ssl/certs/ca-certificates.crt"
    printf '[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n' >"$debian/etc/pip.conf"
    container=$(buildah from scratch)
    buildah copy --quiet "$container" "$debian" / >/dev/null
    buildah commit --quiet --rm "$container" "$base" >/dev/null
    rm -rf "$debian"
fi
nice -n 10 buildah bud --isolation chroot --format docker --build-arg "BASE=$base" --tag perfbot-test . \
    >"$work/build.log" 2>&1 || { tail -40 "$work/build.log"; exit 1; }

container=$(buildah from localhost/perfbot-test)
trap 'buildah rm "$container" >/dev/null' EXIT
root=$(buildah mount "$container")
cp -a examples/orders "$root/work/orders"
inside=(docker/contained.sh "$root" env -i "PATH=/opt/perfbot/bin:/usr/local/bin:/usr/bin:/bin"
    HOME=/nonexistent PYTHONSAFEPATH=1 XDG_STATE_HOME=/var/lib XDG_CACHE_HOME=/var/cache XDG_CONFIG_HOME=/etc)
profiled=(env PERFBOT_STAY_ROOT=yes .venv/bin/python tests/docker/under_profile.py docker/seccomp.json "${inside[@]}")

said() { # said WHAT PATTERN COMMAND...: runs it and looks for the pattern in what it says
    local what=$1 pattern=$2
    shift 2
    "$@" >"$work/said" 2>&1 || true
    grep -Eq "$pattern" "$work/said" || { echo "FAILED: $what"; cat "$work/said"; exit 1; }
    echo "ok: $what"
}

said "perfbot says its version" '^perfbot [0-9]' "${inside[@]}" perfbot --version
said "it runs as user 10001 without capabilities" '10001 CapEff:.0000000000000000' \
    "${inside[@]}" sh -c 'echo "$(id -u) $(grep CapEff /proc/self/status)"'
said "it cannot write to its own programs" 'Permission denied' "${inside[@]}" touch /opt/perfbot/bin/x
said "git and bubblewrap are there" 'bubblewrap' "${inside[@]}" sh -c 'git --version && bwrap --version'
said "no server, not healthy" 'no answer at port 8080' "${inside[@]}" healthy 8080
said "an engine that knows nothing of bubblewrap leaves Landlock" 'landlock' \
    buildah run "$container" -- perfbot doctor /work/orders
said "under docker/seccomp.json bubblewrap works" 'bubblewrap' "${profiled[@]}" perfbot doctor /work/orders
cp "$work/said" "$work/doctor.txt"

started() { # started LOG COMMAND...: starts it in the background as $process
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    process=$!
}
logged() { # logged LOG PATTERN: waits until the log matches
    for _ in $(seq 120); do grep -Eq "$2" "$1" && return; sleep 1; done
    echo "FAILED: $2 in:"
    cat "$1"
    exit 1
}
ended_by_sigterm() { # ended_by_sigterm WHAT LOG: as an engine ends a container
    kill -TERM "$(pgrep --parent "$process")"
    wait "$process" && code=0 || code=$?
    [ "$code" = 130 ] || { echo "FAILED: SIGTERM ended $1 with $code"; cat "$2"; exit 1; }
    echo "ok: SIGTERM ends $1"
}

printf 'a secret that is long enough' >"$root/etc/perfbot/webhook-secret"
started "$work/serve.log" "${profiled[@]}" perfbot serve --listen 127.0.0.1:18080 \
    --secret-file /etc/perfbot/webhook-secret
logged "$work/serve.log" 'listening on'
said "the server answers /healthz" '^ok$' curl --silent http://127.0.0.1:18080/healthz
said "its container is healthy" '^healthy$' "${inside[@]}" sh -c 'healthy 18080 && echo healthy'
said "it is ready" '^ok$' curl --silent http://127.0.0.1:18080/readyz
said "its database is in the volume" 'deliveries.sqlite$' ls "$root/var/lib/perfbot/bot/deliveries.sqlite"
ended_by_sigterm "the server" "$work/serve.log"

started "$work/worker.log" "${profiled[@]}" perfbot worker --metrics 127.0.0.1:19090
logged "$work/worker.log" 'worker begins|has no work to do|no GitHub App'
if grep -q 'worker begins' "$work/worker.log"; then
    said "a worker's container is healthy" '^healthy$' "${inside[@]}" sh -c 'healthy 19090 && echo healthy'
    ended_by_sigterm "the worker" "$work/worker.log"
else
    echo "ok: a worker starts and says what it lacks: $(grep -o 'perfbot: .*' "$work/worker.log")"
fi
if [ "${1:-}" != quick ]; then
    said "it makes the example faster" '[1-9] functions? proven faster' \
        "${profiled[@]}" perfbot optimize /work/orders --time-budget 2m --report /tmp/report
    tail -40 "$work/said"
fi
