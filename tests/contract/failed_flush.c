/* A disk whose flush fails: preloaded, fsync and fdatasync of a write-ahead log fail while the file FAILED_FLUSH exists,
   although what was written is there. */
#define _GNU_SOURCE
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(int file) {
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length < 4 || access(getenv("FAILED_FLUSH"), F_OK)) return 0;
    path[length] = 0;
    return strcmp(path + length - 4, "-wal") == 0;
}

static int flush(long call, int file) {
    if (fails(file)) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(call, file);
}

int fsync(int file) { return flush(SYS_fsync, file); }
int fdatasync(int file) { return flush(SYS_fdatasync, file); }
