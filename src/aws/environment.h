/*
 * environment.h - AWS_* variables, as AWS's SDKs read them
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_ENVIRONMENT_H
#define TG_AWS_ENVIRONMENT_H

#include <stdbool.h>

/* The variable; NULL when it is not set or empty. */
const char *tg_aws_env(const char *name);

/* Whether it says "true", in any case. */
bool tg_aws_env_is_true(const char *name);
bool tg_aws_is_true(const char *value); /* NULL: no */

#endif
