/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/cli.h"

#include <stdio.h>

#include "cli/client.h"
#include "settings/settings.h"
#include "util/buf.h"

#define TEXT_MAX_BYTES (1024 * 1024)

static enum tg_exit
print(struct tg_buf *text)
{
    enum tg_exit code = TG_EXIT_DONE;

    if (text->status != TG_OK || (text->len > 0
            && fwrite(text->data, 1, text->len, stdout) != text->len)
        || fflush(stdout) != 0)
    {
        (void) fprintf(stderr, "tallygate: cannot write the answer\n");
        code = TG_EXIT_FAILED;
    }
    tg_buf_clear(text);
    return code;
}

/* The value of one setting on a line of its own, for scripts. */
static enum tg_exit
print_one(const struct tg_settings *settings, const char *name)
{
    struct tg_buf text;

    tg_buf_init(&text, TEXT_MAX_BYTES);
    if (tg_settings_get(&text, settings, name) == TG_NOTFOUND) {
        (void) fprintf(stderr, "tallygate: there is no setting %s\n", name);
        return TG_EXIT_USAGE;
    }
    (void) tg_buf_putc(&text, '\n');
    return print(&text);
}

enum tg_exit
tg_cli_check(const struct tg_options *options)
{
    struct tg_options   with_file = *options;
    struct tg_settings *settings = NULL;
    struct tg_buf       text;
    enum tg_exit        code;

    if (options->list) {
        tg_buf_init(&text, TEXT_MAX_BYTES);
        (void) tg_settings_reference(&text);
        return print(&text);
    }
    if (options->operand != NULL) {
        with_file.config = options->operand;
    }
    code = tg_cli_settings(&settings, &with_file);
    if (code == TG_EXIT_DONE && options->get != NULL) {
        code = print_one(settings, options->get);
    } else if (code == TG_EXIT_DONE) {
        (void) printf("%s: ok\n", settings->file);
    }
    tg_settings_free(settings);
    return code;
}
