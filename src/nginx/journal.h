/*
 * journal.h - every finished call, one by one, for tests that kill workers
 *
 * Built with -Djournal=true only; otherwise these are nothing.  The journal
 * is a preallocated, mapped file of fixed-size entries, so that a killed
 * worker loses none.  An entry is begun before its call is added to the
 * meter and ended after it: what was counted is the number of ended entries,
 * and one more for each begun entry that a kill caught between the two.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef NGX_HTTP_TALLYGATE_JOURNAL_H
#define NGX_HTTP_TALLYGATE_JOURNAL_H

#include "nginx/module.h"

#define NGX_HTTP_TALLYGATE_JOURNAL_MAGIC  "TGJOURN1"

enum {
    NGX_HTTP_TALLYGATE_JOURNAL_FREE,
    NGX_HTTP_TALLYGATE_JOURNAL_BEGUN,
    NGX_HTTP_TALLYGATE_JOURNAL_ENDED
};

typedef struct {
    char              magic[8];
    uint64_t          entries; /* room */
    _Atomic uint64_t  next;
    uint64_t          reserved[5];
} ngx_http_tallygate_journal_header_t;

typedef struct {
    _Atomic uint32_t  state;
    uint32_t          slot;
    uint32_t          owner;
    uint32_t          pid;
    int64_t           hour;
    char              key_id[TG_KEY_ID_SIZE + 1];
    char              pad[3];
    uint64_t          reserved[3];
} ngx_http_tallygate_journal_entry_t;

#if (NGX_HTTP_TALLYGATE_JOURNAL)

/* The directive tallygate_journal. */
char *ngx_http_tallygate_journal(ngx_conf_t *cf, ngx_command_t *cmd,
    void *data);
ngx_int_t ngx_http_tallygate_journal_open(ngx_cycle_t *cycle, ngx_str_t *file,
    ngx_uint_t entries);
void ngx_http_tallygate_journal_begin(const ngx_http_tallygate_call_t *call,
    int64_t hour);
void ngx_http_tallygate_journal_end(void);

#else

#define ngx_http_tallygate_journal_open(cycle, file, entries)  NGX_OK
#define ngx_http_tallygate_journal_begin(call, hour)
#define ngx_http_tallygate_journal_end()

#endif

#endif
