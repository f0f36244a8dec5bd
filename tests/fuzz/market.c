/*
 * market.c - requests to the sandbox Marketplace, in JSON or in CBOR
 *
 * The first byte chooses the operation and the encoding.  A request changes
 * nothing or adds records to a market in which buyers of all three kinds
 * have bought; a record that was taken once is answered the same again.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sandbox/answer.h"
#include "sandbox/faults.h"
#include "sandbox/market.h"
#include "sandbox/rpc_cbor.h"

#define T0 INT64_C(1795395600)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An agreement with names that a corpus can hold. */
static void
add_agreement(struct tg_market *m, const char *code, const char *identity,
    const char *model)
{
    json_t *event = json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:[{s:s}]}}",
        "event", "product", "product", "productCode", code, "name", code,
        "identity", identity, "model", model, "fulfilmentUrl", "http://h/",
        "dimensions", "name", "d");

    assert(tg_market_apply(m, event, NULL) == TG_OK);
    json_decref(event);
    event = json_pack("{s:s, s:{s:s, s:s, s:s, s:s, s:s, s:I}, s:s, s:I}",
        "event", "purchase", "agreement", "agreementId", code, "productCode",
        code, "customerAWSAccountId", "111122223333", "licenseArn", code,
        "customerIdentifier", "c", "activatedAt", (json_int_t) T0, "token",
        code, "at", (json_int_t) T0);
    assert(tg_market_apply(m, event, NULL) == TG_OK);
    json_decref(event);
}

static void
meter_twice(struct tg_market *m, const json_t *request)
{
    struct tg_answer first = { .status = 0 }, second = { .status = 0 };

    tg_market_batch_meter_usage(&first, m, request, T0 + 3600);
    if (first.event != NULL) {
        assert(tg_market_apply(m, first.event, NULL) == TG_OK);
        tg_market_batch_meter_usage(&second, m, request, T0 + 3600);
        assert(second.event == NULL);
        assert(json_equal(first.body, second.body));
    }
    tg_answer_clear(&first);
    tg_answer_clear(&second);
}

static void
ask(struct tg_market *m, unsigned operation, const json_t *request)
{
    struct tg_answer a = { .status = 0 };
    struct tg_faults faults = { .count = 0 };

    switch (operation) {
    case 0:
        meter_twice(m, request);
        break;
    case 1:
        tg_market_resolve_customer(&a, m, request, T0);
        break;
    case 2:
        tg_market_get_entitlements(&a, m, request, T0);
        break;
    case 3:
        tg_market_list_product(&a, m, request, "http://h/");
        break;
    case 4:
        tg_market_buy(&a, m, request, T0);
        break;
    default:
        tg_fault_add(&a, &faults, request);
    }
    tg_answer_clear(&a);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t          *request = NULL;
    struct tg_market m;

    if (size < 1) {
        return 0;
    }
    if ((data[0] & 8) != 0) {
        (void) !tg_cbor_read(&request, data + 1, size - 1);
    } else {
        request = json_loadb((const char *) data + 1, size - 1,
            JSON_REJECT_DUPLICATES, NULL);
    }
    if (json_is_object(request) && tg_market_init(&m) == TG_OK) {
        add_agreement(&m, "l", "license", "subscription");
        add_agreement(&m, "a", "account", "contract-with-consumption");
        add_agreement(&m, "c", "customer", "contract");
        ask(&m, data[0] & 7, request);
        tg_market_clear(&m);
    }
    json_decref(request);
    return 0;
}
