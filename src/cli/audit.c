/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <inttypes.h>
#include <stdio.h>

#include "audit/trail.h"
#include "cli/client.h"

static enum tg_exit
print_verdict(const struct tg_options *options,
    const struct tg_audit_verdict *verdict, const struct tg_error *err)
{
    json_t      *answer;
    enum tg_exit code;

    if (options->json) {
        answer = json_pack("{s:b, s:I, s:I, s:s, s:I, s:s*}",
            "intact", verdict->first_bad == 0,
            "records", (json_int_t) verdict->records,
            "head", (json_int_t) verdict->head,
            "hash", verdict->hash,
            "firstBad", (json_int_t) verdict->first_bad,
            "message", err == NULL ? NULL : err->message);
        code = tg_cli_print_json(answer);
        json_decref(answer);
        return err == NULL ? code : TG_EXIT_FAILED;
    }
    if (err != NULL) {
        return tg_cli_fail(err);
    }
    (void) printf("%" PRId64 " audit records, none changed, missing or"
        " reordered\nnewest: %" PRId64 " %s\n", verdict->records,
        verdict->head, verdict->hash);
    return TG_EXIT_DONE;
}

enum tg_exit
tg_cli_audit_verify(const struct tg_options *options)
{
    struct tg_settings     *settings = NULL;
    struct tg_store        *store = NULL;
    struct tg_audit_verdict verdict;
    struct tg_error         err;
    enum tg_status          status;
    enum tg_exit            code = tg_cli_settings(&settings, options);

    if (code != TG_EXIT_DONE) {
        return code;
    }
    status = tg_store_open_readonly(&store, settings->store.path, &err);
    if (status == TG_OK) {
        status = tg_audit_verify(store, &verdict, &err);
        if (status == TG_OK || status == TG_CORRUPT) {
            code = print_verdict(options, &verdict,
                status == TG_OK ? NULL : &err);
        } else {
            code = tg_cli_fail(&err);
        }
    } else {
        code = tg_cli_fail(&err);
    }
    tg_store_close(store);
    tg_settings_free(settings);
    return code;
}
