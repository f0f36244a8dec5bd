/*
 * tags.h - the tags of a resource, by its ARN
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_CONTROL_TAGS_H
#define TG_CONTROL_TAGS_H

#include "control/call.h"

enum tg_status tg_get_tags(struct tg_control_call *call);
enum tg_status tg_tag_resource(struct tg_control_call *call);
enum tg_status tg_untag_resource(struct tg_control_call *call);

#endif
