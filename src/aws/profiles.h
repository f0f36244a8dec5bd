/*
 * profiles.h - the shared config and credentials files of AWS's tools
 *
 * Read into memory whole; who asks for a setting gets its value and the file
 * and line where it stands, so that whatever is wrong can be found.
 *
 * Promises
 *   P1  A line that is neither empty, comment, [section], name = value nor
 *       indented under one is an error with file and line: half-read
 *       credentials are worse than none.
 *   P2  A setting that stands in both files is that of the credentials file.
 *       Profiles inherit nothing from [default].
 *   P3  What was read is wiped when it is freed.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_PROFILES_H
#define TG_AWS_PROFILES_H

#include <stdbool.h>

#include "util/error.h"

struct tg_aws_profiles;

/* A value and where it stands; all lent. */
struct tg_aws_setting {
    const char *value;
    const char *file;
    int         line;
    bool        is_config; /* in the config file, not among credentials */
};

/*
 * Reads the file named (which must be there, and may hold sections of both
 * kinds), or with NULL those that AWS's tools would read, as far as they
 * exist: AWS_SHARED_CREDENTIALS_FILE and AWS_CONFIG_FILE, else in ~/.aws.
 */
TG_MUST_CHECK enum tg_status tg_aws_profiles_read(
    struct tg_aws_profiles **out, const char *file, struct tg_error *err);
void tg_aws_profiles_free(struct tg_aws_profiles *p);

/* Changes when a file does: another time, size or inode. */
struct tg_aws_stamp {
    long long parts[8];
};
struct tg_aws_stamp tg_aws_profiles_stamp(const char *file);

/* "/home/u/.aws/credentials and /home/u/.aws/config"; lent. */
const char *tg_aws_profiles_names(const struct tg_aws_profiles *p);

bool tg_aws_profile_exists(const struct tg_aws_profiles *p,
    const char *profile);

/* False: the profile has no such setting, or an empty one. */
bool tg_aws_profile_get(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, const char *profile, const char *name);

/*
 * The same for a nested setting of [services NAME]: service is the parent's
 * name ("marketplace_metering").  *exists: whether there is the section.
 */
bool tg_aws_services_get(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, bool *exists, const char *services,
    const char *service, const char *name);

/* The first setting of the profile whose name begins so. */
bool tg_aws_profile_find(const struct tg_aws_profiles *p,
    struct tg_aws_setting *out, const char **name, const char *profile,
    const char *prefix);

#endif
