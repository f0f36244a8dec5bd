/*
 * keys_file.c - words and slots that a damaged keys table may hold
 *
 * The header is made good; the input is what follows it.  Reading must stay
 * inside the file and end (Y5); a writer that opens it must find or mend
 * everything, and then work.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plane/keys_table.h"

#define WORDS 16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t file_id[TG_PLANE_ID_SIZE];

/* A file with the input behind a good header; its path. */
static int
make_file(char path[64], const uint8_t *data, uint64_t slots)
{
    int                     fd = memfd_create("keys", MFD_CLOEXEC);
    size_t                  size = tg_keys_file_size(WORDS, slots);
    uint8_t                 page[TG_MAPPED_PAGE] = { 0 };
    uint8_t                 digest[TG_SHA256_SIZE];
    struct tg_mapped_header h;

    tg_mapped_header_init(&h, TG_KEYS_MAGIC, 1, file_id);
    h.size = size;
    h.shape[0] = WORDS;
    h.shape[1] = slots;
    tg_sha256(digest, &h, offsetof(struct tg_mapped_header, check));
    memcpy(h.check, digest, sizeof(h.check));
    memcpy(page, &h, sizeof(h));
    assert(fd >= 0 && write(fd, page, sizeof(page)) == sizeof(page));
    assert(write(fd, data, size - sizeof(page))
        == (ssize_t) (size - sizeof(page)));
    (void) snprintf(path, 64, "/proc/self/fd/%d", fd);
    return fd;
}

/* Looks up the digest of every slot, as a worker would. */
static void
find_all(struct tg_keys_table *t)
{
    struct tg_key key;

    for (uint32_t i = 0; i < t->view.slot_count; i++) {
        uint8_t        digest[TG_SHA256_SIZE];
        enum tg_status status;

        memcpy(digest, t->view.slots[i].entry.digest, sizeof(digest));
        status = tg_keys_find(&t->view, digest, &key);
        assert(status != TG_OK || key.plan_count <= TG_KEY_PLANS_MAX);
    }
}

static void
change_all(struct tg_keys_table *t)
{
    struct tg_key have, key = { .id = "fuzz", .plan_count = 3 };

    for (uint8_t i = 0; i < 24; i++) {
        uint8_t digest[TG_SHA256_SIZE];

        tg_sha256(digest, &i, 1);
        if (tg_keys_table_has_room(t, digest, &key)) {
            tg_keys_table_put(t, digest, &key);
            assert(tg_keys_find(&t->view, digest, &have) == TG_OK);
            assert(have.plan_count == 3);
        }
        if (i % 3 == 0) {
            tg_keys_table_remove(t, digest);
            assert(tg_keys_find(&t->view, digest, &have) == TG_NOTFOUND);
        }
    }
}

/* What was derived agrees with the file: as many slots used as named. */
static void
check_books(struct tg_keys_table *t)
{
    uint8_t       digest[TG_SHA256_SIZE];
    uint64_t      pos = 0, n = 0;
    uint32_t      used = 0;
    struct tg_key key;

    while (tg_keys_table_next(t, &pos, digest, &key)) {
        n++;
        used += key.plan_count <= 1 ? 1 : 1 + (key.plan_count + 2) / 4;
    }
    assert(n == t->live && t->live <= t->filled);
    assert(used <= t->view.slot_count - t->free_slots);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   fd;
    char                  path[64];
    struct tg_keys_table *t;

    if (size < WORDS * sizeof(uint64_t) + sizeof(union tg_keys_slot)) {
        return 0;
    }
    fd = make_file(path, data, (size - WORDS * sizeof(uint64_t))
        / sizeof(union tg_keys_slot));
    assert(tg_keys_table_open(&t, path, 1, file_id, NULL) == TG_OK);
    check_books(t);
    find_all(t);
    change_all(t);
    check_books(t);
    find_all(t);
    tg_keys_table_close(t);
    (void) close(fd);
    return 0;
}
