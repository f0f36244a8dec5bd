/* SPDX-License-Identifier: Apache-2.0 */
#include "control/yaml_write.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

/* libyaml takes bytes that it does not change without const. */
#define BYTES(text) ((yaml_char_t *) (uintptr_t) (text))

static int
write_bytes(void *data, unsigned char *bytes, size_t len)
{
    return tg_buf_add(data, bytes, len) == TG_OK;
}

/* The emitter takes the event, whatever comes of it. */
static bool
emit(yaml_emitter_t *e, yaml_event_t *event, int is_made)
{
    return is_made && yaml_emitter_emit(e, event);
}

static bool
emit_scalar(yaml_emitter_t *e, const char *text, size_t len,
    yaml_scalar_style_t style)
{
    yaml_event_t event;

    return emit(e, &event, yaml_scalar_event_initialize(&event, NULL, NULL,
        BYTES(text), (int) len, 1, 1, style));
}

static bool emit_value(yaml_emitter_t *e, const json_t *value);

static bool
emit_object(yaml_emitter_t *e, const json_t *object)
{
    bool         ok;
    const char  *key;
    json_t      *value;
    yaml_event_t event;

    ok = emit(e, &event, yaml_mapping_start_event_initialize(&event, NULL,
        NULL, 1, YAML_BLOCK_MAPPING_STYLE));
    json_object_foreach ((json_t *) object, key, value) {
        ok = ok && emit_scalar(e, key, strlen(key),
            YAML_DOUBLE_QUOTED_SCALAR_STYLE) && emit_value(e, value);
    }
    return ok && emit(e, &event, yaml_mapping_end_event_initialize(&event));
}

static bool
emit_array(yaml_emitter_t *e, const json_t *array)
{
    bool         ok;
    size_t       i;
    json_t      *value;
    yaml_event_t event;

    ok = emit(e, &event, yaml_sequence_start_event_initialize(&event, NULL,
        NULL, 1, YAML_BLOCK_SEQUENCE_STYLE));
    json_array_foreach ((json_t *) array, i, value) {
        ok = ok && emit_value(e, value);
    }
    return ok && emit(e, &event, yaml_sequence_end_event_initialize(&event));
}

/* The depth is that of a JSON text that was read: it has a limit. */
static bool
emit_value(yaml_emitter_t *e, const json_t *value)
{
    char number[32];

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return emit_object(e, value);
    case JSON_ARRAY:
        return emit_array(e, value);
    case JSON_STRING:
        return emit_scalar(e, json_string_value(value),
            json_string_length(value), YAML_DOUBLE_QUOTED_SCALAR_STYLE);
    case JSON_INTEGER:
        (void) snprintf(number, sizeof(number), "%lld",
            (long long) json_integer_value(value));
        break;
    case JSON_REAL:
        (void) snprintf(number, sizeof(number), "%.17g",
            json_real_value(value));
        break;
    default:
        (void) snprintf(number, sizeof(number), "%s", json_is_null(value)
            ? "null" : json_is_true(value) ? "true" : "false");
    }
    return emit_scalar(e, number, strlen(number), YAML_PLAIN_SCALAR_STYLE);
}

static bool
emit_document(yaml_emitter_t *e, const json_t *value)
{
    yaml_event_t event;

    return emit(e, &event, yaml_stream_start_event_initialize(&event,
            YAML_UTF8_ENCODING))
        && emit(e, &event, yaml_document_start_event_initialize(&event, NULL,
            NULL, NULL, 0))
        && emit_value(e, value)
        && emit(e, &event, yaml_document_end_event_initialize(&event, 1))
        && emit(e, &event, yaml_stream_end_event_initialize(&event));
}

enum tg_status
tg_yaml_write(struct tg_buf *out, const json_t *value, struct tg_error *err)
{
    bool           is_done;
    yaml_emitter_t e;

    if (!yaml_emitter_initialize(&e)) {
        return tg_error_set(err, TG_NOMEM, "out of memory");
    }
    yaml_emitter_set_output(&e, write_bytes, out);
    yaml_emitter_set_unicode(&e, 1);
    is_done = emit_document(&e, value);
    yaml_emitter_delete(&e);
    return is_done ? TG_OK
        : tg_error_set(err, out->status != TG_OK ? out->status : TG_NOMEM,
            "the document could not be written as YAML");
}
