/*
 * standalone.c - runs a fuzz target on files, without a fuzzer
 *
 * Each argument is a file or a folder of files; every one is given to the
 * target once.  So the committed corpora, and with them all that fuzzing has
 * found, are replayed by every `meson test`.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#include <dirent.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define INPUT_MAX (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned inputs;

static int
run_file(const char *path)
{
    size_t   n;
    uint8_t *exact;
    FILE    *f = fopen(path, "rb");
    uint8_t *bytes = malloc(INPUT_MAX);

    if (f == NULL || bytes == NULL) {
        perror(path);
        free(bytes);
        return 1;
    }
    n = fread(bytes, 1, INPUT_MAX, f);
    (void) fclose(f);
    exact = malloc(n > 0 ? n : 1); /* so that a sanitizer sees the end */
    if (exact == NULL) {
        free(bytes);
        return 1;
    }
    for (size_t i = 0; i < n; i++) {
        exact[i] = bytes[i];
    }
    free(bytes);
    (void) LLVMFuzzerTestOneInput(exact, n);
    free(exact);
    inputs++;
    return 0;
}

static int
run_folder(const char *path)
{
    int            failed = 0;
    char           file[PATH_MAX];
    struct dirent *entry;
    DIR           *d = opendir(path);

    if (d == NULL) {
        perror(path);
        return 1;
    }
    while ((entry = readdir(d)) != NULL) {
        if (entry->d_name[0] != '.') {
            (void) snprintf(file, sizeof(file), "%s/%s", path,
                entry->d_name);
            failed |= run_file(file);
        }
    }
    (void) closedir(d);
    return failed;
}

int
main(int argc, char **argv)
{
    int failed = 0;

    for (int i = 1; i < argc; i++) {
        struct stat st;

        failed |= stat(argv[i], &st) == 0 && S_ISDIR(st.st_mode)
            ? run_folder(argv[i]) : run_file(argv[i]);
    }
    (void) printf("%u inputs\n", inputs);
    return failed || inputs == 0;
}
