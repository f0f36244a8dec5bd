/*
 * settings.h - the settings file: YAML in, a checked struct out
 *
 * A file is taken whole or not at all.  Every complaint names the file, the
 * line and the setting, says what was expected and what stands there:
 *
 *   tallygate.yaml:12: gateway.port: expected a whole number from 1 to
 *   65535, found "abc"
 *
 * table.h has a row for each setting; the reader, the defaults, the
 * environment and docs/reference/settings.md all come from it.
 *
 * Invariants
 *   S1  After TG_OK every member is within the bounds of its row, defaults
 *       and environment included, and no text is NULL unless its comment
 *       says so.
 *   S2  A setting that is not in the table is an error, and so is one that
 *       is given twice.
 *   S3  Reading takes bounded memory and time whatever the file holds:
 *       size, depth and count are limited, aliases are refused.
 *   S4  Paths are absolute: a relative one is relative to the folder of the
 *       settings file.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_SETTINGS_SETTINGS_H
#define TG_SETTINGS_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/error.h"

/* Where the first day of a week's quota stands. */
enum tg_week_start {
    TG_WEEK_START_MONDAY,
    TG_WEEK_START_SUNDAY,
};

/* What the offset of a quota means (API Gateway's texts disagree). */
enum tg_offset_mode {
    TG_OFFSET_MODE_REQUESTS, /* taken off the first period's limit */
    TG_OFFSET_MODE_DAYS,     /* moves the start of every period */
};

enum tg_product_model {
    TG_PRODUCT_MODEL_SUBSCRIPTION,
    TG_PRODUCT_MODEL_CONTRACT, /* never metered */
    TG_PRODUCT_MODEL_CONTRACT_WITH_CONSUMPTION,
};

enum tg_tls_minimum {
    TG_TLS_MINIMUM_1_2,
    TG_TLS_MINIMUM_1_3,
};

/* A product on AWS Marketplace that this gateway sells. */
struct tg_product {
    const char           *code;
    const char           *name; /* the code when none is given */
    enum tg_product_model model;
    const char          **dimensions; /* at least one */
    size_t                dimension_count;
};

struct tg_settings {
    const char *file;      /* as it was given */
    const char *state_dir;
    const char *account_id;
    const char *region;
    const char *user;      /* of nginx's workers; NULL: who owns state_dir */
    const char *group;     /* NULL: the group of user */
    const char *master_key_file;

    struct {
        const char *address;
        int         port;
        const char *url; /* no slash at its end */
        int         workers; /* 0: one a processor */
        int         worker_connections;
        int         account_rate;  /* requests a second */
        int         account_burst; /* requests */
        const char *tls_certificate; /* NULL: HTTP; else tls_key too */
        const char *tls_key;
        const char *tls_folder; /* NULL: none */
        enum tg_tls_minimum tls_minimum;
        int         body_max_bytes;
        int         answer_max_bytes; /* 0: no limit */
        int         integration_timeout_max_ms;
        int         reload_grace_s; /* 0: idle connections end at once */
    } gateway;

    struct {
        const char *address;
        int         port;
        const char *url; /* no slash at its end */
        const char *support_contact; /* NULL: none */
        const char *tls_certificate; /* NULL: HTTP; else tls_key too */
        const char *tls_key;
    } portal;

    struct {
        const char *address;
        int         port;
        const char *ready_file; /* NULL: none is waited for */
    } admin;

    struct {
        const char *binary;
        const char *module;
        const char *journal; /* NULL: none is kept */
    } nginx;

    struct {
        enum tg_week_start  week_start;
        enum tg_offset_mode offset_mode;
    } quota;

    struct {
        bool strict;        /* as Amazon has them, no forwarding ones */
        bool strip_api_key; /* towards the backend */
    } headers;

    struct {
        const char *trust_store; /* NULL: the system's */
        int         connect_timeout_ms;
        int         read_timeout_s;
        int         idle_connections; /* of one worker */
        int         max_fails;        /* 0: failures are forgotten */
        int         fail_timeout_s;
        int         check_interval_s; /* 0: no checks */
        int         check_timeout_ms;
        int         resolve_interval_s;
    } backends;

    struct {
        int api_keys; /* 0, here and below: any number */
        int usage_plans;
        int plans_per_key; /* at least 1 */
        int method_throttles; /* of a stage in a plan */
        int rest_apis;
        int domain_names;
        int resources; /* from here on of one API */
        int stages;
        int authorizers;
        int models;
        int documentation_parts;
    } limits;

    struct {
        const char *path;
    } store;

    struct {
        const char *region;
        const char *metering_endpoint; /* NULL: as AWS SDKs find it */
        const char *credentials_file;  /* NULL: as AWS SDKs find one */
        const char *profile;           /* NULL: as AWS SDKs choose one */
        const char *role;              /* NULL: none is assumed */
        const char *external_id;       /* NULL: none */
        int         account_rate;     /* requests a second; 0: any */
        int         requests_in_flight;
        int         timeout_s; /* of one of them */
    } marketplace;

    struct {
        bool heartbeat;
        int  grace_s; /* an hour is sealed this long after its end */
    } billing;

    struct {
        const char *address;
        int         port;
        int         account_rate; /* requests a second; 0: any */
    } sandbox;

    struct {
        int port;
    } example;

    struct {
        int level; /* enum tg_log_level */
    } log;

    const struct tg_product *products;
    size_t                   product_count;

    struct tg_settings_memory *memory; /* what the texts live in */
};

/*
 * Reads and checks the file, then the environment (TALLYGATE_GATEWAY_PORT
 * and its like).  The caller frees *out with tg_settings_free.  TG_NOTFOUND
 * when there is no such file, TG_INVALID for what it says, TG_IO, TG_NOMEM;
 * *out is NULL then.
 */
TG_MUST_CHECK enum tg_status
tg_settings_load(struct tg_settings **out, const char *path,
    struct tg_error *err);

/* The same with text in place of the file's bytes; path names it. */
TG_MUST_CHECK enum tg_status
tg_settings_parse(struct tg_settings **out, const char *path,
    const char *text, size_t len, struct tg_error *err);

void tg_settings_free(struct tg_settings *s);

/* The product with that code, or NULL. */
const struct tg_product *
tg_settings_product(const struct tg_settings *s, const char *code);

/*
 * The dimension that a product's calls are counted on: its first one, or
 * "apigateway" for a code that is NULL or not among the products.
 */
const char *
tg_settings_dimension(const struct tg_settings *s, const char *code);

/*
 * Appends the value in force, as the file would say it; nothing for a
 * setting that has none.  TG_NOTFOUND for a name that is not in the table.
 */
TG_MUST_CHECK enum tg_status
tg_settings_get(struct tg_buf *out, const struct tg_settings *s,
    const char *name);

/* Appends docs/reference/settings.md, made from the table. */
enum tg_status tg_settings_reference(struct tg_buf *out);

#endif
