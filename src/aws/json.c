/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/json.h"

#include <stdint.h>

#include "util/buf.h"

static int
add(const char *text, size_t len, void *data)
{
    return tg_buf_add(data, text, len) == TG_OK ? 0 : -1;
}

char *
tg_aws_json_text(const json_t *value)
{
    int           rc;
    char         *text = NULL;
    struct tg_buf out;

    if (value == NULL) {
        return NULL;
    }
    tg_buf_init(&out, SIZE_MAX / 2);
    rc = json_dump_callback(value, add, &out,
        JSON_COMPACT | JSON_ENCODE_ANY);
    if (rc == 0 && out.status == TG_OK) { /* sticky, unlike rc */
        text = tg_buf_take(&out);
    }
    tg_buf_clear(&out);
    return text;
}
