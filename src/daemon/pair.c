/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/pair.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "util/file.h"

#define FILE_MAX_BYTES (256 * 1024)
#define NAMES_MAX_BYTES (64 * 1024)
#define NAME_MAX_BYTES 253 /* RFC 1035, section 2.3.4, as text */

struct reader {
    struct tg_pair  *out;
    const char      *certificate_path;
    const char      *key_path;
    struct tg_error *err;
};

/* libcrypto would ask the terminal for a pass phrase. */
static int
no_pass_phrase(char *buf, int size, int is_writing, void *data)
{
    (void) buf;
    (void) size;
    (void) is_writing;
    (void) data;
    return -1;
}

/* The file in a BIO of its own memory, which text keeps alive. */
static enum tg_status
open_file(BIO **out, struct tg_buf *text, const char *path,
    struct tg_error *err)
{
    enum tg_status status;

    *out = NULL;
    tg_buf_init(text, FILE_MAX_BYTES);
    status = tg_file_read(text, path, err);
    if (status != TG_OK) {
        return status;
    }
    *out = BIO_new_mem_buf(text->len == 0 ? "" : text->data,
        (int) text->len);
    return *out == NULL ? tg_error_set(err, TG_NOMEM, "out of memory")
                        : TG_OK;
}

static void
close_file(BIO *bio, struct tg_buf *text)
{
    (void) BIO_free(bio);
    if (text->data != NULL) {
        OPENSSL_cleanse(text->data, text->cap);
    }
    tg_buf_clear(text);
}

/* A server name as nginx.conf may hold it: letters, digits, - . _ and *. */
static bool
is_host_name(const char *name, size_t len)
{
    if (len == 0 || len > NAME_MAX_BYTES || name[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char) name[i];

        if (!isalnum(c) && c != '-' && c != '.' && c != '_'
            && !(c == '*' && i == 0 && len > 2 && name[1] == '.'))
        {
            return false;
        }
    }
    return true;
}

static void
add_names(struct tg_buf *out, X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name,
        NULL, NULL);

    for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char         *text;
        size_t              len;

        if (name->type != GEN_DNS) {
            continue;
        }
        text = (const char *) ASN1_STRING_get0_data(name->d.dNSName);
        len = (size_t) ASN1_STRING_length(name->d.dNSName);
        if (is_host_name(text, len)) {
            (void) tg_buf_printf(out, "%s%.*s", out->len == 0 ? "" : " ",
                (int) len, text);
        }
    }
    GENERAL_NAMES_free(names);
}

static int64_t
time_of(const ASN1_TIME *when)
{
    struct tm tm;

    return ASN1_TIME_to_tm(when, &tm) == 1 ? (int64_t) timegm(&tm) : 0;
}

/* The first certificate is the server's, the others are its chain. */
static enum tg_status
read_chain(struct reader *r, BIO *in, BIO *out, X509 **leaf)
{
    X509 *next;

    *leaf = PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL);
    if (*leaf == NULL) {
        return tg_error_set(r->err, TG_INVALID,
            "%s: holds no certificate (PEM)", r->certificate_path);
    }
    (void) PEM_write_bio_X509(out, *leaf);
    while ((next = PEM_read_bio_X509(in, NULL, no_pass_phrase, NULL))
        != NULL)
    {
        (void) PEM_write_bio_X509(out, next);
        X509_free(next);
    }
    if (ERR_GET_REASON(ERR_peek_last_error()) != PEM_R_NO_START_LINE) {
        return tg_error_set(r->err, TG_INVALID,
            "%s: a certificate of its chain cannot be read",
            r->certificate_path);
    }
    r->out->starts_s = time_of(X509_get0_notBefore(*leaf));
    r->out->expires_s = time_of(X509_get0_notAfter(*leaf));
    add_names(&r->out->names, *leaf);
    return TG_OK;
}

static enum tg_status
read_key(struct reader *r, BIO *in, BIO *out, X509 *leaf)
{
    EVP_PKEY      *key = PEM_read_bio_PrivateKey(in, NULL, no_pass_phrase,
        NULL);
    enum tg_status status = TG_OK;

    if (key == NULL) {
        return tg_error_set(r->err, TG_INVALID,
            "%s: holds no private key (PEM, without a pass phrase)",
            r->key_path);
    }
    if (X509_check_private_key(leaf, key) != 1) {
        status = tg_error_set(r->err, TG_INVALID,
            "%s: is not the key of the certificate in %s", r->key_path,
            r->certificate_path);
    }
    (void) PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL);
    EVP_PKEY_free(key);
    return status;
}

static enum tg_status
take_text(struct reader *r, BIO *from)
{
    char *text;
    long  len = BIO_get_mem_data(from, &text);

    (void) tg_buf_add(&r->out->pem, text, (size_t) len);
    OPENSSL_cleanse(text, (size_t) len);
    if (r->out->pem.status != TG_OK || r->out->names.status != TG_OK) {
        return tg_error_set(r->err, TG_INVALID,
            "%s: longer than a certificate is", r->certificate_path);
    }
    return TG_OK;
}

enum tg_status
tg_pair_read(struct tg_pair *out, const char *certificate_path,
    const char *key_path, struct tg_error *err)
{
    struct reader  r = { out, certificate_path, key_path, err };
    struct tg_buf  certificate_text, key_text = { 0 };
    BIO           *certificate, *key = NULL, *both = BIO_new(BIO_s_mem());
    X509          *leaf = NULL;
    enum tg_status status;

    tg_buf_init(&out->pem, 2 * FILE_MAX_BYTES);
    tg_buf_init(&out->names, NAMES_MAX_BYTES);
    ERR_clear_error();
    status = open_file(&certificate, &certificate_text, certificate_path,
        err);
    if (status == TG_OK && both == NULL) {
        status = tg_error_set(err, TG_NOMEM, "out of memory");
    }
    if (status == TG_OK) {
        status = open_file(&key, &key_text, key_path, err);
    }
    if (status == TG_OK) {
        status = read_chain(&r, certificate, both, &leaf);
    }
    if (status == TG_OK) {
        status = read_key(&r, key, both, leaf);
    }
    if (status == TG_OK) {
        status = take_text(&r, both);
    }
    X509_free(leaf);
    close_file(certificate, &certificate_text);
    close_file(key, &key_text);
    (void) BIO_free(both);
    ERR_clear_error();
    return status;
}

void
tg_pair_clear(struct tg_pair *p)
{
    if (p->pem.data != NULL) {
        OPENSSL_cleanse(p->pem.data, p->pem.cap);
    }
    tg_buf_clear(&p->pem);
    tg_buf_clear(&p->names);
}
