#!/bin/bash
# Makes nginx's ngx_auto_*.h in a folder: headers.sh NGINX_SRC FOLDER
#
# nginx's own configure is the authority on its settings; the distribution's
# flags (conf_flags) give the module the signature of the nginx that loads it.
# It works in a folder of its own, since it cannot bear a space in the name.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
src=$1
out=$2
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT
mkdir -p "$out"
cd "$src"
NGX_CONF_FLAGS=(--with-compat --with-http_ssl_module --with-http_v2_module)
if [ -e conf_flags ]; then
    . ./conf_flags
fi
./configure "${NGX_CONF_FLAGS[@]}" --builddir="$work" >"$out/configure.log"
# Without that folder's name: the same headers, the same program.
sed -i "s| --builddir=$work||" "$work/ngx_auto_config.h"
cp "$work"/ngx_auto_*.h "$out"
