#!/bin/sh
# The bare floor of a push: hashes the jar, sends it, a config and a manifest, and does nothing else.
#
#   floor.sh http://HOST:PORT/v2/REPOSITORY JAR CONFIG CONFIG-DIGEST MANIFEST
#
# The jar itself is the blob: a layer with it is as large to 0.1 %. openssl hashes it, as sha256sum of Debian is several
# times slower. The config goes in parallel, as it may.
set -eu

repository=$1 jar=$2 config=$3 config_digest=$4 manifest=$5

# put_blob FILE DIGEST: two requests. Without `Expect:` curl does not wait to be asked for a large body.
put_blob() {
    location=$(curl -fsS -o /dev/null -w '%header{location}' -X POST -H 'Content-Length: 0' "$repository/blobs/uploads/")
    curl -fsS -o /dev/null -H 'Expect:' -H 'Content-Type: application/octet-stream' -T "$1" "$location&digest=$2"
}

put_blob "$config" "$config_digest" &
config_process=$!
sum=$(openssl dgst -sha256 -r "$jar")
put_blob "$jar" "sha256:${sum%% *}"
wait "$config_process"
curl -fsS -o /dev/null -H 'Content-Type: application/vnd.oci.image.manifest.v1+json' -T "$manifest" "$repository/manifests/1"
