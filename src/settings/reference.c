/*
 * reference.c - docs/reference/settings.md, made from the tables
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include "settings/settings.h"

#include "settings/reader.h"
#include "settings/table.h"

static const char head[] =
    "# Settings\n"
    "\n"
    "Made from `src/settings/table.h`: change it there and run\n"
    "`build/tallygate check --list > docs/reference/settings.md`.\n"
    "\n"
    "A settings file is YAML. `gateway.port` is the setting `port` in the\n"
    "section `gateway`. Relative paths are relative to the folder of the\n"
    "file. Aliases, tags and second documents are refused, and so is a\n"
    "setting that is unknown or given twice.\n"
    "\n";

static void
add_row(struct tg_buf *out, const struct setting_row *row, const char *prefix)
{
    char expected[SETTING_EXPECTED_SIZE];

    setting_expected(expected, row);
    (void) tg_buf_printf(out, "### %s%s\n\n%s Takes %s.", prefix, row->name,
        row->help, expected);
    if (row->fallback != NULL) {
        (void) tg_buf_printf(out, " Default: `%s`.", row->fallback);
    }
    (void) tg_buf_puts(out, "\n\n");
}

enum tg_status
tg_settings_reference(struct tg_buf *out)
{
    (void) tg_buf_puts(out, head);
    (void) tg_buf_puts(out, "## The file\n\n");
    for (size_t i = 0; i < setting_row_count; i++) {
        add_row(out, &setting_rows[i], "");
    }
    (void) tg_buf_printf(out, "## Products\n\n`products` is a list, at most"
        " %d long, of the products on AWS Marketplace\nthat this gateway"
        " sells. A usage plan names one by its `productCode`.\n\n",
        TG_PRODUCTS_MAX);
    for (size_t i = 0; i < product_row_count; i++) {
        add_row(out, &product_rows[i], "products[].");
    }
    (void) tg_buf_printf(out, "### products[].dimensions\n\nThe names of the"
        " listing's metering dimensions, a list of at most %d; calls are"
        " counted\non the first. "
        "Default: `[%s]`.\n\n", TG_DIMENSIONS_MAX, TG_DIMENSION_DEFAULT);
    (void) tg_buf_puts(out, "## Environment\n\nThese go before the file:\n\n"
        "| variable | setting |\n| --- | --- |\n");
#define X(variable, setting)                                                  \
    (void) tg_buf_puts(out, "| `" variable "` | `" setting "` |\n");
    TG_ENVIRONMENT_TABLE(X)
#undef X
    return out->status;
}
