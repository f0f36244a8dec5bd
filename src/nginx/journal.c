/*
 * journal.c - see journal.h; in the build with -Djournal=true alone
 *
 * Workers take the next entry by an atomic add on the header, so they share
 * one file without a lock.  A journal that is full stops the gateway's
 * worker: a test that needs more room has to say so.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "nginx/journal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

static ngx_http_tallygate_journal_header_t  *header;
static ngx_http_tallygate_journal_entry_t   *entries;
static ngx_http_tallygate_journal_entry_t   *current;

char *
ngx_http_tallygate_journal(ngx_conf_t *cf, ngx_command_t *cmd, void *data)
{
    ngx_int_t                        n;
    ngx_str_t                       *value = cf->args->elts;
    ngx_http_tallygate_main_conf_t  *conf = data;

    if (conf->journal_file.len) {
        return "is duplicate";
    }

    conf->journal_file = value[1];
    conf->journal_entries = 4194304;

    if (cf->args->nelts == 2) {
        return NGX_CONF_OK;
    }

    if (value[2].len <= sizeof("entries=") - 1
        || ngx_strncmp(value[2].data, "entries=", sizeof("entries=") - 1) != 0
        || (n = ngx_atoi(value[2].data + sizeof("entries=") - 1,
                         value[2].len - (sizeof("entries=") - 1))) <= 0)
    {
        return "takes a file and \"entries=NUMBER\"";
    }

    conf->journal_entries = (ngx_uint_t) n;

    return NGX_CONF_OK;
}

ngx_int_t
ngx_http_tallygate_journal_open(ngx_cycle_t *cycle, ngx_str_t *file,
    ngx_uint_t count)
{
    int     fd, err;
    size_t  size;

    if (file->len == 0) {
        return NGX_OK;
    }

    size = sizeof(*header) + count * sizeof(*entries);

    fd = open((char *) file->data, O_RDWR|O_CREAT|O_CLOEXEC, 0660);
    if (fd == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "tallygate: journal \"%V\"", file);
        return NGX_ERROR;
    }

    /* Every worker does the same; none takes anything away. */
    err = posix_fallocate(fd, 0, (off_t) size);
    header = err ? MAP_FAILED
                 : mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    (void) close(fd);

    if (header == MAP_FAILED) {
        header = NULL;
        ngx_log_error(NGX_LOG_EMERG, cycle->log, err ? err : ngx_errno,
                      "tallygate: journal \"%V\"", file);
        return NGX_ERROR;
    }

    ngx_memcpy(header->magic, NGX_HTTP_TALLYGATE_JOURNAL_MAGIC,
               sizeof(header->magic));
    header->entries = count;
    entries = (ngx_http_tallygate_journal_entry_t *) (header + 1);

    return NGX_OK;
}

void
ngx_http_tallygate_journal_begin(const ngx_http_tallygate_call_t *call,
    int64_t hour)
{
    uint64_t  n;

    if (header == NULL) {
        return;
    }

    n = atomic_fetch_add(&header->next, 1);

    if (n >= header->entries) {
        ngx_log_error(NGX_LOG_EMERG, ngx_cycle->log, 0,
                      "tallygate: the journal is full");
        _exit(2);
    }

    current = &entries[n];
    current->slot = call->slot;
    current->owner = call->owner;
    current->pid = (uint32_t) ngx_pid;
    current->hour = hour;
    ngx_memcpy(current->key_id, call->key_id, sizeof(current->key_id));
    atomic_store(&current->state, NGX_HTTP_TALLYGATE_JOURNAL_BEGUN);
}

void
ngx_http_tallygate_journal_end(void)
{
    if (header != NULL) {
        atomic_store(&current->state, NGX_HTTP_TALLYGATE_JOURNAL_ENDED);
    }
}
