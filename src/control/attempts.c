/* SPDX-License-Identifier: Apache-2.0 */
#include "control/attempts.h"

#include <string.h>

#include "core/bucket.h"
#include "util/digest.h"

#define NS_PER_S UINT64_C(1000000000)

bool
tg_attempts_admit(struct tg_attempts *attempts, const char *source,
    int64_t now_s)
{
    uint64_t                     taken, before;
    uint8_t                      digest[TG_SHA256_SIZE];
    const struct tg_bucket_limit limit = tg_bucket_limit_make(
        TG_ATTEMPTS_PER_S, TG_ATTEMPTS_BURST);

    if (source == NULL) {
        source = "";
    }
    tg_sha256(digest, source, strlen(source));
    return tg_bucket_take(&attempts->by_source[digest[0]], limit,
        (uint64_t) now_s * NS_PER_S, &taken, &before) == TG_OK;
}
