#!/bin/sh
# Builds holdfast/redis:local, a small Docker image of this machine's own
# redis-server, for tests where no image can be pulled:
#
#   .ci/redis-image.sh
#   HOLDFAST_TEST_BACKEND=docker HOLDFAST_REDIS_IMAGE=holdfast/redis:local go test ./...
#
# It needs a Docker engine and redis-server on PATH, and no network. An image that
# this very script made of the same redis-server is left as it is. Like the
# official image it takes options of redis-server as its command:
# docker run holdfast/redis:local --port 6380
set -eu

image=holdfast/redis:local
label=holdfast.sha256

server=$(command -v redis-server) || {
	echo "redis-image: redis-server is not on PATH" >&2
	exit 1
}
server=$(readlink -f "$server")
sum=$(cat "$server" "$0" | sha256sum | cut -d ' ' -f 1)

found=$(docker image inspect --format "{{index .Config.Labels \"$label\"}}" "$image" 2>/dev/null || true)
if [ "$found" = "$sum" ]; then
	echo "redis-image: $image is up to date"
	exit 0
fi

# The libraries by the names under which the loader looks for them; a static
# redis-server has none, which ldd calls an error.
libraries=$(ldd "$server" 2>/dev/null | grep -o '/[^ ]*' || true)

root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
chmod 755 "$root"
mkdir -p "$root/usr/local/bin" "$root/tmp"
chmod 1777 "$root/tmp"
cp "$server" "$root/usr/local/bin/redis-server"
for library in $libraries; do
	mkdir -p "$root$(dirname "$library")"
	cp -L "$library" "$root$library"
done

tar -C "$root" --owner=0 --group=0 -c . | docker import \
	--change 'ENTRYPOINT ["/usr/local/bin/redis-server"]' \
	--change 'CMD ["--protected-mode", "no", "--save", ""]' \
	--change 'EXPOSE 6379' \
	--change 'WORKDIR /tmp' \
	--change "LABEL $label=$sum" \
	- "$image"

# An image that cannot start is worse than none: a library was missed.
docker run --rm "$image" --version || {
	docker image rm "$image"
	exit 1
}
