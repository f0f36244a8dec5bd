/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/setup.h"

#include <stdio.h>
#include <string.h>

#include "aws/endpoint.h"
#include "aws/environment.h"
#include "aws/profiles.h"

static enum tg_status
find_endpoint(struct tg_aws_setup *out,
    const struct tg_aws_endpoint_query *query, struct tg_error *err)
{
    enum tg_status status;
    struct tg_buf  url;

    tg_buf_init(&url, sizeof(out->metering_endpoint) - 1);
    status = tg_aws_endpoint_find(&url, NULL, query, err);
    if (status == TG_OK) {
        memcpy(out->metering_endpoint, url.data, url.len + 1);
    }
    tg_buf_clear(&url);
    return status;
}

static void
find_ca_bundle(struct tg_aws_setup *out,
    const struct tg_aws_profiles *profiles, const char *profile)
{
    struct tg_aws_setting s = { NULL, NULL, 0, false };
    const char           *path = tg_aws_env("AWS_CA_BUNDLE");

    if (path == NULL
        && tg_aws_profile_get(profiles, &s, profile, "ca_bundle"))
    {
        path = s.value;
    }
    (void) snprintf(out->ca_bundle, sizeof(out->ca_bundle), "%s",
        path != NULL ? path : "");
}

enum tg_status
tg_aws_setup_read(struct tg_aws_setup *out,
    const struct tg_aws_source *source, const char *named,
    struct tg_error *err)
{
    enum tg_status               status;
    struct tg_aws_profiles      *profiles;
    struct tg_aws_endpoint_query query = { .service = TG_AWS_METERING,
        .named = named, .region = source->region };

    status = tg_aws_profiles_read(&profiles, source->file, err);
    if (status == TG_NOTFOUND) { /* a file that is to come: keys are later */
        status = tg_aws_profiles_read(&profiles, "/dev/null", err);
    }
    if (status != TG_OK) {
        return status;
    }
    query.profiles = profiles;
    query.profile = tg_aws_chain_profile(source);
    status = find_endpoint(out, &query, err);
    find_ca_bundle(out, profiles, query.profile);
    tg_aws_profiles_free(profiles);
    return status;
}
