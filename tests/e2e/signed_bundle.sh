#!/usr/bin/env bash
# pack.sign_key signs the bundle and reruns nothing but pack; OpenSSL's own program agrees; every command that takes --verify-key refuses a
# bundle that is unsigned, signed by another key, or changed since.
set -eu
cd "$(dirname "$0")/../.."
command -v openssl >/dev/null || { echo "SKIP signed_bundle: openssl is not installed"; exit 77; }
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT
. tests/support/small_run.sh
moodcast=$MOODCAST_BIN/moodcast bundle=$scratch/out/sample/bundle
for name in own other; do
  openssl genpkey -algorithm ed25519 -out "$scratch/$name.pem" && openssl pkey -in "$scratch/$name.pem" -pubout -out "$scratch/$name.pub"
done
openssl genpkey -algorithm rsa -out "$scratch/rsa.pem" 2>/dev/null
refused() {
  local part=$1; shift
  ! "$moodcast" "$@" >"$scratch/said" 2>"$scratch/why" </dev/null || { echo "not refused: $*"; exit 1; }
  grep -qF -- "$part" "$scratch/why" || { cat "$scratch/why"; echo "$*: does not say \"$part\""; exit 1; }
}

job ""
[ ! -e "$bundle/bundle.json.sig" ] || { echo "signed without a key"; exit 1; }
refused "is not signed" info --bundle "$bundle" --verify-key "$scratch/own.pub"

job "pack.sign_key=$scratch/own.pem"
[ "$(grep -oE '^[a-z]+: [0-9.]+ s:' "$scratch/log")" = "$(grep -oE '^pack: [0-9.]+ s:' "$scratch/log")" ] || { cat "$scratch/log"; echo "more than pack ran"; exit 1; }
openssl pkeyutl -verify -pubin -inkey "$scratch/own.pub" -rawin -in "$bundle/bundle.json" -sigfile "$bundle/bundle.json.sig" >/dev/null || { echo "OpenSSL does not take the signature"; exit 1; }
! grep -rqF "$(sed -n 2p "$scratch/own.pem")" "$scratch/out" || { echo "the private key lies in the results"; exit 1; }
"$moodcast" info --bundle "$bundle" --verify-key "$scratch/own.pub" | grep -q 'signature: of the key' || { echo "info does not take it"; exit 1; }
"$moodcast" recommend --bundle "$bundle" --label positive -n 2 --verify-key "$scratch/own.pub" >/dev/null
refused "another key signed it" info --bundle "$bundle" --verify-key "$scratch/other.pub"
refused "another key signed it" serve --bundle "$bundle" --listen 127.0.0.1:0 --verify-key "$scratch/other.pub"
refused "another kind" info --bundle "$bundle" --verify-key <(openssl pkey -in "$scratch/rsa.pem" -pubout)
refused "no public key" recommend --bundle "$bundle" --label positive --verify-key "$scratch/own.pem"
refused "nothing to check it by" detect --cascade "$bundle/cascade.xml" --verify-key "$scratch/own.pub" x.jpg

cp -rL "$bundle" "$scratch/copy" && sed -i 's/"name": *"moodcast"/"name":"moodcart"/' "$scratch/copy/bundle.json"
! cmp -s "$bundle/bundle.json" "$scratch/copy/bundle.json" || { echo "the copy was not changed"; exit 1; }
for command in "info" "serve --listen 127.0.0.1:0" "watch --source -" "recommend --label positive" "detect x.jpg" "analyze x.jpg"; do
  refused "changed or packed again" $command --bundle "$scratch/copy" --verify-key "$scratch/own.pub"
done
! run_make run "pack.sign_key=$scratch/rsa.pem" >"$scratch/log" 2>&1 && grep -q "pack.sign_key: .*another kind" "$scratch/log" || { cat "$scratch/log"; echo "an RSA key signs"; exit 1; }
