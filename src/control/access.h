/*
 * access.h - what the operator does about access keys and the master key
 *
 * The calls behind `tallygate credentials`, on the operator's socket: whoever
 * may open that is the owner of the gateway, so there is no signature here.
 *
 *     GET    /access-keys          {"accessKeys": [...]}
 *     POST   /access-keys          {"userName", "role", "durationSeconds"?}
 *     DELETE /access-keys/{id}
 *     GET    /master-key           how far its replacement is
 *     POST   /master-key/rotate    begins one
 *
 * Each change is in the audit trail before it is answered.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_ACCESS_H
#define TG_CONTROL_ACCESS_H

#include <stdbool.h>

#include "control/control.h"
#include "http/http.h"

/* Whether the path is one of these. */
bool tg_access_is_path(const char *path);

/* A tg_http_handler; data is the struct tg_control. */
void tg_access_handle(struct tg_http_request *req,
    struct tg_http_response *res, void *data);

#endif
