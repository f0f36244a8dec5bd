/* SPDX-License-Identifier: Apache-2.0 */
#include "sandbox/rpc_cbor.h"

#include <cbor.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 32
#define TIMESTAMP_TAG 1

/*
 * ---- reading
 */

/*
 * libcbor takes memory for as many members as a list or map claims to have.
 * Each costs a byte at least, so an item of len bytes cannot honestly claim
 * more than len in all.
 */
static void
take_claim(void *left, size_t members)
{
    size_t *n = left;

    *n = members < *n ? *n - members : 0;
}

static bool
claims_are_honest(const uint8_t *data, size_t len)
{
    size_t                     left = len + 1; /* 0: claimed too much */
    struct cbor_callbacks      callbacks = cbor_empty_callbacks;
    struct cbor_decoder_result result;

    callbacks.array_start = take_claim;
    callbacks.map_start = take_claim;
    while (len > 0 && left > 0) {
        result = cbor_stream_decode(data, len, &callbacks, &left);
        if (result.status != CBOR_DECODER_FINISHED || result.read == 0) {
            return false;
        }
        data += result.read;
        len -= result.read;
    }
    return left > 0;
}

static json_t *read_item(cbor_item_t *item, int depth);

/* The bytes of a definite text, or the pieces of an indefinite one. */
static json_t *
read_text(const cbor_item_t *item)
{
    json_t       *text;
    struct tg_buf whole;

    if (cbor_string_is_definite(item)) {
        return json_stringn((const char *) cbor_string_handle(item),
            cbor_string_length(item));
    }
    tg_buf_init(&whole, (size_t) 1 << 20);
    (void) tg_buf_puts(&whole, "");
    for (size_t i = 0; i < cbor_string_chunk_count(item); i++) {
        cbor_item_t *piece = cbor_string_chunks_handle(item)[i];

        (void) tg_buf_add(&whole, cbor_string_handle(piece),
            cbor_string_length(piece));
    }
    text = json_stringn(whole.data, whole.len);
    tg_buf_clear(&whole);
    return text;
}

static json_t *
read_map(const cbor_item_t *item, int depth)
{
    json_t           *object = json_object();
    struct cbor_pair *pairs = cbor_map_handle(item);

    for (size_t i = 0; i < cbor_map_size(item); i++) {
        bool    is_read = false;
        json_t *key = cbor_isa_string(pairs[i].key)
                          ? read_text(pairs[i].key)
                          : NULL;
        json_t *value = read_item(pairs[i].value, depth + 1);

        /* A NUL in a key would cut it short. */
        if (key != NULL && value != NULL
            && strlen(json_string_value(key)) == json_string_length(key))
        {
            is_read = json_object_set(object, json_string_value(key), value)
                      == 0;
        }
        json_decref(key);
        json_decref(value);
        if (!is_read) {
            json_decref(object);
            return NULL;
        }
    }
    return object;
}

static json_t *
read_array(const cbor_item_t *item, int depth)
{
    json_t *array = json_array();

    for (size_t i = 0; i < cbor_array_size(item); i++) {
        if (json_array_append_new(array,
                read_item(cbor_array_handle(item)[i], depth + 1))
            != 0)
        {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

static json_t *
read_integer(const cbor_item_t *item)
{
    uint64_t n = cbor_get_int(item);

    if (n > INT64_MAX) {
        return NULL;
    }
    return json_integer(cbor_isa_negint(item) ? -1 - (json_int_t) n
                                              : (json_int_t) n);
}

static json_t *
read_float_or_control(const cbor_item_t *item)
{
    if (!cbor_float_ctrl_is_ctrl(item)) {
        return json_real(cbor_float_get_float(item)); /* NULL if infinite */
    }
    if (cbor_is_bool(item)) {
        return json_boolean(cbor_get_bool(item));
    }
    return cbor_is_null(item) ? json_null() : NULL;
}

static json_t *
read_item(cbor_item_t *item, int depth)
{
    json_t      *value;
    cbor_item_t *inner;

    if (depth > DEPTH_MAX) {
        return NULL;
    }
    switch (cbor_typeof(item)) {
    case CBOR_TYPE_UINT:
    case CBOR_TYPE_NEGINT:
        return read_integer(item);
    case CBOR_TYPE_STRING:
        return read_text(item);
    case CBOR_TYPE_ARRAY:
        return read_array(item, depth);
    case CBOR_TYPE_MAP:
        return read_map(item, depth);
    case CBOR_TYPE_TAG:
        inner = cbor_tag_item(item);
        value = read_item(inner, depth + 1);
        cbor_decref(&inner);
        return value;
    case CBOR_TYPE_FLOAT_CTRL:
        return read_float_or_control(item);
    default:
        return NULL;
    }
}

enum tg_status
tg_cbor_read(json_t **out, const void *data, size_t len)
{
    struct cbor_load_result result;
    cbor_item_t            *item = NULL;

    *out = NULL;
    if (claims_are_honest(data, len)) {
        item = cbor_load(data, len, &result);
    }
    if (item == NULL) {
        return TG_INVALID;
    }
    if (result.read == len) {
        *out = read_item(item, 0);
    }
    cbor_decref(&item);
    return *out != NULL ? TG_OK : TG_INVALID;
}

/*
 * ---- writing
 */

static cbor_item_t *build(const char *name, const json_t *value);

static cbor_item_t *
build_map(const json_t *object)
{
    const char  *key;
    cbor_item_t *map = cbor_new_definite_map(json_object_size(object));
    json_t      *value;

    json_object_foreach((json_t *) (uintptr_t) object, key, value) {
        (void) cbor_map_add(map,
            (struct cbor_pair) { cbor_move(cbor_build_string(key)),
                cbor_move(build(key, value)) });
    }
    return map;
}

static cbor_item_t *
build_array(const json_t *array)
{
    cbor_item_t  *list = cbor_new_definite_array(json_array_size(array));
    const json_t *value;
    size_t        i;

    json_array_foreach(array, i, value) {
        (void) cbor_array_push(list, cbor_move(build("", value)));
    }
    return list;
}

static cbor_item_t *
build_integer(json_int_t n)
{
    return n >= 0 ? cbor_build_uint64((uint64_t) n)
                  : cbor_build_negint64((uint64_t) (-1 - n));
}

static cbor_item_t *
build(const char *name, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return build_map(value);
    case JSON_ARRAY:
        return build_array(value);
    case JSON_STRING:
        return cbor_build_stringn(json_string_value(value),
            json_string_length(value));
    case JSON_INTEGER:
        return build_integer(json_integer_value(value));
    case JSON_REAL:
        if (strcmp(name, "ExpirationDate") == 0) {
            return cbor_build_tag(TIMESTAMP_TAG,
                cbor_move(cbor_build_float8(json_real_value(value))));
        }
        return cbor_build_float8(json_real_value(value));
    case JSON_TRUE:
        return cbor_build_bool(true);
    case JSON_FALSE:
        return cbor_build_bool(false);
    default:
        return cbor_new_null();
    }
}

enum tg_status
tg_cbor_write(struct tg_buf *out, const json_t *value)
{
    cbor_item_t   *item = build("", value);
    enum tg_status status = TG_NOMEM;
    size_t         len, size;
    unsigned char *bytes;

    len = cbor_serialize_alloc(item, &bytes, &size);
    if (len > 0) {
        status = tg_buf_add(out, bytes, len);
        free(bytes);
    }
    cbor_decref(&item);
    return status;
}
