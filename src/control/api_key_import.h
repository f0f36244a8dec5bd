/*
 * api_key_import.h - ImportApiKeys
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_API_KEY_IMPORT_H
#define TG_CONTROL_API_KEY_IMPORT_H

#include "control/call.h"

enum tg_status tg_import_api_keys(struct tg_control_call *call);

#endif
