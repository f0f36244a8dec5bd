/*
 * program.h - credentials that a program of the seller prints
 *
 * `credential_process' of a profile.  The line is split as a shell would
 * split it, but no shell runs it: nothing in it is expanded.
 *
 * Promises
 *   G1  A file that others may write names no program that we run.
 *   G2  A program gets a minute and 64 KiB; what it says on its standard
 *       error goes nowhere, since it may hold a secret.
 *
 * https://docs.aws.amazon.com/sdkref/latest/guide/feature-process-credentials.html
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef TG_AWS_PROGRAM_H
#define TG_AWS_PROGRAM_H

#include "aws/credentials.h"
#include "aws/profiles.h"
#include "util/error.h"

/* TG_INVALID: it fails, or what it prints is none; TG_IO: it cannot run. */
TG_MUST_CHECK enum tg_status tg_aws_program_credentials(
    struct tg_aws_credentials *out, const struct tg_aws_setting *setting,
    struct tg_error *err);

/*
 * Splits a command line into words, in place; NULL behind the last.
 * TG_INVALID: a quote is not closed, or there are more than max - 1 words.
 */
TG_MUST_CHECK enum tg_status tg_aws_words_split(char **words, size_t max,
    char *text);

#endif
