/*
 * fault_sqlite.c - see fault.h: SQLite's memory, files and steps
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <sqlite3.h>
#include <stddef.h>
#include <string.h>

#include "fault.h"

/*
 * ---- memory
 */

static sqlite3_mem_methods memory; /* SQLite's own */

static void *
faulty_malloc(int size)
{
    return fault_is_due(FAULT_ALLOC) ? NULL : memory.xMalloc(size);
}

static void *
faulty_realloc(void *old, int size)
{
    return fault_is_due(FAULT_ALLOC) ? NULL : memory.xRealloc(old, size);
}

/*
 * ---- files
 */

static sqlite3_vfs *files; /* SQLite's own */
static sqlite3_vfs  faulty_files;

struct faulty_file {
    sqlite3_file  head;
    sqlite3_file *real; /* right behind */
};

static sqlite3_file *
real_of(sqlite3_file *file)
{
    return ((struct faulty_file *) file)->real;
}

static int
faulty_close(sqlite3_file *file)
{
    return real_of(file)->pMethods->xClose(real_of(file));
}

static int
faulty_read(sqlite3_file *file, void *data, int size, sqlite3_int64 at)
{
    return real_of(file)->pMethods->xRead(real_of(file), data, size, at);
}

static int
faulty_write(sqlite3_file *file, const void *data, int size,
    sqlite3_int64 at)
{
    sqlite3_file *real = real_of(file);

    if (fault_is_due(FAULT_FILE)) {
        (void) real->pMethods->xWrite(real, data, size / 2, at);
        return SQLITE_FULL;
    }
    return real->pMethods->xWrite(real, data, size, at);
}

static int
faulty_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    return fault_is_due(FAULT_FILE) ? SQLITE_IOERR_TRUNCATE
        : real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int
faulty_sync(sqlite3_file *file, int flags)
{
    fault_note_sync();
    return fault_is_due(FAULT_FILE) ? SQLITE_IOERR_FSYNC
        : real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int
faulty_size(sqlite3_file *file, sqlite3_int64 *size)
{
    return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int
faulty_lock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int
faulty_unlock(sqlite3_file *file, int lock)
{
    return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int
faulty_is_reserved(sqlite3_file *file, int *out)
{
    return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out);
}

static int
faulty_control(sqlite3_file *file, int what, void *data)
{
    return real_of(file)->pMethods->xFileControl(real_of(file), what, data);
}

static int
faulty_sector(sqlite3_file *file)
{
    return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int
faulty_traits(sqlite3_file *file)
{
    return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int
faulty_shm_map(sqlite3_file *file, int page, int size, int is_extending,
    void volatile **out)
{
    if (is_extending && fault_is_due(FAULT_FILE)) {
        return SQLITE_IOERR_SHMSIZE;
    }
    return real_of(file)->pMethods->xShmMap(real_of(file), page, size,
        is_extending, out);
}

static int
faulty_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
    return real_of(file)->pMethods->xShmLock(real_of(file), offset, n,
        flags);
}

static void
faulty_shm_barrier(sqlite3_file *file)
{
    real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int
faulty_shm_unmap(sqlite3_file *file, int is_deleting)
{
    return real_of(file)->pMethods->xShmUnmap(real_of(file), is_deleting);
}

static const sqlite3_io_methods faulty_methods = {
    .iVersion = 2, /* with shared memory, without mapped reads */
    .xClose = faulty_close,
    .xRead = faulty_read,
    .xWrite = faulty_write,
    .xTruncate = faulty_truncate,
    .xSync = faulty_sync,
    .xFileSize = faulty_size,
    .xLock = faulty_lock,
    .xUnlock = faulty_unlock,
    .xCheckReservedLock = faulty_is_reserved,
    .xFileControl = faulty_control,
    .xSectorSize = faulty_sector,
    .xDeviceCharacteristics = faulty_traits,
    .xShmMap = faulty_shm_map,
    .xShmLock = faulty_shm_lock,
    .xShmBarrier = faulty_shm_barrier,
    .xShmUnmap = faulty_shm_unmap,
};

static int
faulty_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
    int flags, int *out_flags)
{
    int                 code;
    struct faulty_file *f = (struct faulty_file *) file;

    (void) vfs;
    f->head.pMethods = NULL;
    f->real = (sqlite3_file *) (void *) (f + 1);
    if (fault_is_due(FAULT_FILE)) {
        return SQLITE_CANTOPEN;
    }
    code = files->xOpen(files, name, f->real, flags, out_flags);
    if (f->real->pMethods != NULL) {
        f->head.pMethods = &faulty_methods;
    }
    return code;
}

static int
faulty_delete(sqlite3_vfs *vfs, const char *name, int is_synced)
{
    (void) vfs;
    return fault_is_due(FAULT_FILE) ? SQLITE_IOERR_DELETE
                                    : files->xDelete(files, name, is_synced);
}

__attribute__((constructor)) static void
take_sqlite(void)
{
    static sqlite3_mem_methods faulty_memory;

    (void) sqlite3_config(SQLITE_CONFIG_GETMALLOC, &memory);
    faulty_memory = memory;
    faulty_memory.xMalloc = faulty_malloc;
    faulty_memory.xRealloc = faulty_realloc;
    (void) sqlite3_config(SQLITE_CONFIG_MALLOC, &faulty_memory);
    (void) sqlite3_initialize();
    files = sqlite3_vfs_find(NULL);
    faulty_files = *files;
    faulty_files.zName = "faulty";
    faulty_files.szOsFile += (int) sizeof(struct faulty_file);
    faulty_files.xOpen = faulty_open;
    faulty_files.xDelete = faulty_delete;
    (void) sqlite3_vfs_register(&faulty_files, 1);
}

/*
 * ---- steps
 */

/* NOLINTBEGIN(bugprone-reserved-identifier): the linker's names */
int __real_sqlite3_step(sqlite3_stmt *q);
int __wrap_sqlite3_step(sqlite3_stmt *q);
int __real_sqlite3_exec(sqlite3 *db, const char *sql,
    int (*row)(void *, int, char **, char **), void *data, char **message);
int __wrap_sqlite3_exec(sqlite3 *db, const char *sql,
    int (*row)(void *, int, char **, char **), void *data, char **message);
int __real_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size,
    unsigned flags, sqlite3_stmt **out, const char **end);
int __wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size,
    unsigned flags, sqlite3_stmt **out, const char **end);

int
__wrap_sqlite3_step(sqlite3_stmt *q)
{
    return fault_is_due(FAULT_SQL) ? SQLITE_IOERR : __real_sqlite3_step(q);
}

int
__wrap_sqlite3_exec(sqlite3 *db, const char *sql,
    int (*row)(void *, int, char **, char **), void *data, char **message)
{
    if (strcmp(sql, "ROLLBACK") != 0 && fault_is_due(FAULT_SQL)) {
        return SQLITE_IOERR;
    }
    return __real_sqlite3_exec(db, sql, row, data, message);
}

int
__wrap_sqlite3_prepare_v3(sqlite3 *db, const char *sql, int size,
    unsigned flags, sqlite3_stmt **out, const char **end)
{
    if (fault_is_due(FAULT_SQL)) {
        *out = NULL;
        return SQLITE_IOERR;
    }
    return __real_sqlite3_prepare_v3(db, sql, size, flags, out, end);
}
/* NOLINTEND(bugprone-reserved-identifier) */
