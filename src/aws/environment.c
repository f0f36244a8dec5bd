/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/environment.h"

#include <stdlib.h>
#include <strings.h>

const char *
tg_aws_env(const char *name)
{
    const char *value = getenv(name);

    return value != NULL && value[0] != '\0' ? value : NULL;
}

bool
tg_aws_is_true(const char *value)
{
    return value != NULL && strcasecmp(value, "true") == 0;
}

bool
tg_aws_env_is_true(const char *name)
{
    return tg_aws_is_true(tg_aws_env(name));
}
